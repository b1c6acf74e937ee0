// One metric over a stretch of time: its line, where it was expected, what was anomalous and why.

import { moment, number } from "../parts/format.js";
import { faded, palette } from "../parts/theme.js";
import { marked } from "./marks.js";
import { ticks } from "./ticks.js";
import { drawable, valueScale } from "./value-scale.js";

export const hasCharts = typeof globalThis.Chart === "function";

/** A pause of so many usual steps is a gap in the line, not a slope. */
const GAP_STEPS = 8;
const GAP_MILLISECONDS_MIN = 20000;
/** And so many times what the range has for each point. */
const GAP_SHARES = 4;
/** Room for one mark of the time axis, in rem. */
const TICK_ROOM = 5.5;
const MARGIN = 0.08;
/** Between two marks, in rem. */
const MARK_ROOM = 0.9;

export class TimeChart {
  #canvas;
  #chart = null;
  #from = 0;
  #to = 1;
  #series = { points: [], band: [], reasonAt: () => "" };
  #colourIndex;

  constructor(canvas, colourIndex) {
    this.#canvas = canvas;
    this.#colourIndex = colourIndex;
  }

  /**
   * @param {{x: number, y: number, isAnomaly: boolean}[]} points oldest first, x in ms
   * @param {{x: number, low: number, high: number}[]} band where values were expected
   * @param {(x: number) => string} reasonAt why there is an anomaly there
   */
  show(points, band, reasonAt, from, to) {
    this.#series = { points: points.map((point) => ({ ...point, y: drawable(point.y) })), band, reasonAt };
    [this.#from, this.#to] = [from, to];
    this.#draw();
  }

  get plot() {
    const area = this.#chart?.chartArea;
    return area ? { left: area.left, width: area.right - area.left } : { left: 0, width: this.#canvas.clientWidth };
  }

  clear() {
    this.#chart?.destroy();
    this.#chart = null;
  }

  #draw() {
    if (!hasCharts) return;
    const datasets = this.#datasets();
    const scale = this.#valueScale();
    if (!this.#chart) {
      this.#chart = new globalThis.Chart(this.#canvas, { type: "line", data: { datasets }, options: this.#options(scale) });
      return;
    }
    this.#chart.data.datasets = datasets;
    Object.assign(this.#chart.options.scales.x, { min: this.#from, max: this.#to });
    Object.assign(this.#chart.options.scales.y, scale);
    this.#chart.update("none");
  }

  #datasets() {
    const colours = palette();
    const colour = colours.series[this.#colourIndex];
    const { points, band } = this.#series;
    const rem = colours.rem;
    return [
      {
        label: "value",
        data: withGaps(points, this.#to - this.#from),
        borderColor: colour,
        borderWidth: rem * 0.11,
        // A point between two gaps has no line to be seen by.
        pointRadius: (point) => (isAlone(point) ? rem * 0.14 : 0),
        pointHitRadius: 6,
        pointBackgroundColor: colour,
        spanGaps: false,
        // What was anomalous for a while is a stretch of the line, not a heap of marks.
        segment: { borderColor: (part) => (part.p0.raw?.isAnomaly && part.p1.raw?.isAnomaly ? colours.alarm : undefined) },
        order: 1,
      },
      {
        label: "anomaly",
        data: this.#marks(rem),
        showLine: false,
        pointStyle: "circle",
        pointRadius: rem * 0.3,
        pointHoverRadius: rem * 0.4,
        pointHitRadius: 10,
        pointBackgroundColor: colours.alarm,
        pointBorderColor: colours.surface,
        pointBorderWidth: rem * 0.1,
        order: 0,
      },
      { ...bandLine(band, "low"), order: 3 },
      { ...bandLine(band, "high"), fill: "-1", backgroundColor: faded(colour, 0.14), order: 2 },
    ];
  }

  #marks(rem) {
    const apart = ((this.#to - this.#from) * rem * MARK_ROOM) / Math.max(1, this.plot.width);
    const { points } = this.#series;
    const marks = marked(points, apart);
    return points.filter((_, place) => marks[place]);
  }

  /** To what is in sight, the expected included, unless that is so wide that the line would be flat. */
  #valueScale() {
    let low = Infinity;
    let high = -Infinity;
    for (const { x, y } of this.#series.points) {
      if (x < this.#from || x > this.#to) continue;
      if (y < low) low = y;
      if (y > high) high = y;
    }
    if (low > high) return { min: 0, max: 1 };
    const { span } = valueScale(low, high, 0);
    const [lowest, highest] = [low - span, high + span];
    for (const band of this.#series.band) {
      if (band.x < this.#from || band.x > this.#to || band.low === null) continue;
      low = Math.min(low, Math.max(band.low, lowest));
      high = Math.max(high, Math.min(band.high, highest));
    }
    const { min, max } = valueScale(low, high, MARGIN);
    return { min, max };
  }

  #options(scale) {
    const colours = palette();
    const font = { size: colours.rem * 0.74, family: "system-ui, sans-serif" };
    return {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      normalized: true,
      interaction: { mode: "nearest", axis: "x", intersect: false },
      layout: { padding: { top: 6, right: 8 } },
      scales: {
        x: {
          type: "linear",
          min: this.#from,
          max: this.#to,
          grid: { color: colours.line, drawBorder: false, tickLength: 0 },
          ticks: { color: colours.quiet, font, maxRotation: 0, autoSkip: false, padding: 6, callback: (value) => this.#label(value) },
          afterBuildTicks: (axis) => this.#mark(axis),
        },
        y: {
          ...scale,
          grid: { color: colours.line, drawBorder: false, tickLength: 0 },
          ticks: { color: colours.quiet, font, maxTicksLimit: 6, padding: 8, includeBounds: false, callback: (value) => number(value) },
          // The same for all, so that charts below each other share their times.
          afterFit: (axis) => {
            axis.width = Math.max(axis.width, colours.rem * 3.6);
          },
        },
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          filter: (item) => item.dataset.label === "value" || item.dataset.label === "anomaly",
          displayColors: false,
          callbacks: { title: (items) => (items.length ? moment(items[0].parsed.x) : ""), label: (item) => this.#tip(item) },
        },
      },
    };
  }

  #label(value) {
    return this.#ticks.label(value);
  }

  #ticks = { values: [], label: String };

  #mark(axis) {
    const most = Math.max(2, Math.floor(axis.width / (palette().rem * TICK_ROOM)));
    this.#ticks = ticks(this.#from, this.#to, most);
    axis.ticks = this.#ticks.values.map((value) => ({ value }));
  }

  #tip(item) {
    if (item.dataset.label !== "anomaly") return number(item.parsed.y);
    const reason = this.#series.reasonAt(item.parsed.x);
    return reason ? `anomaly: ${reason}` : "anomaly";
  }
}

function bandLine(band, side) {
  return {
    label: side,
    data: band.map((one) => ({ x: one.x, y: one[side] })),
    borderWidth: 0,
    pointRadius: 0,
    pointHitRadius: 0,
    spanGaps: false,
  };
}

function isAlone({ dataset, dataIndex }) {
  const isHole = (index) => (dataset.data[index]?.y ?? null) === null;
  return isHole(dataIndex - 1) && isHole(dataIndex + 1);
}

/** The points, with a hole where the series was silent. Of a long range only some points are there, so a hole is long. */
function withGaps(points, length) {
  if (points.length < 3) return points;
  const steps = [];
  for (let index = 1; index < points.length; index += 1) steps.push(points[index].x - points[index - 1].x);
  const usual = [...steps].sort((one, other) => one - other)[Math.floor(steps.length / 2)];
  const longest = Math.max(GAP_MILLISECONDS_MIN, usual * GAP_STEPS, (length / points.length) * GAP_SHARES);
  if (steps.every((step) => step <= longest)) return points;
  const all = [points[0]];
  for (let index = 1; index < points.length; index += 1) {
    if (steps[index - 1] > longest) all.push({ x: points[index - 1].x + 1, y: null });
    all.push(points[index]);
  }
  return all;
}
