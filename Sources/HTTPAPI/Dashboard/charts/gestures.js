// What hands do on a chart: choose a stretch, move along, come nearer. Tells fractions of the plot's width.

const WHEEL_STEP = 1.0015;
const CHOSEN_PIXELS_MIN = 6;
const PAN_SHARE = 0.2;
const ZOOM_STEP = 0.6;

export class Gestures {
  #area;
  #plot;
  #listener;
  #pointers = new Map();
  #mode = null;
  #startedAt = 0;
  #selection;

  /**
   * @param {HTMLElement} area takes the focus
   * @param {() => {left: number, width: number}} plot where the plot is, in the area's pixels
   * @param listener `zoom(factor, at)`, `pan(share)`, `choose(from, to)`, `reset()`
   */
  constructor(area, plot, listener) {
    this.#area = area;
    this.#plot = plot;
    this.#listener = listener;
    this.#selection = document.createElement("div");
    this.#selection.className = "selection";
    this.#selection.hidden = true;
    area.append(this.#selection);
    area.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    area.addEventListener("pointerdown", (event) => this.#down(event));
    area.addEventListener("pointermove", (event) => this.#move(event));
    area.addEventListener("pointerup", (event) => this.#up(event));
    area.addEventListener("pointercancel", (event) => this.#drop(event));
    area.addEventListener("lostpointercapture", (event) => this.#drop(event));
    area.addEventListener("dblclick", () => listener.reset());
    area.addEventListener("keydown", (event) => this.#key(event));
  }

  get isBusy() {
    return this.#pointers.size > 0;
  }

  #share(x) {
    const { left, width } = this.#plot();
    return Math.min(1, Math.max(0, (x - this.#area.getBoundingClientRect().left - left) / Math.max(1, width)));
  }

  /** The page scrolls over a chart as elsewhere; with Ctrl, or sideways, the wheel is the chart's. */
  #wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.#listener.zoom(WHEEL_STEP ** event.deltaY, this.#share(event.clientX));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      this.#listener.pan((event.deltaX || event.deltaY) / Math.max(1, this.#plot().width));
    }
  }

  #down(event) {
    if (event.pointerType === "mouse" && event.button > 1) return;
    this.#pointers.set(event.pointerId, event.clientX);
    this.#area.setPointerCapture(event.pointerId);
    if (this.#pointers.size > 1) this.#mode = "pinch";
    else this.#mode = event.pointerType === "mouse" && !event.shiftKey && event.button === 0 ? "choose" : "pan";
    this.#startedAt = event.clientX;
    this.#area.dataset.mode = this.#mode;
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return;
    const width = Math.max(1, this.#plot().width);
    if (this.#mode === "pan") this.#listener.pan((before - event.clientX) / width);
    else if (this.#mode === "choose") this.#showChosen(event.clientX);
    else this.#pinch(event);
    this.#pointers.set(event.pointerId, event.clientX);
  }

  #pinch(event) {
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
    if (others.length === 0) return;
    const distance = (x) => Math.max(10, Math.abs(x - others[0]));
    const before = distance(this.#pointers.get(event.pointerId));
    this.#listener.zoom(before / distance(event.clientX), this.#share((event.clientX + others[0]) / 2));
  }

  #up(event) {
    const isChosen = this.#mode === "choose" && Math.abs(event.clientX - this.#startedAt) >= CHOSEN_PIXELS_MIN;
    const [from, to] = [this.#share(this.#startedAt), this.#share(event.clientX)].sort((one, other) => one - other);
    this.#drop(event);
    if (isChosen) this.#listener.choose(from, to);
  }

  #drop(event) {
    this.#pointers.delete(event.pointerId);
    this.#mode = this.#pointers.size > 0 ? "pan" : null;
    this.#selection.hidden = true;
    delete this.#area.dataset.mode;
  }

  #showChosen(x) {
    const { left, width } = this.#plot();
    const [from, to] = [this.#share(this.#startedAt), this.#share(x)].sort((one, other) => one - other);
    this.#selection.style.left = `${left + from * width}px`;
    this.#selection.style.width = `${(to - from) * width}px`;
    this.#selection.hidden = false;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const listener = this.#listener;
    const actions = {
      ArrowLeft: () => listener.pan(-PAN_SHARE),
      ArrowRight: () => listener.pan(PAN_SHARE),
      "+": () => listener.zoom(ZOOM_STEP, 0.5),
      "=": () => listener.zoom(ZOOM_STEP, 0.5),
      "-": () => listener.zoom(1 / ZOOM_STEP, 0.5),
      0: () => listener.reset(),
      Escape: () => listener.reset(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
