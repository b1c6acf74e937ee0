// The page's end of the worker: hands on what it tells, and knows how old the newest of it is.

const AGAIN_MILLISECONDS = 3000;

export class Feed {
  heardAt = null;
  isStreaming = false;
  failures = 0;
  missing = "";
  /** How far the node's clock is ahead of this machine's, in ms: ages are told by the node's. */
  clockAhead = 0;

  #listener;

  /** @param listener `devices([…])`, `whole()`, `readings([…])`, `episodes([…])`, `state()` */
  constructor(listener) {
    this.#listener = listener;
    this.#start();
  }

  /** A worker whose files did not all come, as a node may die while it sends them, is no worker: another one is tried. */
  #start() {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "live" });
    worker.addEventListener("message", ({ data }) => this.#take(data));
    worker.addEventListener("error", () => {
      worker.terminate();
      this.isStreaming = false;
      this.failures += 1;
      this.#listener.state();
      setTimeout(() => this.#start(), AGAIN_MILLISECONDS);
    });
  }

  #take(data) {
    const listener = this.#listener;
    switch (data.kind) {
      case "heard":
        this.heardAt = data.at;
        if (data.clockAhead !== undefined) this.clockAhead = data.clockAhead;
        return;
      case "devices":
        return listener.devices(data.values);
      case "whole":
        this.missing = data.missing;
        return listener.whole();
      case "unchanged":
        this.missing = data.missing;
        return listener.state();
      case "readings":
        return listener.readings(data.values);
      case "episodes":
        return listener.episodes(data.values);
      case "state":
        this.isStreaming = data.isStreaming;
        this.failures = data.failures;
        return listener.state();
    }
  }

  /** The node's clock now, in ms. */
  get now() {
    return Date.now() + this.clockAhead;
  }
}
