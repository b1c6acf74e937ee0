// Rows of one height, of which only those in sight exist: ten thousand scroll like thirty.

/** Rows kept ready above and below what is seen. */
const OVERSCAN = 8;
/** After a scroll rests this long, the rows stand in the document as they stand on the page. */
const REST_MILLISECONDS = 250;

export class VirtualList {
  #list;
  #make;
  #show;
  #items = [];
  #rows = [];
  #rowHeight = 0;
  #frame = 0;
  #restTimer = 0;
  /** The one that the keyboard is at: an item, as its place may change. */
  #current = null;
  #currentIndex = 0;
  #abort = new AbortController();

  /**
   * @param {HTMLElement} list
   * @param {() => {element: HTMLElement, link: HTMLElement}} make a row
   * @param {(row, item, index: number) => void} show fills it
   */
  constructor(list, make, show) {
    this.#list = list;
    this.#make = make;
    this.#show = show;
    const signal = this.#abort.signal;
    addEventListener("scroll", () => this.#request(), { passive: true, signal });
    addEventListener("resize", () => this.#resize(), { signal });
    list.addEventListener("keydown", (event) => this.#key(event), { signal });
    list.addEventListener("focusin", (event) => this.#noteFocus(event), { signal });
  }

  set items(items) {
    this.#items = items;
    (this.#list.closest("[role=table]") ?? this.#list).setAttribute("aria-rowcount", String(items.length + 1));
    if (!this.#rowHeight) this.#measure();
    this.#list.style.height = `${items.length * this.#rowHeight}px`;
    const place = this.#current === null ? -1 : items.indexOf(this.#current);
    this.#currentIndex = place >= 0 ? place : Math.min(this.#currentIndex, Math.max(0, items.length - 1));
    this.#layOut();
  }

  /** Whether the keyboard is in it: then rows stay where they are. */
  get hasFocus() {
    return this.#list.contains(document.activeElement);
  }

  /** Shows what changed in the rows that are in sight. */
  refresh() {
    for (const row of this.#rows) if (row.index >= 0 && row.index < this.#items.length) this.#show(row, this.#items[row.index], row.index);
  }

  dispose() {
    this.#abort.abort();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#restTimer);
  }

  #request() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#layOut();
    });
  }

  #resize() {
    this.#rowHeight = 0;
    for (const row of this.#rows) row.index = -1;
    this.items = this.#items;
  }

  #measure() {
    const row = this.#rows[0] ?? this.#addRow();
    row.element.hidden = false;
    this.#rowHeight = row.element.getBoundingClientRect().height || 48;
  }

  #addRow() {
    const row = this.#make();
    row.index = -1;
    this.#list.append(row.element);
    this.#rows.push(row);
    return row;
  }

  #layOut() {
    const top = this.#list.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / this.#rowHeight) - OVERSCAN);
    const last = Math.min(this.#items.length, Math.ceil((innerHeight - top) / this.#rowHeight) + OVERSCAN);
    while (this.#rows.length < last - first) this.#addRow();
    const focused = this.#rows.find((row) => row.index >= 0 && row.element.contains(document.activeElement));
    const free = [];
    const placed = new Set();
    for (const row of this.#rows) {
      if (row.index >= first && row.index < last) placed.add(row.index);
      else if (row !== focused) free.push(row);
    }
    // Who has the focus keeps its row, wherever that is now: it must not become another one under the hand.
    if (focused && this.#currentIndex !== focused.index && this.#items[this.#currentIndex] === this.#current) {
      const other = this.#rows.find((row) => row !== focused && row.index === this.#currentIndex);
      if (other) this.#put(other, focused.index);
      this.#put(focused, this.#currentIndex);
      placed.add(this.#currentIndex);
    }
    for (let index = first; index < last; index += 1) {
      if (placed.has(index)) continue;
      const row = free.pop();
      if (row) this.#put(row, index);
    }
    for (const row of free) this.#hide(row);
    for (const row of this.#rows) {
      if (row.index < 0) continue;
      if (row.index >= this.#items.length) this.#hide(row);
      else this.#show(row, this.#items[row.index], row.index);
      row.link.tabIndex = row.index === this.#currentIndex ? 0 : -1;
    }
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => this.#order(), REST_MILLISECONDS);
  }

  #put(row, index) {
    if (row.element.hidden) row.element.hidden = false;
    row.index = index;
    row.element.style.transform = `translateY(${index * this.#rowHeight}px)`;
    // The head is the first row.
    row.element.setAttribute("aria-rowindex", String(index + 2));
  }

  #hide(row) {
    row.index = -1;
    row.element.hidden = true;
  }

  /** Who reads the document rather than the page reads it from top to bottom. */
  #order() {
    if (this.hasFocus) return;
    const seen = this.#rows.filter((row) => row.index >= 0).sort((one, other) => one.index - other.index);
    if (seen.every((row, place) => this.#list.children[place] === row.element)) return;
    this.#list.prepend(...seen.map((row) => row.element));
  }

  #noteFocus(event) {
    const row = this.#rows.find((one) => one.element.contains(event.target));
    if (row && row.index >= 0) this.#take(row.index);
  }

  #key(event) {
    const page = Math.max(1, Math.floor(innerHeight / this.#rowHeight) - 3);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const index = Math.min(this.#items.length - 1, Math.max(0, this.#currentIndex + step));
    const top = this.#list.getBoundingClientRect().top + index * this.#rowHeight;
    const margin = this.#rowHeight * 2;
    if (top < margin) scrollBy({ top: top - margin, behavior: "instant" });
    else if (top + this.#rowHeight > innerHeight - margin) scrollBy({ top: top + this.#rowHeight - innerHeight + margin, behavior: "instant" });
    this.#blurQuietly();
    this.#layOut();
    this.#take(index);
    this.#rows.find((row) => row.index === index)?.link.focus({ preventScroll: true });
  }

  /** So that the row that is left may be given another item. */
  #blurQuietly() {
    this.#current = null;
    if (this.hasFocus) document.activeElement.blur();
  }

  #take(index) {
    this.#currentIndex = index;
    this.#current = this.#items[index] ?? null;
    for (const row of this.#rows) row.link.tabIndex = row.index === index ? 0 : -1;
  }
}
