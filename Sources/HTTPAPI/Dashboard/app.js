// The page: puts the feed, the fleet and the pages together, and says honestly how old all of it is.

import { Backfill } from "./fleet/backfill.js";
import { Fleet } from "./fleet/fleet.js";
import { History, storage } from "./fleet/history.js";
import { ClusterWatch } from "./live/cluster-watch.js";
import { Episodes } from "./live/episodes.js";
import { Feed } from "./live/feed.js";
import { hasCharts } from "./charts/time-chart.js";
import { Announcer } from "./parts/announcer.js";
import { say } from "./parts/dom.js";
import { wellBeing } from "./parts/format.js";
import { Freshness } from "./parts/freshness.js";
import { offerSignOut } from "./parts/sign-out.js";
import { currentTheme, nextTheme, onThemeChange } from "./parts/theme.js";
import { AnomaliesPage } from "./pages/anomalies.js";
import { ClusterPage } from "./pages/cluster.js";
import { DevicePage } from "./pages/device.js";
import { ModelsPage } from "./pages/models.js";
import { OverviewPage } from "./pages/overview.js";

/** Four times a second is as much as the stream tells of a series, and as anyone reads. */
const SHOW_EVERY_MILLISECONDS = 250;
/** Of larger fleets only devices that somebody looks at get a memory over reloads. */
const REMEMBERED_FLEET_MAX = 200;

const byId = (id) => document.getElementById(id);
const fleet = new Fleet();
const history = new History(storage());
const announcer = new Announcer(byId("announcer"));
const episodes = new Episodes();
const clusterWatch = new ClusterWatch();
const episodeListeners = new Set();
const alarmed = new Set();
const silent = new Set();
let page = null;
let isChanged = false;

function changed(device, row) {
  isChanged = true;
  const key = `${device.id}\n${row.type}`;
  note(alarmed, key, row.result === "anomaly", () => `Anomaly: ${device.id}, ${row.type}`);
  note(silent, key, row.isSilent, () => `Silent: ${device.id}, ${row.type}`);
  history.forgetAfter(device.id, row.type, row.time);
  // How large a fleet is shows once it was told as a whole.
  if ((!site.isKnown || fleet.size > REMEMBERED_FLEET_MAX) && !history.has(device.id)) return;
  history.add(device.id, row.type, row.time, row.value, row.result === "anomaly", row.expected);
}

function note(set, key, holds, text) {
  if (!holds) set.delete(key);
  else if (!set.has(key)) {
    set.add(key);
    announcer.say(text());
  }
}

const feed = new Feed({
  devices(devices) {
    fleet.takeDevices(devices, performance.now(), changed);
    isChanged = true;
  },
  whole() {
    const isPartial = feed.missing !== "";
    fleet.endRound(isPartial, performance.now());
    const isThere = (id) => fleet.get(id) !== undefined;
    history.makeRoomBeside(isThere);
    for (const set of [alarmed, silent]) for (const key of set) if (!isThere(key.slice(0, key.indexOf("\n")))) set.delete(key);
    if (!site.isKnown) {
      site.isKnown = true;
      for (const device of fleet.devices) for (const row of device.metrics.values()) changed(device, row);
    }
    isChanged = true;
    show();
  },
  readings(readings) {
    fleet.takeReadings(readings, performance.now(), changed);
  },
  episodes(told) {
    episodes.take(told);
    episodeListeners.forEach((listener) => listener(told));
  },
  state() {
    freshness.show();
  },
});

const freshness = new Freshness(byId("freshness"), feed, clusterWatch, (text) => announcer.say(text));

const site = {
  fleet,
  history,
  backfill: new Backfill(history, () => feed.now),
  feed,
  episodes,
  clusterWatch,
  /** Whether the fleet was told as a whole yet: before, nothing is no answer. */
  isKnown: false,
  /** What a page chose, for when one comes back to it. */
  kept: {},
  onEpisodes(listener) {
    episodeListeners.add(listener);
    return () => episodeListeners.delete(listener);
  },
};

// Where one is

const pages = new Map([
  ["", OverviewPage],
  ["device", DevicePage],
  ["anomalies", AnomaliesPage],
  ["cluster", ClusterPage],
  ["models", ModelsPage],
]);

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function go() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const Page = pages.get(name) ?? OverviewPage;
  const id = decoded(rest.join("/"));
  if (Page === DevicePage) history.makeRoom(id);
  const next = new Page(site, new URLSearchParams(query), id);
  page?.dispose();
  page = next;
  byId("page").replaceChildren(page.element);
  for (const link of document.querySelectorAll(".nav a")) {
    if (link.getAttribute("href") === `#/${pages.has(name) ? name : ""}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  page.show();
  showTitle();
}

document.querySelector(".skip").addEventListener("click", (event) => {
  // The address says which page this is.
  event.preventDefault();
  byId("page").focus();
});
addEventListener("hashchange", () => {
  go();
  scrollTo(0, 0);
  byId("page").focus({ preventScroll: true });
});

// What is shown

function show() {
  if (!isChanged || document.visibilityState === "hidden") return;
  isChanged = false;
  page.changed();
  freshness.show();
}

function showTitle() {
  const open = episodes.open.filter((episode) => episode.kind !== "silence").length;
  const badge = byId("open-count");
  badge.hidden = open === 0;
  say(badge, open > 99 ? "99+" : String(open));
  const name = page.title ? `${page.title} – Starling` : "Starling";
  const title = open > 0 ? `(${open}) ${name}` : name;
  if (document.title !== title) document.title = title;
}

clusterWatch.onChange(() => {
  freshness.show();
  const { view } = clusterWatch;
  if (!view) return;
  const { text, isWell } = wellBeing(view.members);
  say(byId("node"), view.node);
  say(byId("flock"), text);
  byId("flock").hidden = text === "";
  byId("flock").classList.toggle("unwell", !isWell);
});

function showTheme() {
  const names = { auto: "as the system", light: "light", dark: "dark" };
  byId("theme").setAttribute("aria-label", `Colours: ${names[currentTheme()]}. Change`);
  byId("theme").dataset.theme = currentTheme();
}
byId("theme").addEventListener("click", nextTheme);
onThemeChange(() => {
  showTheme();
  page?.redraw();
});
showTheme();

// What goes on

/** Writing the memory down takes some milliseconds: when there is nothing else to do. */
const whenIdle = globalThis.requestIdleCallback ?? ((work) => setTimeout(work, 0));
addEventListener("pagehide", () => history.save(Date.now()));
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") history.save(Date.now());
  else show();
});
byId("charts-missing").hidden = hasCharts;
document.body.dataset.charts = hasCharts ? "on" : "off";
go();
freshness.show();
setInterval(show, SHOW_EVERY_MILLISECONDS);
setInterval(() => {
  freshness.show();
  showTitle();
  if (document.visibilityState === "visible") page.tick();
  whenIdle(() => history.saveIfDue(Date.now()));
}, 1000);
clusterWatch.run();
offerSignOut(byId("sign-out"));
episodes.run();
