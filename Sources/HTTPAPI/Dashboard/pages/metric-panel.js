// One metric of a device: how it is now, its chart, and what was anomalous in sight.

import { Gestures } from "../charts/gestures.js";
import { TimeChart, hasCharts } from "../charts/time-chart.js";
import * as api from "../live/api.js";
import { element, mark, say } from "../parts/dom.js";
import { EpisodeList } from "../parts/episode-list.js";
import { count, moment, number, percent } from "../parts/format.js";
import { tell } from "../parts/notice.js";
import { colourIndex } from "../parts/theme.js";

/** Points asked for: two a pixel, within these. */
const POINTS_MIN = 200;
const POINTS_MAX = 2400;
const EPISODES_MAX = 1000;
const EPISODES_SHOWN = 8;
/** What came live is added; from so many points on the whole is asked for again. */
const ADDED_MAX = 2000;
/** After the store did not answer. */
const AGAIN_MILLISECONDS = 5000;
/** A longer pause of the live readings may be one of this page, not of the device: the store knows. */
const MISSED_MILLISECONDS_MAX = 30000;

export class MetricPanel {
  element;
  #site;
  #device;
  #type;
  #range;
  #part;
  #chart;
  #gestures;
  #points = [];
  #episodes = [];
  #added = 0;
  #round = 0;
  #list;
  #isLoaded = false;
  #timer = 0;
  #isInSight = true;
  #sight;

  constructor(site, device, type, range, moved) {
    this.#site = site;
    this.#device = device;
    this.#type = type;
    this.#range = range;
    const canvas = element("canvas", { role: "img", "aria-label": `${type} over time` });
    const area = element(
      "div.plot",
      { tabindex: "0", role: "group", "aria-label": `Chart of ${type}. Arrow keys move along, plus and minus zoom, 0 goes back.` },
      canvas,
      element("p.plot-note", { hidden: true }),
    );
    this.#part = {
      value: element("b.now-value", { text: "–" }),
      badge: element("span.badge", { text: " " }),
      said: element("span.now-said", { text: " " }),
      reason: element("p.now-reason", { text: "\u00a0" }),
      area,
      note: area.lastElementChild,
      canvas,
      list: element("ol.episodes"),
      listHead: element("h3.episodes-head", { text: "Anomalies in sight" }),
    };
    this.element = element(
      "section.metric-panel",
      { "aria-label": type, data: { type, result: "unscored" } },
      element(
        "header.panel-head",
        {},
        element("i.swatch", { data: { series: colourIndex(type) }, "aria-hidden": "true" }),
        element("h2", { text: type }),
        this.#part.value,
        this.#part.badge,
        this.#part.said,
        element("button.button.small", { type: "button", text: "CSV", title: "Save all readings of this range", "aria-label": `Save ${type} as CSV`, on: { click: () => this.#save() } }),
      ),
      this.#part.reason,
      area,
      element("div.episodes-part", {}, this.#part.listHead, this.#part.list),
    );
    this.#list = new EpisodeList(this.#part.list, { withDevice: false });
    this.#sight = new IntersectionObserver(([entry]) => this.#see(entry.isIntersecting), { rootMargin: "200px" });
    this.#sight.observe(this.element);
    this.#chart = new TimeChart(canvas, colourIndex(type));
    this.#gestures = new Gestures(area, () => this.#chart.plot, moved);
    if (!hasCharts) this.#say("Charts are off: the charting library is not on this node.");
  }

  #see(isInSight) {
    this.#isInSight = isInSight;
    if (isInSight) this.draw();
  }

  /** How it is now, from the feed; a reading that is newer than the line's end goes on it. */
  show(row) {
    if (!row) return;
    mark(this.element, "result", row.isSilent ? "silent" : row.result);
    say(this.#part.value, number(row.value));
    say(this.#part.badge, row.isSilent ? "silent" : row.result);
    const isScored = row.result === "normal" || row.result === "anomaly";
    say(this.#part.said, isScored ? `${percent(row.confidence)} sure, ${row.model}` : row.result === "learning" ? "no model yet" : "");
    const why = row.result === "anomaly" && !row.isSilent ? row.reason : "";
    say(this.#part.reason, why || "\u00a0");
    if (!this.#isLoaded || row.time <= this.#end) return;
    // What came while nobody looked is in the page's memory, if it was not too much.
    const remembered = this.#remembered();
    const missed = remembered.filter((point) => point.x > this.#end && point.x < row.time);
    const isWhole = missed.length > 0 && missed.length < remembered.length;
    if (row.time - this.#end > MISSED_MILLISECONDS_MAX && !isWhole) this.#loadSoon(0);
    this.#points.push(...missed, { x: row.time, y: row.value, isAnomaly: row.result === "anomaly", reason: row.reason });
    this.#added += 1 + missed.length;
    if (this.#added > ADDED_MAX) this.load();
  }

  /** Of the last point. */
  get #end() {
    return this.#points.length > 0 ? this.#points[this.#points.length - 1].x : -Infinity;
  }

  #loadSoon(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.load(), milliseconds);
  }

  /** The range is another: what is there already is shown moved at once, what is missing asked for. */
  async load() {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    this.#added = 0;
    const { from, to } = this.#range;
    const points = Math.min(POINTS_MAX, Math.max(POINTS_MIN, 2 * (this.#part.area.clientWidth || 600)));
    mark(this.element, "loading", true);
    const [found, episodes] = await Promise.allSettled([
      api.history(this.#device, this.#type, from, to, points),
      api.anomalies({ device: this.#device, type: this.#type, from, to, limit: EPISODES_MAX }),
    ]);
    if (round !== this.#round) return;
    mark(this.element, "loading", false);
    if (episodes.status === "fulfilled") this.#episodes = episodes.value;
    if (found.status === "fulfilled") this.#takeHistory(found.value, from, to);
    else this.#takeMemory(found.reason);
    this.draw();
  }

  #takeHistory(points, from, to) {
    const stored = points.map((point) => ({ x: Date.parse(point.timestamp), y: point.value, isAnomaly: point.result === "anomaly" }));
    const last = stored.length > 0 ? stored[stored.length - 1].x : -Infinity;
    // What was heard and is not stored yet: the store is a moment behind, or away for long.
    const heard = this.#remembered().filter((point) => point.x > last && point.x >= from && point.x <= to);
    this.#points = [...stored, ...heard];
    this.#isLoaded = true;
    this.#say(this.#points.length === 0 ? "No reading in this range." : "");
  }

  #takeMemory(error) {
    this.#points = this.#remembered();
    this.#isLoaded = true;
    if (error.status !== 404) this.#loadSoon(AGAIN_MILLISECONDS);
    this.#say(this.#points.length > 0 ? `Only what this page heard: ${error.message}.` : error.status === 404 ? "Nothing stored yet." : `No history: ${error.message}.`);
  }

  #remembered() {
    return this.#site.history.points(this.#device, this.#type).map(([x, y, anomaly]) => ({ x, y, isAnomaly: anomaly === 1 }));
  }

  /** Only what is in sight is drawn; the rest when it comes into sight. */
  draw() {
    if (!this.#isInSight) return;
    const { from, to } = this.#range;
    const band = this.#expected();
    this.#chart.show(this.#points, band, (x) => this.#reasonAt(x), from, to);
    this.#showEpisodes();
    const values = this.#points.filter((point) => point.x >= from && point.x <= to);
    mark(this.element, "points", values.length);
    mark(this.element, "anomalies", values.filter((point) => point.isAnomaly).length);
    mark(this.element, "band", band.filter((one) => one.low !== null).length);
    this.#part.canvas.setAttribute("aria-label", this.#description(values));
  }

  /** Each row says where the next one is expected. */
  #expected() {
    const points = this.#site.history.points(this.#device, this.#type);
    const band = [];
    for (let index = 1; index < points.length; index += 1) {
      const [before, point] = [points[index - 1], points[index]];
      const isFollowed = before.length >= 5 && point[0] - before[0] <= MISSED_MILLISECONDS_MAX;
      band.push({ x: point[0], low: isFollowed ? before[3] : null, high: isFollowed ? before[4] : null });
    }
    return band;
  }

  #reasonAt(x) {
    const live = this.#points.find((point) => point.x === x)?.reason;
    if (live) return live;
    const episode = this.#episodes.find((one) => Date.parse(one.start) <= x && (one.end === null || x <= Date.parse(one.end)));
    return episode?.reason ?? "";
  }

  #showEpisodes() {
    const { from, to } = this.#range;
    const now = this.#site.feed.now;
    const seen = this.#episodes.filter((one) => Date.parse(one.start) <= to && (one.end === null || Date.parse(one.end) >= from));
    this.#part.listHead.hidden = seen.length === 0;
    const total = this.#episodes.length >= EPISODES_MAX ? `${seen.length} or more` : seen.length;
    say(this.#part.listHead, seen.length > EPISODES_SHOWN ? `The newest ${EPISODES_SHOWN} of ${total} in sight` : "In sight");
    this.#list.show(seen.slice(0, EPISODES_SHOWN), now);
  }

  /** The stream's word on an episode of this metric. */
  takeEpisode(episode) {
    this.#episodes = [episode, ...this.#episodes.filter((one) => one.id !== episode.id)];
  }

  #description(points) {
    if (points.length === 0) return `${this.#type}: no reading in this range`;
    const values = points.map((point) => point.y);
    const anomalies = points.filter((point) => point.isAnomaly).length;
    const { from, to } = this.#range;
    return `${this.#type} from ${moment(from)} to ${moment(to)}: lowest ${number(Math.min(...values))}, highest ${number(Math.max(...values))}, last ${number(values[values.length - 1])}, ${anomalies} anomalous`;
  }

  #say(text) {
    this.#part.note.hidden = text === "";
    say(this.#part.note, text);
  }

  async #save() {
    const { from, to } = this.#range;
    try {
      const blob = await api.historyCSV(this.#device, this.#type, from, to);
      const address = URL.createObjectURL(blob);
      const name = `${this.#device}-${this.#type}`.replace(/[^\w.-]+/g, "_").slice(0, 100);
      element("a", { href: address, download: `${name}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60000);
      tell(`Saved ${name}.csv, ${count(Math.ceil(blob.size / 1024))} KiB.`);
    } catch (error) {
      tell(`Not saved: ${error.message}.`, "bad");
    }
  }

  get isBusy() {
    return this.#gestures.isBusy;
  }

  redraw() {
    this.#chart.clear();
    this.draw();
  }

  dispose() {
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#sight.disconnect();
    this.#chart.clear();
  }
}
