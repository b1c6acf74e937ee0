// The points of every graph, kept over a reload in localStorage: bounded, versioned, and never trusted when read back.

const KEY = "starling.history.1";
const POINTS_MAX = 120;
const SERIES_MAX = 1000;
const DEVICES_MAX = 2000;
const SAVE_EVERY_MILLISECONDS = 5000;
/** Below this, room for fewer points is not worth having. */
const POINTS_MIN = 15;

export class History {
  /** device → type → points [time in ms, value, 1 if anomalous], oldest first. */
  #devices = new Map();
  #seriesCount = 0;
  #savedAt = 0;
  #pointsKept = POINTS_MAX;
  #storage;

  constructor(storage) {
    this.#storage = storage;
    this.#load();
  }

  points(device, type) {
    return this.#devices.get(device)?.get(type) ?? [];
  }

  types(device) {
    return [...(this.#devices.get(device)?.keys() ?? [])];
  }

  add(device, type, time, value, isAnomaly) {
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
    points.push([time, value, isAnomaly ? 1 : 0]);
    if (points.length > POINTS_MAX) points.splice(0, points.length - POINTS_MAX);
  }

  /** Forgets devices that the fleet no longer has, so that the room goes to those it has. */
  keepOnly(devices) {
    for (const [device, series] of this.#devices) {
      if (devices.has(device)) continue;
      this.#seriesCount -= series.size;
      this.#devices.delete(device);
    }
  }

  saveIfDue(now) {
    if (now - this.#savedAt >= SAVE_EVERY_MILLISECONDS) this.save(now);
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
          if (Array.isArray(point)) this.add(entry[0], series[0], point[0], point[1], point[2] === 1);
        }
      }
    }
  }
}

/** The browser's storage, or null where it is switched off. */
export function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
