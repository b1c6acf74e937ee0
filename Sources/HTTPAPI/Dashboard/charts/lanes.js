// One small chart: a line a metric, each in a lane and on a scale of its own (crossings would mean nothing), anomalous
// points marked. Nothing moves by itself.

import { number, timeOfDay } from "../parts/format.js";
import { palette } from "../parts/theme.js";
import { marked } from "./marks.js";
import { hasCharts } from "./time-chart.js";
import { drawable, valueScale } from "./value-scale.js";

export class LaneChart {
  #chart = null;
  #canvas;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** @param {{type: string, colour: string, points: number[][]}[]} series */
  draw(series) {
    if (!hasCharts) return;
    const colours = palette();
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
  const marks = marksOf(points);
  return {
    label: type,
    yAxisID: `y${index}`,
    data: points.map(([time, value]) => ({ x: time, y: drawable(value) })),
    borderColor: colour,
    borderWidth: colours.rem * 0.11,
    tension: 0.2,
    clip: false,
    segment: { borderColor: ({ p0DataIndex, p1DataIndex }) => (points[p0DataIndex]?.[2] && points[p1DataIndex]?.[2] ? colours.alarm : undefined) },
    pointRadius: points.map((_, place) => (marks[place] ? colours.rem * 0.26 : points.length === 1 ? 2 : 0)),
    pointHitRadius: 8,
    pointBackgroundColor: points.map((_, place) => (marks[place] ? colours.alarm : colour)),
    pointBorderColor: colours.surface,
    pointBorderWidth: points.map((_, place) => (marks[place] ? 1.5 : 0)),
  };
}

/** Marks are at least this part of the chart apart; what lies between is a stretch of red line. */
const MARK_SHARE = 0.04;

function marksOf(points) {
  const apart = points.length > 0 ? (points[points.length - 1][0] - points[0][0]) * MARK_SHARE : 0;
  return marked(points.map(([x, , isAnomaly]) => ({ x, isAnomaly })), apart);
}

/** Part of a lane left free above and below. */
const LANE_MARGIN = 0.18;

function laneScale(points) {
  const values = points.map((point) => drawable(point[1]));
  const { min, max } = valueScale(Math.min(...values), Math.max(...values), LANE_MARGIN);
  return {
    stack: "lanes",
    stackWeight: 1,
    min,
    max,
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
