// One device. Everything a device chose (its id, its metrics' names) becomes text, never markup.

import { LaneChart } from "../charts/lanes.js";
import { hasCharts } from "../charts/time-chart.js";
import { clone, mark, say } from "../parts/dom.js";
import { number, percent, span, timeOfDay } from "../parts/format.js";
import { colourIndex, palette } from "../parts/theme.js";

/** A graph has a lane for each metric, and is never smaller than two nor larger than six. */
const LANES_MIN = 2;
const LANES_MAX = 6;

export class Card {
  element;
  id;
  #part = {};
  #rows = new Map();
  #graph;
  device;
  #history;
  #isVisible = false;
  #revision = -1;

  constructor(device, history) {
    this.id = device.id;
    this.device = device;
    this.element = clone("card-template");
    this.element.dataset.device = device.id;
    for (const name of ["device", "status-text", "graph", "metrics", "heard", "reason"]) {
      this.#part[name] = this.element.querySelector(`.${name}`);
    }
    const link = this.#part.device.firstElementChild;
    link.textContent = device.id;
    link.href = `#/device/${encodeURIComponent(device.id)}`;
    this.#history = history;
    this.#graph = new LaneChart(this.element.querySelector("canvas"));
  }

  /** @returns {boolean} whether its chart is to be drawn anew: `draw` does it, when there is time */
  show(now) {
    this.#tick(now);
    const device = this.device;
    if (device.revision === this.#revision) return false;
    this.#revision = device.revision;
    mark(this.element, "status", device.isSilent ? "silent" : "online");
    mark(this.element, "result", device.isAnomalous ? "anomaly" : "calm");
    mark(this.element, "unanswered", device.isUnanswered);
    say(this.#part["status-text"], device.isUnanswered ? "not answered" : device.isSilent ? "silent" : "online");
    for (const row of device.metrics.values()) this.#row(row.type).show(row);
    for (const [type, row] of this.#rows) {
      if (device.metrics.has(type)) continue;
      row.element.remove();
      this.#rows.delete(type);
    }
    const alarm = [...device.metrics.values()].find((row) => row.result === "anomaly" && row.reason && !row.isSilent);
    say(this.#part.reason, alarm ? `${alarm.type}: ${alarm.reason}` : "");
    return this.#isVisible;
  }

  /** The age of the data, which goes on while the node is away. */
  #tick(now) {
    const time = this.device.time;
    const age = now - time;
    say(this.#part.heard, age < 0 ? `measured at ${timeOfDay(time)}` : `measured ${span(age)} ago`);
  }

  set isVisible(isVisible) {
    this.#isVisible = isVisible;
    if (isVisible) this.draw();
    else this.#graph.clear();
  }

  draw() {
    const device = this.device;
    const series = [...device.metrics.values()]
      .map(({ type }) => ({ type, points: this.#history.points(device.id, type) }))
      .filter(({ points }) => points.length > 0)
      .map(({ type, points }) => ({ type, points, colour: palette().series[colourIndex(type)] }));
    const longest = Math.max(0, ...series.map(({ points }) => points.length));
    const lanes = Math.min(LANES_MAX, Math.max(LANES_MIN, device.metrics.size));
    this.#part.graph.style.setProperty("--lanes", String(lanes));
    mark(this.#part.graph, "points", longest);
    mark(this.#part.graph, "drawn", hasCharts && longest > 1);
    this.element.querySelector("canvas").setAttribute("aria-label", description(series));
    if (longest > 1) this.#graph.draw(series);
  }

  redraw() {
    if (!this.#isVisible) return;
    this.#graph.clear();
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
      this.#rows.set(type, row);
      const next = [...this.#rows.keys()].filter((other) => other > type).sort()[0];
      this.#part.metrics.insertBefore(row.element, next === undefined ? null : this.#rows.get(next).element);
    }
    return row;
  }
}

class Row {
  element;
  #part = {};

  constructor(type) {
    this.element = clone("metric-template");
    this.element.dataset.type = type;
    for (const name of ["type", "value", "badge", "confidence", "percent", "model-name"]) {
      this.#part[name] = this.element.querySelector(`.${name}`);
    }
    this.#part.type.textContent = type;
    this.element.style.setProperty("--series", `var(--series-${colourIndex(type)})`);
  }

  show({ value, result, isSilent, confidence, score, model }) {
    mark(this.element, "result", result);
    mark(this.element, "silent", isSilent);
    say(this.#part.value, number(value));
    this.#part.value.title = String(value);
    // What was said of its last reading says nothing of now.
    say(this.#part.badge, isSilent ? "silent" : result);
    this.#part.badge.title = isSilent ? `last heard: ${result}` : "";
    const isScored = result === "normal" || result === "anomaly";
    this.#part.confidence.hidden = !isScored;
    say(this.#part.percent, percent(confidence));
    this.#part.confidence.setAttribute("aria-label", `confidence ${percent(confidence)}`);
    this.#part.confidence.title = `confidence ${percent(confidence)}, score ${number(score)}`;
    const share = Math.min(1, Math.max(0, Number(confidence) || 0));
    this.#part.confidence.style.setProperty("--share", `${share * 100}%`);
    say(this.#part["model-name"], model !== "none" ? model : result === "learning" ? "no model yet" : "");
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
