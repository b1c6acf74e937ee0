// GET /latest, with the last answer's tag: an unchanged fleet costs one short answer.

import { isDevice, isMetric } from "./shapes.js";

const TIMEOUT_MILLISECONDS = 15000;
const CLOCK_TOLERANCE_MILLISECONDS = 3000;

export class LatestPoll {
  #tag = null;

  /**
   * @returns {Promise<{devices: object[]|null, missing: string, clockAhead: number}>} `devices` is null when nothing
   * changed; `missing` names the nodes that did not answer; `clockAhead` is how far the node's clock is ahead, in ms
   */
  async ask() {
    const headers = this.#tag ? { "If-None-Match": this.#tag } : {};
    const response = await fetch("/latest", { headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
    const missing = response.headers.get("X-Starling-Partial") ?? "";
    const clockAhead = ahead(response.headers.get("Date"));
    if (response.status === 304) return { devices: null, missing, clockAhead };
    if (!response.ok) throw new Error(`the node answered ${response.status}`);
    const devices = await response.json();
    if (!Array.isArray(devices)) throw new Error("the node's answer is no list");
    this.#tag = response.headers.get("ETag");
    const sound = devices.filter(isDevice);
    for (const device of sound) device.metrics = device.metrics.filter(isMetric);
    return { devices: sound, missing, clockAhead };
  }
}

/** What a `Date` header, of whole seconds and some milliseconds ago, says of the node's clock; 0 if it agrees. */
function ahead(date) {
  const difference = Date.parse(date ?? "") - Date.now();
  return Math.abs(difference) > CLOCK_TOLERANCE_MILLISECONDS ? difference : 0;
}
