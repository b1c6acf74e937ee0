// The newest episodes of the fleet: told by the stream, and asked for now and then.

import { anomalies } from "./api.js";

const ASKED = 200;
const KEPT_MAX = 500;
/** So many more before they are cut: sorting is not for every one. */
const KEPT_SPARE = 250;
/** An end may be told by nobody, where its owner died: the store knows. */
const AGAIN_MILLISECONDS = 60000;
const RETRY_MILLISECONDS = 5000;

export class Episodes {
  #byID = new Map();
  /** The newest of each series and kind. */
  #newest = new Map();
  /** Newest first; null when something changed since. */
  #sorted = null;
  #toldSinceAsked = [];
  #listeners = new Set();
  isLoaded = false;
  error = "";

  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Newest first. */
  get list() {
    this.#sorted ??= [...this.#byID.values()].sort(newestFirst);
    return this.#sorted;
  }

  get open() {
    return this.list.filter((episode) => episode.end === null);
  }

  take(episodes) {
    this.#toldSinceAsked.push(...episodes);
    this.#toldSinceAsked.splice(0, this.#toldSinceAsked.length - KEPT_MAX);
    this.#merge(episodes);
    this.#tell();
  }

  #merge(episodes) {
    for (const episode of episodes) {
      const known = this.#byID.get(episode.id) ?? this.#begunBefore(episode);
      this.#keep(known === undefined || known.id === episode.id ? episode : grown(known, episode));
    }
    this.#sorted = null;
    if (this.#byID.size > KEPT_MAX + KEPT_SPARE) {
      for (const episode of this.list.slice(KEPT_MAX)) {
        this.#byID.delete(episode.id);
        if (this.#newest.get(seriesOf(episode))?.id === episode.id) this.#newest.delete(seriesOf(episode));
      }
      this.#sorted = null;
    }
  }

  /** Older ones than the answer reaches stay; what was told while it was on its way is newer than it. */
  #replace(episodes) {
    const oldest = episodes.length < ASKED ? "" : episodes[episodes.length - 1].start;
    const older = this.list.filter((episode) => episode.start < oldest && episode.end !== null);
    this.#byID = new Map();
    this.#newest = new Map();
    for (const episode of [...older, ...episodes]) this.#keep(episode);
    this.#merge(this.#toldSinceAsked);
  }

  #keep(episode) {
    this.#byID.set(episode.id, episode);
    const key = seriesOf(episode);
    const newest = this.#newest.get(key);
    if (!newest || newest.start <= episode.start) this.#newest.set(key, episode);
  }

  /** A node that began to listen in the middle of an episode holds what it heard first for the beginning. */
  #begunBefore(episode) {
    const known = this.#newest.get(seriesOf(episode));
    if (!known || known.start > episode.start) return undefined;
    return known.end === null || known.end >= episode.start ? known : undefined;
  }

  async run() {
    for (;;) {
      try {
        this.#toldSinceAsked = [];
        const episodes = await anomalies({ limit: ASKED });
        this.isLoaded = true;
        this.error = "";
        this.#replace(episodes);
      } catch (error) {
        this.error = error.message;
      }
      this.#tell();
      await new Promise((resume) => setTimeout(resume, this.error ? RETRY_MILLISECONDS : AGAIN_MILLISECONDS));
    }
  }

  #tell() {
    this.#listeners.forEach((listener) => listener());
  }
}

const seriesOf = ({ kind, device_id, type }) => `${kind}\n${device_id}\n${type}`;

/** The longer one, with what the newer one says of its peak and its end. */
function grown(known, newer) {
  const worse = newer.score >= known.score ? newer : known;
  return { ...worse, id: known.id, start: known.start, end: newer.end };
}

export function newestFirst(one, other) {
  if (one.start === other.start) return one.id < other.id ? -1 : 1;
  return one.start > other.start ? -1 : 1;
}
