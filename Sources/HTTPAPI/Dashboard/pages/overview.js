// The whole fleet: its numbers, its flock, and every device, the anomalous first.

import { element, mark, say } from "../parts/dom.js";
import { count } from "../parts/format.js";
import { EpisodeList } from "../parts/episode-list.js";
import { DeviceCards } from "../fleet/device-cards.js";
import { DeviceList } from "../fleet/device-list.js";
import { FlockStrip } from "../fleet/flock-strip.js";

const COUNTS = [
  ["all", "devices"],
  ["online", "online"],
  ["anomaly", "anomalous"],
  ["learning", "learning"],
  ["silent", "silent"],
];
/** Up to here a fleet is shown as cards, unless somebody wants it otherwise. */
const CARDS_MAX = 40;
/** And down to here it stays a list: a device that comes and goes does not change the page. */
const CARDS_AGAIN = 30;
const ORDER_EVERY_MILLISECONDS = 1000;
/** Rows do not change places under a hand that is about to press, nor under the keyboard; but not for ever. */
const HAND_MILLISECONDS = 1500;
const HELD_MILLISECONDS_MAX = 15000;
const EPISODES_SHOWN = 6;

export class OverviewPage {
  title = "";
  element;
  #site;
  #filter = { state: "all", type: "", words: "" };
  #layout = "auto";
  #view = null;
  #viewKind = "";
  #chosen = [];
  #orderedAt = -Infinity;
  #countedAt = -Infinity;
  #handAt = -Infinity;
  #part;
  #strip;
  #happened;
  #isNews = false;
  #stop;

  constructor(site) {
    this.#site = site;
    Object.assign(this.#filter, site.kept.filter);
    this.#layout = site.kept.layout ?? "auto";
    this.#strip = new FlockStrip(site.clusterWatch);
    this.#part = {
      counts: element("div.counts", { role: "group", "aria-label": "The fleet in numbers; choose one to see only those" }, ...COUNTS.map((one) => this.#countButton(...one))),
      search: element("input.search", {
        id: "search", type: "search", placeholder: "Find a device", "aria-label": "Find a device by its id", autocomplete: "off",
        spellcheck: "false", enterkeyhint: "search", value: this.#filter.words, on: { input: () => this.#choose({ words: this.#part.search.value.trim().toLowerCase() }) },
      }),
      type: element("select.select", { "aria-label": "Show devices with this metric", on: { change: () => this.#choose({ type: this.#part.type.value }) } }, element("option", { value: "", text: "all metrics" })),
      layout: element("div.segments", { role: "group", "aria-label": "Show devices as" }, this.#segment("cards"), this.#segment("list")),
      fleet: element("section.fleet-area", { "aria-label": "Devices", id: "fleet", tabindex: "-1" }),
      empty: element("div.empty", { hidden: true }, element("p.empty-title"), element("p.empty-detail")),
      happened: element("ol.episodes"),
      quiet: element("p.quiet", { text: "Nothing yet." }),
    };
    this.#happened = new EpisodeList(this.#part.happened);
    this.element = element(
      "div.overview",
      {},
      this.#part.counts,
      this.#strip.element,
      element(
        "section.happened",
        { "aria-label": "What happened" },
        element("header.panel-head", {}, element("h2", { text: "What happened" }), element("a.all", { href: "#/anomalies", text: "all" })),
        this.#part.happened,
        this.#part.quiet,
      ),
      element("div.tools", {}, this.#part.search, this.#part.type, this.#part.layout),
      element("div.devices", {}, this.#part.fleet, this.#part.empty),
    );
    for (const event of ["pointermove", "pointerdown"]) {
      this.#part.fleet.addEventListener(event, () => (this.#handAt = performance.now()), { passive: true });
    }
    this.#stop = site.episodes.onChange(() => (this.#isNews = true));
  }

  #countButton(state, word) {
    return element(
      "button.count",
      { type: "button", data: { filter: state }, "aria-pressed": "false", on: { click: () => this.#choose({ state: this.#filter.state === state ? "all" : state }) } },
      element("b", { text: "–" }), " ", element("span", { text: word }),
    );
  }

  #segment(kind) {
    return element("button.segment", { type: "button", data: { layout: kind }, "aria-pressed": "false", text: kind, on: { click: () => this.#lay(kind) } });
  }

  show() {
    this.#showEpisodes();
    this.changed();
  }

  #choose(change) {
    Object.assign(this.#filter, change);
    this.#site.kept.filter = { ...this.#filter };
    this.#orderedAt = -Infinity;
    this.changed();
  }

  #lay(kind) {
    this.#layout = kind;
    this.#site.kept.layout = kind;
    this.#orderedAt = -Infinity;
    this.changed();
  }

  /** Something in the fleet is new: a few times a second. */
  changed() {
    const now = performance.now();
    const isHeld = now - this.#handAt < HAND_MILLISECONDS || this.#view?.hasFocus === true;
    if (now - this.#orderedAt >= (isHeld ? HELD_MILLISECONDS_MAX : ORDER_EVERY_MILLISECONDS)) this.#order(now);
    else if (now - this.#countedAt >= ORDER_EVERY_MILLISECONDS) this.#count(now);
    this.#view?.refresh(this.#site.feed.now);
  }

  #order(now) {
    this.#orderedAt = now;
    const { fleet } = this.#site;
    this.#chosen = this.#site.isKnown ? fleet.select(this.#filter, now) : [];
    this.#ensureView(fleet.size);
    this.#view.items = this.#chosen;
    this.#count(now);
    this.#showEmpty();
  }

  #count(now) {
    this.#countedAt = now;
    const { fleet } = this.#site;
    this.#showCounts(fleet.counts());
    this.#showTypes(fleet.types);
  }

  #ensureView(size) {
    // Of a fleet that is still being told nobody knows yet how large it is.
    const isSmall = this.#site.isKnown ? size <= (this.#viewKind === "list" ? CARDS_AGAIN : CARDS_MAX) : this.#viewKind !== "list";
    const kind = this.#layout === "auto" ? (isSmall ? "cards" : "list") : this.#layout;
    if (kind === this.#viewKind) return;
    this.#view?.dispose();
    this.#viewKind = kind;
    this.#view = kind === "cards" ? new DeviceCards(this.#part.fleet, this.#site) : new DeviceList(this.#part.fleet, this.#site);
    for (const segment of this.#part.layout.children) segment.setAttribute("aria-pressed", String(segment.dataset.layout === kind));
  }

  #showCounts(counts) {
    for (const button of this.#part.counts.children) {
      const state = button.dataset.filter;
      const isOn = state === this.#filter.state;
      say(button.firstElementChild, this.#site.isKnown ? count(counts[state]) : "–");
      button.classList.toggle("raised", state === "anomaly" && counts.anomaly > 0);
      button.classList.toggle("muted", counts[state] === 0);
      if (button.getAttribute("aria-pressed") !== String(isOn)) button.setAttribute("aria-pressed", String(isOn));
    }
  }

  #showTypes(types) {
    const select = this.#part.type;
    const wanted = [...types.keys()].sort();
    if (this.#filter.type && !types.has(this.#filter.type)) wanted.push(this.#filter.type);
    const known = [...select.options].slice(1).map((option) => option.value);
    if (wanted.length === known.length && wanted.every((type, index) => type === known[index])) return;
    while (select.options.length > 1) select.remove(1);
    for (const type of wanted) select.add(element("option", { value: type, text: type }));
    select.value = this.#filter.type;
  }

  #showEmpty() {
    const { empty } = this.#part;
    const { size } = this.#site.fleet;
    empty.hidden = this.#chosen.length > 0 || !this.#site.isKnown;
    if (empty.hidden) return;
    say(empty.firstElementChild, size > 0 ? "None of the devices" : "No device is active");
    const isNamed = this.#filter.words || this.#filter.type;
    say(
      empty.lastElementChild,
      size === 0 ? `Point devices at ${location.origin}/data: each one shows up here with its first reading.` : isNamed ? "No device fits what you are looking for." : "No device is in this state now.",
    );
  }

  #showEpisodes() {
    this.#isNews = false;
    const { list, isLoaded, error } = this.#site.episodes;
    const now = this.#site.feed.now;
    this.#happened.show(list.slice(0, EPISODES_SHOWN), now);
    this.#part.quiet.hidden = list.length > 0;
    say(this.#part.quiet, error || (isLoaded ? "No anomaly, no silence." : "asking…"));
    mark(this.#part.quiet, "bad", Boolean(error));
  }

  /** Once a second: ages go on. */
  tick() {
    this.changed();
    if (this.#isNews || this.#site.episodes.open.length > 0) this.#showEpisodes();
  }

  redraw() {
    this.#view?.redraw();
    this.#strip.redraw();
  }

  dispose() {
    this.#view?.dispose();
    this.#strip.dispose();
    this.#stop();
  }
}
