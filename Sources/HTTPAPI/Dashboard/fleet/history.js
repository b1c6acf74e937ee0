// The points of every graph, kept over a reload in localStorage: bounded, versioned, and never trusted when read back.

const KEY = "starling.history.2";
const FORMER_KEYS = ["starling.history.1"];
const POINTS_MAX = 120;
const SERIES_MAX = 400;
const DEVICES_MAX = 400;
const SAVE_EVERY_MILLISECONDS = 10000;
/** Series that a device which is looked at may have. */
const ROOM = 20;
/** Below this, room for fewer points is not worth having. */
const POINTS_MIN = 15;

export class History {
  /** device → type → points [time in ms, value, 1 if anomalous, low, high], oldest first; the last two, where the next one
   * was expected, only if that is known. */
  #devices = new Map();
  #seriesCount = 0;
  #savedAt = 0;
  #pointsKept = POINTS_MAX;
  #storage;

  constructor(storage) {
    this.#storage = storage;
    this.#load();
    for (const key of FORMER_KEYS) this.#storage?.removeItem?.(key);
  }

  points(device, type) {
    return this.#devices.get(device)?.get(type) ?? [];
  }

  types(device) {
    return [...(this.#devices.get(device)?.keys() ?? [])];
  }

  has(device) {
    return this.#devices.has(device);
  }

  /** Somebody looks at this one: it gets a place, if need be that of the one that is here for longest. */
  makeRoom(device) {
    if (this.#devices.has(device)) return;
    while (this.#devices.size >= DEVICES_MAX || this.#seriesCount >= SERIES_MAX - ROOM) {
      const [oldest, series] = this.#devices.entries().next().value;
      this.#seriesCount -= series.size;
      this.#devices.delete(oldest);
    }
    this.#devices.set(device, new Map());
  }

  add(device, type, time, value, isAnomaly, expected = null) {
    if (!Number.isFinite(time) || !Number.isFinite(value)) return;
    let series = this.#devices.get(device);
    if (!series) {
      if (this.#devices.size >= DEVICES_MAX) return;
      series = new Map();
      this.#devices.set(device, series);
    }
    let points = series.get(type);
    if (!points) {
      if (this.#seriesCount >= SERIES_MAX) return;
      points = [];
      series.set(type, points);
      this.#seriesCount += 1;
    }
    if (points.length > 0 && time <= points[points.length - 1][0]) return;
    const point = [time, value, isAnomaly ? 1 : 0];
    if (expected) point.push(short(expected[0]), short(expected[1]));
    points.push(point);
    if (points.length > POINTS_MAX) points.splice(0, points.length - POINTS_MAX);
  }

  /** Forgets of devices that the fleet no longer has as many as are needed to have room again. */
  makeRoomBeside(isThere) {
    for (const [device, series] of this.#devices) {
      if (this.#seriesCount < SERIES_MAX - ROOM && this.#devices.size < DEVICES_MAX) return;
      if (isThere(device)) continue;
      this.#seriesCount -= series.size;
      this.#devices.delete(device);
    }
  }

  saveIfDue(now) {
    if (now - this.#savedAt >= SAVE_EVERY_MILLISECONDS) this.save(now);
  }

  /** Points from before those that are remembered. */
  addBefore(device, type, older) {
    const points = this.#devices.get(device)?.get(type);
    if (!points) return;
    const first = points[0]?.[0] ?? Infinity;
    const room = POINTS_MAX - points.length;
    if (room > 0) points.unshift(...older.filter(([time]) => time < first).slice(-room));
  }

  /** What was remembered of a series was measured later than it has readings: it was deleted, or a clock was wrong. */
  forgetAfter(device, type, time) {
    const points = this.#devices.get(device)?.get(type);
    while (points?.length > 0 && points[points.length - 1][0] > time) points.pop();
  }

  /** A full quota keeps fewer points of each series; a storage that refuses everything costs nothing but the memory. */
  save(now) {
    this.#savedAt = now;
    while (this.#storage) {
      try {
        this.#storage.setItem(KEY, this.#text());
        return;
      } catch {
        if (this.#pointsKept <= POINTS_MIN) return;
        this.#pointsKept = Math.max(POINTS_MIN, Math.floor(this.#pointsKept / 2));
      }
    }
  }

  #text() {
    const devices = [];
    for (const [device, series] of this.#devices) {
      devices.push([device, [...series].map(([type, points]) => [type, points.slice(-this.#pointsKept)])]);
    }
    return JSON.stringify(devices);
  }

  #load() {
    let devices;
    try {
      devices = JSON.parse(this.#storage?.getItem(KEY) ?? "[]");
    } catch {
      return;
    }
    if (!Array.isArray(devices)) return;
    for (const entry of devices) {
      if (!Array.isArray(entry) || typeof entry[0] !== "string" || !Array.isArray(entry[1])) continue;
      for (const series of entry[1]) {
        if (!Array.isArray(series) || typeof series[0] !== "string" || !Array.isArray(series[1])) continue;
        for (const point of series[1]) {
          if (!Array.isArray(point)) continue;
          const isExpected = Number.isFinite(point[3]) && Number.isFinite(point[4]);
          this.add(entry[0], series[0], point[0], point[1], point[2] === 1, isExpected ? [point[3], point[4]] : null);
        }
      }
    }
  }
}

/** As many digits as anybody sees. */
function short(value) {
  return Number(value.toPrecision(7));
}

/** The browser's storage, or null where it is switched off. */
export function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
