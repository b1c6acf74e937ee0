// One device. Everything a device chose (its id, its metrics' names) becomes text, never markup.

import { number, percent, span, timeOfDay } from "./format.js";
import { Graph, hasCharts, seriesColour } from "./graph.js";

/** A graph has a lane for each metric, and is never smaller than two nor larger than six. */
const LANES_MIN = 2;
const LANES_MAX = 6;

const cardTemplate = document.getElementById("card-template");
const metricTemplate = document.getElementById("metric-template");

export class Card {
  element;
  #part = {};
  #rows = new Map();
  #graph;
  #device = null;
  #history;
  #colourIndex;
  #isVisible = false;

  /** @param {(type: string) => number} colourIndex which colour a kind of metric has */
  constructor(id, history, colourIndex) {
    this.element = cardTemplate.content.firstElementChild.cloneNode(true);
    this.element.dataset.device = id;
    for (const name of ["device", "status-text", "graph", "metrics", "heard"]) {
      this.#part[name] = this.element.querySelector(`.${name}`);
    }
    this.#part.device.textContent = id;
    this.#history = history;
    this.#colourIndex = colourIndex;
    this.#graph = new Graph(this.element.querySelector("canvas"));
  }

  show(device) {
    this.#device = device;
    const status = device.status === "silent" ? "silent" : "online";
    this.element.dataset.status = status;
    this.element.dataset.result = device.metrics.some((metric) => metric.result === "anomaly") ? "anomaly" : "calm";
    this.element.dataset.unanswered = "false";
    this.#part["status-text"].textContent = status;
    const seen = new Set();
    for (const metric of device.metrics) {
      if (typeof metric?.type !== "string") continue;
      seen.add(metric.type);
      this.#row(metric.type).show(metric);
    }
    for (const [type, row] of this.#rows) {
      if (seen.has(type)) continue;
      row.element.remove();
      this.#rows.delete(type);
    }
    if (this.#isVisible) this.draw();
  }

  /** The node could not ask this device's owner: what is shown is the last that was heard. */
  markUnanswered() {
    this.element.dataset.unanswered = "true";
    this.#part["status-text"].textContent = "not answered";
  }

  /** The age of the data, which goes on while the node is away. */
  tick(now) {
    const time = Date.parse(this.#device?.timestamp);
    if (!Number.isFinite(time)) return;
    const age = now - time;
    this.#part.heard.textContent = age < 0 ? `measured at ${timeOfDay(time)}` : `measured ${span(age)} ago`;
  }

  set isVisible(isVisible) {
    this.#isVisible = isVisible;
    if (isVisible) this.draw();
    else this.#graph.clear();
  }

  draw() {
    if (!this.#device) return;
    const id = this.#device.device_id;
    const series = this.#device.metrics
      .map((metric) => ({ type: metric.type, points: this.#history.points(id, metric.type) }))
      .filter(({ points }) => points.length > 0)
      .map(({ type, points }) => ({ type, points, colour: seriesColour(this.#colourIndex(type)) }));
    const longest = Math.max(0, ...series.map(({ points }) => points.length));
    this.#part.graph.style.setProperty("--lanes", String(Math.min(LANES_MAX, Math.max(LANES_MIN, series.length))));
    this.#part.graph.dataset.points = String(longest);
    this.#part.graph.dataset.drawn = String(hasCharts && longest > 1);
    this.element.querySelector("canvas").setAttribute("aria-label", description(series));
    if (longest > 1) this.#graph.draw(series);
  }

  redraw() {
    if (!this.#isVisible) return;
    this.#graph.clear();
    for (const [type, row] of this.#rows) row.colour = this.#colourIndex(type);
    this.draw();
  }

  dispose() {
    this.#graph.clear();
    this.element.remove();
  }

  #row(type) {
    let row = this.#rows.get(type);
    if (!row) {
      row = new Row(type);
      row.colour = this.#colourIndex(type);
      this.#rows.set(type, row);
      this.#part.metrics.append(row.element);
    }
    return row;
  }
}

class Row {
  element;
  #part = {};

  constructor(type) {
    this.element = metricTemplate.content.firstElementChild.cloneNode(true);
    for (const name of ["type", "value", "badge", "confidence", "percent", "model"]) {
      this.#part[name] = this.element.querySelector(`.${name}`);
    }
    this.#part.type.textContent = type;
  }

  set colour(index) {
    this.element.style.setProperty("--series", `var(--series-${index % 8})`);
  }

  show(metric) {
    const result = ["normal", "anomaly", "learning", "unscored"].includes(metric.result) ? metric.result : "unscored";
    this.element.dataset.result = result;
    const isSilent = metric.silent === true;
    this.element.dataset.silent = String(isSilent);
    this.#part.value.textContent = number(metric.value);
    this.#part.value.title = String(metric.value);
    // What was said of its last reading says nothing of now.
    this.#part.badge.textContent = isSilent ? "silent" : result;
    this.#part.badge.title = isSilent ? `last heard: ${result}` : "";
    const isScored = result === "normal" || result === "anomaly";
    this.#part.confidence.hidden = !isScored;
    this.#part.percent.textContent = percent(metric.confidence);
    this.#part.confidence.setAttribute("aria-label", `confidence ${percent(metric.confidence)}`);
    this.#part.confidence.title = `confidence ${percent(metric.confidence)}, score ${number(metric.score)}`;
    const share = Math.min(1, Math.max(0, Number(metric.confidence) || 0));
    this.#part.confidence.style.setProperty("--share", `${share * 100}%`);
    this.#part.model.textContent = typeof metric.model === "string" && metric.model !== "none" ? metric.model : result === "learning" ? "no model yet" : "";
  }
}

function description(series) {
  if (series.length === 0) return "no points yet";
  const lines = series.map(({ type, points }) => {
    const values = points.map((point) => point[1]);
    const last = values[values.length - 1];
    return `${type} from ${number(Math.min(...values))} to ${number(Math.max(...values))}, now ${number(last)}`;
  });
  return `Graph: ${lines.join("; ")}`;
}
