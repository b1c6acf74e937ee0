// One small chart: a line a metric, each in a lane and on a scale of its own (crossings would mean nothing), anomalous
// points marked. Nothing moves by itself.

import { number, timeOfDay } from "./format.js";

/** False when the charting library could not be loaded; the page then does without. */
export const hasCharts = typeof globalThis.Chart === "function";

export class Graph {
  #chart = null;
  #canvas;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** @param {{type: string, colour: string, points: number[][]}[]} series */
  draw(series) {
    if (!hasCharts) return;
    const colours = theme();
    const datasets = series.map((one, index) => dataset(one, index, colours));
    const scales = { x: timeScale(series, colours) };
    // The last axis is the lowest lane: the first metric of the list is on top.
    series.forEach((_, index) => {
      const lane = series.length - 1 - index;
      scales[`y${lane}`] = laneScale(series[lane].points);
    });
    if (this.#chart) {
      this.#chart.data.datasets = datasets;
      this.#chart.options.scales = scales;
      this.#chart.update("none");
    } else {
      this.#chart = new globalThis.Chart(this.#canvas, { type: "line", data: { datasets }, options: options(scales) });
    }
  }

  /** Frees the drawing; `draw` makes a new one. Cards out of sight need none. */
  clear() {
    this.#chart?.destroy();
    this.#chart = null;
  }
}

function dataset({ type, colour, points }, index, colours) {
  return {
    label: type,
    yAxisID: `y${index}`,
    data: points.map(([time, value]) => ({ x: time, y: value })),
    borderColor: colour,
    borderWidth: colours.rem * 0.11,
    tension: 0.2,
    clip: false,
    pointRadius: points.map((point) => (point[2] ? colours.rem * 0.26 : points.length === 1 ? 2 : 0)),
    pointHitRadius: 8,
    pointBackgroundColor: points.map((point) => (point[2] ? colours.alarm : colour)),
    pointBorderColor: colours.surface,
    pointBorderWidth: points.map((point) => (point[2] ? 1.5 : 0)),
  };
}

/** A lane shows at least 2 % of its value from edge to edge: the noise of a steady metric should look like noise. */
const LANE_SPAN_MIN = 0.02;
/** Part of a lane left free above and below. */
const LANE_MARGIN = 0.18;

function laneScale(points) {
  const values = points.map((point) => point[1]);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const middle = (low + high) / 2;
  const span = Math.max(high - low, Math.abs(middle) * LANE_SPAN_MIN, Number.MIN_VALUE * 1e10);
  const half = span * (0.5 + LANE_MARGIN);
  return {
    stack: "lanes",
    stackWeight: 1,
    min: middle - half,
    max: middle + half,
    grid: { display: false, drawBorder: false },
    ticks: { display: false },
  };
}

function timeScale(series, colours) {
  const times = series.flatMap(({ points }) => (points.length ? [points[0][0], points[points.length - 1][0]] : []));
  return {
    type: "linear",
    min: Math.min(...times),
    max: Math.max(...times),
    grid: { display: false, drawBorder: false },
    ticks: {
      color: colours.quiet,
      font: { size: colours.rem * 0.66, family: "system-ui, sans-serif" },
      maxRotation: 0,
      autoSkipPadding: 24,
      maxTicksLimit: 4,
      align: "inner",
      callback: (value) => timeOfDay(value),
    },
  };
}

function options(scales) {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    interaction: { mode: "nearest", axis: "x", intersect: false },
    layout: { padding: { left: 0, right: 7, top: 6 } },
    scales,
    plugins: {
      legend: { display: false },
      tooltip: {
        displayColors: true,
        boxWidth: 8,
        boxHeight: 8,
        callbacks: {
          title: (items) => (items.length ? timeOfDay(items[0].parsed.x) : ""),
          label: (item) => ` ${item.dataset.label}: ${number(item.parsed.y)}`,
        },
      },
    },
  };
}

function theme() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    quiet: read("--quiet"),
    alarm: read("--alarm"),
    surface: read("--surface"),
    rem: Number.parseFloat(style.fontSize) || 16,
  };
}

/** The colour of the n-th kind of metric, the same on every card. */
export function seriesColour(index) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--series-${index % 8}`).trim();
}
