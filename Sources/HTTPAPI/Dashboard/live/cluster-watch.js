// How the flock is, asked every other second while somebody looks: members, ledger, and from that readings a second.

import { cluster } from "./api.js";

const EVERY_MILLISECONDS = 2000;
/** The rate is that of about this long: shorter and it jumps, longer and it is yesterday's. */
const RATE_MILLISECONDS = 10000;
const TRAIL_MAX = 60;

export class ClusterWatch {
  view = null;
  /** Readings a second, NaN while unknown; and its last values. */
  rate = NaN;
  trail = [];
  failures = 0;
  #samples = [];
  #listeners = new Set();

  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async run() {
    for (;;) {
      if (document.visibilityState === "visible") await this.#ask();
      await new Promise((resume) => setTimeout(resume, EVERY_MILLISECONDS));
    }
  }

  async #ask() {
    try {
      this.view = await cluster({ scope: "all" });
      this.failures = 0;
      this.#measure(performance.now());
    } catch {
      this.failures += 1;
    }
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        // One that fails must not end the watch.
        console.error(error);
      }
    }
  }

  get ledger() {
    return this.view?.ledger_all ?? this.view?.ledger ?? null;
  }

  /** A sum that misses a node says nothing of the rate: it would fall and jump. */
  #measure(now) {
    const accepted = this.ledger?.accepted;
    if (!Number.isFinite(accepted) || this.view.partial.length) return;
    const last = this.#samples[this.#samples.length - 1];
    if (last && accepted < last.accepted) this.#samples = [];
    this.#samples.push({ now, accepted });
    while (this.#samples.length > 2 && now - this.#samples[1].now >= RATE_MILLISECONDS) this.#samples.shift();
    const first = this.#samples[0];
    if (this.#samples.length < 2) return;
    this.rate = ((accepted - first.accepted) * 1000) / (now - first.now);
    this.trail.push(this.rate);
    if (this.trail.length > TRAIL_MAX) this.trail.shift();
  }
}
