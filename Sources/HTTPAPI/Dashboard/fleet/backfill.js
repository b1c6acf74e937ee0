// A page that was just opened remembers nothing: what its charts showed, had it been open, is asked of the store.

import { history as askHistory } from "../live/api.js";

/** Requests under way at a time: the store has others to answer. */
const ASKED_AT_ONCE = 2;
/** Series that wait; those of further cards are asked for when these are through. */
const WAITING_MAX = 200;
/** Fewer points than this are hardly a line. */
const ENOUGH = 30;
const MILLISECONDS = 5 * 60000;
const POINTS = 100;

export class Backfill {
  #history;
  #now;
  #waiting = [];
  #asked = new Set();
  #underWay = 0;

  /** @param {() => number} now the node's clock in ms */
  constructor(history, now) {
    this.#history = history;
    this.#now = now;
  }

  /** @param {() => void} done called when a series of this device has more points than before */
  want(device, done) {
    for (const { type } of device.metrics.values()) {
      const key = `${device.id}\n${type}`;
      if (this.#asked.has(key) || this.#waiting.length >= WAITING_MAX || !this.#history.has(device.id)) continue;
      this.#asked.add(key);
      if (this.#history.points(device.id, type).length < ENOUGH) this.#waiting.push({ device: device.id, type, done });
    }
    this.#next();
  }

  #next() {
    while (this.#underWay < ASKED_AT_ONCE && this.#waiting.length > 0) this.#ask(this.#waiting.shift());
  }

  async #ask({ device, type, done }) {
    this.#underWay += 1;
    const to = this.#now();
    try {
      const points = await askHistory(device, type, to - MILLISECONDS, to, POINTS);
      this.#history.addBefore(device, type, points.map((point) => [Date.parse(point.timestamp), point.value, point.result === "anomaly" ? 1 : 0]));
      done();
    } catch {
      // Then the chart begins now.
    }
    this.#underWay -= 1;
    this.#next();
  }
}
