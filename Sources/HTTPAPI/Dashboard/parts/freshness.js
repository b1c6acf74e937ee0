// The line at the top: is what I see true now?

import { say } from "./dom.js";
import { span } from "./format.js";

/** Between two heartbeats of a quiet stream nothing is heard. */
const QUIET_MILLISECONDS = 20000;
/** The node answers nothing else meanwhile. */
const DEAF_MILLISECONDS = 4000;
/** Between two answers where there is no stream: a poll takes a while, and waits for the next. */
const POLLED_MILLISECONDS = 12000;

export class Freshness {
  #line;
  #text;
  #feed;
  #watch;
  #lostAt = null;
  #announce;

  /** @param {(text: string) => void} announce tells who cannot see the line that it changed */
  constructor(line, feed, watch, announce) {
    this.#announce = announce;
    this.#line = line;
    this.#text = line.querySelector(".freshness-text");
    this.#feed = feed;
    this.#watch = watch;
  }

  show() {
    const { state, text } = this.#now(Date.now());
    const before = this.#line.dataset.state;
    if (before !== state) {
      this.#line.dataset.state = state;
      if (state === "stale") this.#announce("The node does not answer: the data is getting old.");
      else if (before === "stale") this.#announce("The data is live again.");
    }
    say(this.#text, text);
  }

  #now(now) {
    const { heardAt, isStreaming, failures, missing } = this.#feed;
    if (heardAt === null) {
      return failures > 0 ? { state: "stale", text: "the node does not answer, trying again" } : { state: "waiting", text: "asking the node…" };
    }
    if (isStreaming) this.#lostAt = null;
    else this.#lostAt ??= now;
    const age = now - heardAt;
    const isLost = this.#lostAt !== null && (heardAt <= this.#lostAt || age > POLLED_MILLISECONDS);
    const isDeaf = this.#watch.failures > 0 && age > DEAF_MILLISECONDS;
    if (isLost || isDeaf || age > QUIET_MILLISECONDS) return { state: "stale", text: `data is ${span(age)} old: the node does not answer` };
    if (missing) return { state: "partial", text: `no answer from ${missing}: some values may be older` };
    return { state: "live", text: isStreaming ? "live" : `asked ${span(age)} ago` };
  }
}
