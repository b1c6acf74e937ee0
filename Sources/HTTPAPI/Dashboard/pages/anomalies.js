// Every episode: anomalies, silences, fleet incidents, the newest first.

import * as api from "../live/api.js";
import { newestFirst } from "../live/episodes.js";
import { element, mark, say } from "../parts/dom.js";
import { EpisodeList } from "../parts/episode-list.js";
import { count, dateOf } from "../parts/format.js";

const KINDS = [
  ["", "all"],
  ["anomaly", "anomalies"],
  ["silence", "silences"],
  ["fleet", "fleet incidents"],
];
const ASKED = 200;
const ASKED_OLDER = 1000;
/** Shown at once, and added by each press. */
const SHOWN_STEP = 200;
/** More than this is what the API is for. */
const KNOWN_MAX = 5000;

export class AnomaliesPage {
  title = "Anomalies";
  element;
  #site;
  #kind = "";
  #words = "";
  #openOnly = false;
  #older = [];
  #days = new Map();
  #shownMax = SHOWN_STEP;
  #trouble = "";
  #isAtEnd = false;
  #part;
  #isNews = false;
  #stop;

  constructor(site) {
    this.#site = site;
    this.#part = {
      kinds: element("div.segments", { role: "group", "aria-label": "Kind" }, ...KINDS.map(([kind, text]) => element("button.segment", { type: "button", text, data: { kind }, on: { click: () => this.#choose(kind) } }))),
      list: element("div.days"),
      said: element("p.quiet", { text: "asking…" }),
      more: element("button.more", { type: "button", text: "Show older", hidden: true, on: { click: () => this.#showMore() } }),
    };
    this.element = element(
      "div.anomalies-page",
      {},
      element("header.page-head", {}, element("h1", { text: "Anomalies" }), this.#part.said),
      element(
        "div.tools",
        {},
        this.#part.kinds,
        element("input.search", { type: "search", placeholder: "Device, metric or reason", "aria-label": "Find by device, metric or reason", autocomplete: "off", spellcheck: "false", on: { input: (event) => this.#find(event.target.value) } }),
        element("label.check", {}, element("input", { type: "checkbox", on: { change: (event) => this.#showOpen(event.target.checked) } }), " still going on"),
      ),
      this.#part.list,
      this.#part.more,
    );
    this.#stop = site.episodes.onChange(() => (this.#isNews = true));
  }

  show() {
    this.#show();
  }

  #choose(kind) {
    this.#kind = kind;
    this.#show();
  }

  #find(text) {
    this.#words = text.trim().toLowerCase();
    this.#show();
  }

  #showOpen(isOpenOnly) {
    this.#openOnly = isOpenOnly;
    this.#show();
  }

  get #known() {
    const byID = new Map(this.#older.map((episode) => [episode.id, episode]));
    for (const episode of this.#site.episodes.list) byID.set(episode.id, episode);
    return [...byID.values()].sort(newestFirst).slice(0, KNOWN_MAX);
  }

  #fits(episode) {
    if (this.#kind && episode.kind !== this.#kind) return false;
    if (this.#openOnly && episode.end !== null) return false;
    if (!this.#words) return true;
    return [episode.device_id, episode.type, episode.reason].some((text) => String(text ?? "").toLowerCase().includes(this.#words));
  }

  #show() {
    this.#isNews = false;
    for (const button of this.#part.kinds.children) button.setAttribute("aria-pressed", String(button.dataset.kind === this.#kind));
    const known = this.#known;
    const found = known.filter((episode) => this.#fits(episode));
    const { error, isLoaded } = this.#site.episodes;
    const now = this.#site.feed.now;
    this.#showDays(days(found.slice(0, this.#shownMax)), now);
    const open = found.filter((episode) => episode.end === null).length;
    const words = found.length === 0 ? (known.length > 0 ? "None fits." : "No anomaly, no silence.") : `${count(found.length)} episodes${open > 0 ? `, ${count(open)} going on` : ""}`;
    const trouble = this.#trouble || (error && `The list may be old: ${error}.`);
    say(this.#part.said, trouble || (isLoaded ? words : "asking…"));
    mark(this.#part.said, "bad", Boolean(trouble));
    const hasMore = found.length > this.#shownMax || !(this.#isAtEnd || known.length < ASKED || known.length >= KNOWN_MAX);
    this.#part.more.hidden = !isLoaded || !hasMore;
  }

  /** Days that are there already stay, with what is in them. */
  #showDays(days, now) {
    const kept = new Map();
    let place = this.#part.list.firstElementChild;
    for (const [day, episodes] of days) {
      const section = this.#days.get(day) ?? daySection(day);
      kept.set(day, section);
      if (section.element === place) place = place.nextElementSibling;
      else this.#part.list.insertBefore(section.element, place);
      section.list.show(episodes, now);
    }
    for (const [day, section] of this.#days) if (!kept.has(day)) section.element.remove();
    this.#days = kept;
  }

  async #showMore() {
    this.#shownMax += SHOWN_STEP;
    const known = this.#known;
    if (known.length >= this.#shownMax || this.#isAtEnd) return this.#show();
    this.#part.more.disabled = true;
    try {
      // Up to the end of the oldest one's millisecond: those that began with it are told again, and known by their ids.
      const older = await api.anomalies({ to: Date.parse(known.at(-1).start) + 1, limit: ASKED_OLDER });
      this.#older = this.#older.concat(older).slice(-KNOWN_MAX);
      this.#isAtEnd = this.#known.length === known.length;
      this.#trouble = "";
    } catch (error) {
      this.#trouble = `No older ones: ${error.message}.`;
    }
    this.#part.more.disabled = false;
    this.#show();
  }

  changed() {}

  tick() {
    if (this.#isNews || this.#site.episodes.open.length > 0) this.#show();
  }

  redraw() {}

  dispose() {
    this.#stop();
  }
}

function daySection(day) {
  const list = element("ol.episodes");
  return { element: element("section", { "aria-label": day }, element("h2.day", { text: day }), list), list: new EpisodeList(list) };
}

/** By the day they began. */
function days(episodes) {
  const days = new Map();
  for (const episode of episodes) {
    const day = dateOf(Date.parse(episode.start));
    if (!days.has(day)) days.set(day, []);
    days.get(day).push(episode);
  }
  return [...days];
}
