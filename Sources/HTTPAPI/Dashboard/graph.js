// One small chart: a line a metric, each on its own scale, anomalous points marked. Nothing moves by itself.

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
    series.forEach((_, index) => (scales[`y${index}`] = { display: false, grace: "12%" }));
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
    borderWidth: 1.75,
    tension: 0.2,
    pointRadius: points.map((point) => (point[2] ? 3.5 : points.length === 1 ? 2 : 0)),
    pointHitRadius: 8,
    pointBackgroundColor: points.map((point) => (point[2] ? colours.alarm : colour)),
    pointBorderColor: colours.surface,
    pointBorderWidth: points.map((point) => (point[2] ? 1.5 : 0)),
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
      font: { size: 10, family: "system-ui, sans-serif" },
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
    layout: { padding: { left: 4, right: 4, top: 6 } },
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
  return { quiet: read("--quiet"), alarm: read("--alarm"), surface: read("--surface") };
}

/** The colour of the n-th kind of metric, the same on every card. */
export function seriesColour(index) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--series-${index % 8}`).trim();
}
