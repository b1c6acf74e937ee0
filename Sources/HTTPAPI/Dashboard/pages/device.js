// One device: who it is, and a chart for each of its metrics over one range of time.

import { PRESETS, TimeRange } from "../charts/time-range.js";
import * as api from "../live/api.js";
import { element, mark, say } from "../parts/dom.js";
import { count, moment, span } from "../parts/format.js";
import { MetricPanel } from "./metric-panel.js";

const LOAD_AFTER_MILLISECONDS = 200;
const ABOUT_EVERY_MILLISECONDS = 10000;
/** More metrics of one device than anybody looks at. */
const PANELS_MAX = 60;
/** A chart that follows the clock is drawn when it has moved by so much of its length: a pixel or two. */
const MOVED_SHARE = 0.001;

export class DevicePage {
  element;
  title;
  #site;
  #id;
  #range;
  #drawnTo = 0;
  #panels = new Map();
  #part;
  #loadTimer = null;
  #about = null;
  #isDisposed = false;
  #aboutAt = -Infinity;
  #stop;

  constructor(site, query, id) {
    this.#site = site;
    this.#id = id;
    this.title = id;
    this.#range = new TimeRange(site.feed.now, Number(query.get("from") ?? NaN), Number(query.get("to") ?? NaN));
    this.#part = {
      state: element("span.state", { text: " " }),
      about: element("p.about", { text: " " }),
      panels: element("div.panels"),
      where: element("span.where-now", { text: " " }),
      none: element("p.quiet", { text: "asking…" }),
      presets: element("div.segments", { role: "group", "aria-label": "Range of time" }, ...PRESETS.map(([text, length]) => element("button.segment", { type: "button", text, data: { length }, on: { click: () => this.#follow(length) } }))),
    };
    this.element = element(
      "div.device-page",
      {},
      element("header.device-head", {}, element("h1.device-name", { text: id }), this.#part.state, this.#part.about),
      element(
        "div.range",
        {},
        this.#part.presets,
        element("div.steps", { role: "group", "aria-label": "Move and zoom" }, this.#step("‹", "Earlier", () => this.#moved.pan(-0.5)), this.#step("›", "Later", () => this.#moved.pan(0.5)), this.#step("+", "Zoom in", () => this.#moved.zoom(0.5, 0.5)), this.#step("−", "Zoom out", () => this.#moved.zoom(2, 0.5))),
        this.#part.where,
      ),
      this.#part.none,
      this.#part.panels,
      element("p.hint", { text: "Drag over a chart to look closer, with Shift to move along; double-click goes back. Keys: arrows, + and −, 0." }),
    );
    this.#stop = site.onEpisodes((episodes) => this.#takeEpisodes(episodes));
  }

  #step(text, name, action) {
    return element("button.button.small", { type: "button", text, "aria-label": name, title: name, on: { click: action } });
  }

  #moved = {
    zoom: (factor, at) => this.#change(() => this.#range.zoom(factor, at, this.#site.feed.now)),
    pan: (share) => this.#change(() => this.#range.pan(share, this.#site.feed.now)),
    choose: (from, to) => this.#change(() => this.#range.choose(from, to, this.#site.feed.now)),
    reset: () => this.#change(() => this.#range.reset(this.#site.feed.now)),
  };

  #follow(length) {
    this.#change(() => this.#range.follow(length, this.#site.feed.now));
  }

  #change(change) {
    change();
    this.#showRange();
    for (const panel of this.#panels.values()) panel.draw();
    clearTimeout(this.#loadTimer);
    this.#loadTimer = setTimeout(() => this.#load(), LOAD_AFTER_MILLISECONDS);
  }

  #load() {
    for (const panel of this.#panels.values()) panel.load();
  }

  show() {
    this.#showRange();
    this.#ensure(this.#site.history.types(this.#id));
    this.changed();
    this.#ask();
  }

  /** What the store knows: when it came, how much it sent, and its metrics if the fleet has none of it now. */
  async #ask() {
    this.#aboutAt = performance.now();
    let about = null;
    let trouble = "It sent nothing yet.";
    try {
      about = await api.device(this.#id);
    } catch (error) {
      trouble = error.status === 404 ? "There is no such device." : `Not known: ${error.message}.`;
    }
    if (this.#isDisposed) return;
    this.#about = about ?? this.#about;
    if (Array.isArray(about?.types)) this.#ensure(about.types.filter((type) => typeof type === "string"));
    say(this.#part.none, trouble);
    this.#showAbout();
  }

  changed() {
    const device = this.#site.fleet.get(this.#id);
    if (device) {
      this.#ensure([...device.metrics.keys()]);
      for (const [type, panel] of this.#panels) panel.show(device.metrics.get(type));
    }
    this.#showAbout();
  }

  #ensure(types) {
    for (const type of types) {
      if (this.#panels.has(type) || this.#panels.size >= PANELS_MAX) continue;
      const panel = new MetricPanel(this.#site, this.#id, type, this.#range, this.#moved);
      this.#panels.set(type, panel);
      const next = [...this.#panels.keys()].filter((other) => other > type).sort()[0];
      this.#part.panels.insertBefore(panel.element, next === undefined ? null : this.#panels.get(next).element);
      panel.load();
    }
    this.#part.none.hidden = this.#panels.size > 0;
  }

  #showAbout() {
    const device = this.#site.fleet.get(this.#id);
    const state = !device ? (this.#about?.state === "hidden" ? "hidden" : this.#site.isKnown ? "not active" : "…") : device.isSilent ? "silent" : device.isAnomalous ? "anomaly" : "online";
    say(this.#part.state, state);
    mark(this.#part.state, "state", state);
    const parts = [];
    if (device) parts.push(`measured ${span(Math.max(0, this.#site.feed.now - device.time))} ago`);
    if (this.#about) {
      if (!device) parts.push(`last heard ${moment(Date.parse(this.#about.last_heard))}`);
      parts.push(`known since ${moment(Date.parse(this.#about.first_seen))}`, `${count(this.#about.readings)} readings stored`);
    }
    say(this.#part.about, parts.join(" · ") || " ");
  }

  #showRange() {
    const { from, to, following } = this.#range;
    for (const button of this.#part.presets.children) button.setAttribute("aria-pressed", String(Number(button.dataset.length) === following));
    say(this.#part.where, following === null ? `${moment(from)} – ${moment(Math.min(to, this.#site.feed.now))}` : "live");
  }

  #takeEpisodes(episodes) {
    for (const episode of episodes) {
      if (episode.device_id === this.#id) this.#panels.get(episode.type)?.takeEpisode(episode);
    }
  }

  tick() {
    if (this.#range.tick(this.#site.feed.now) && Math.abs(this.#range.to - this.#drawnTo) >= MOVED_SHARE * this.#range.following) {
      this.#drawnTo = this.#range.to;
      for (const panel of this.#panels.values()) if (!panel.isBusy) panel.draw();
    }
    if (performance.now() - this.#aboutAt >= ABOUT_EVERY_MILLISECONDS) this.#ask();
    this.#showAbout();
  }

  redraw() {
    for (const panel of this.#panels.values()) panel.redraw();
  }

  dispose() {
    this.#isDisposed = true;
    clearTimeout(this.#loadTimer);
    this.#stop();
    for (const panel of this.#panels.values()) panel.dispose();
  }
}
