// Light, dark, or as the system has it; kept in this browser.

import { storage } from "../fleet/history.js";

const KEY = "starling.theme";
const THEMES = ["auto", "light", "dark"];
const listeners = new Set();

function kept() {
  try {
    const theme = storage()?.getItem(KEY);
    return THEMES.includes(theme) ? theme : "auto";
  } catch {
    return "auto";
  }
}

let theme = kept();

function apply() {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  renew();
}

function renew() {
  colours = null;
  listeners.forEach((listener) => listener());
}

export function nextTheme() {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  try {
    storage()?.setItem(KEY, theme);
  } catch {
    // It holds for this visit then.
  }
  apply();
  return theme;
}

export const currentTheme = () => theme;

/** Called when colours changed: what is drawn must be drawn again. */
export function onThemeChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let colours = null;

/** Colours as the canvas needs them; asked of the style once a theme. */
export function palette() {
  if (colours) return colours;
  const probe = document.createElement("span");
  document.body.append(probe);
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  colours = {
    quiet: read("quiet"),
    line: read("line"),
    alarm: read("alarm"),
    surface: read("surface"),
    accent: read("accent"),
    series: Array.from({ length: 8 }, (_, index) => read(`series-${index}`)),
    rem: Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16,
  };
  probe.remove();
  return colours;
}

/** The same colour, `share` of it. */
export function faded(colour, share) {
  const parts = colour.match(/[\d.]+/g) ?? [0, 0, 0];
  return `rgb(${parts[0]} ${parts[1]} ${parts[2]} / ${share})`;
}

/** Of metrics that many fleets have, apart from each other; others by their name, the same on every page and visit. */
const WELL_KNOWN = ["humidity", "temperature", "pressure", "vibration", "flow", "power", "current", "voltage"];

export function colourIndex(type) {
  const known = WELL_KNOWN.indexOf(type);
  if (known >= 0) return known;
  let hash = 0x811c9dc5;
  for (let index = 0; index < type.length; index += 1) hash = Math.imul(hash ^ type.charCodeAt(index), 0x01000193);
  return (hash >>> 16) % 8;
}

// Its size in pixels goes with the window's.
addEventListener("resize", () => (colours = null));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", renew);
apply();
