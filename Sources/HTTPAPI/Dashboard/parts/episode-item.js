// One episode as a person reads it.

import { element, say } from "./dom.js";
import { moment, number, span } from "./format.js";

const KINDS = { anomaly: "anomaly", silence: "silence", fleet: "fleet incident" };

export function episodeItem(episode, now, { withDevice = true } = {}) {
  const start = Date.parse(episode.start);
  const end = episode.end === null ? null : Date.parse(episode.end);
  const where =
    episode.device_id === "*"
      ? element("span.where", { text: "many devices" })
      : element("a.where", { href: devicePath(episode.device_id, start, end ?? now), text: episode.device_id });
  const item = element(
    "li.episode",
    { data: { kind: episode.kind, open: end === null, episode: episode.id } },
    element("span.episode-kind", { text: KINDS[episode.kind] ?? "anomaly" }),
    withDevice ? where : null,
    withDevice ? element("span.episode-type", { text: episode.type }) : null,
    element("span.episode-reason", { text: reason(episode) }),
    element("time.episode-time", { datetime: episode.start }),
  );
  tellTime(item, episode, now);
  return item;
}

/** How long it lasts goes on while it does. */
export function tellTime(item, episode, now) {
  const start = Date.parse(episode.start);
  const end = episode.end === null ? null : Date.parse(episode.end);
  const length = end === null ? `for ${span(now - start)}, goes on` : end > start ? `lasted ${span(end - start)}` : "one reading";
  say(item.querySelector(".episode-time"), `${moment(start, now)} · ${length}`);
}

function reason(episode) {
  const value = typeof episode.value === "number" ? number(episode.value) : "";
  if (episode.kind === "silence") return episode.reason || `last value ${value}`;
  if (episode.kind === "fleet") return episode.reason;
  return [value, episode.reason].filter(Boolean).join(" – ");
}

/** The page of a device, around an episode. */
function devicePath(id, from, to) {
  const length = Math.max(to - from, 60000);
  return `#/device/${encodeURIComponent(id)}?from=${Math.floor(from - length)}&to=${Math.ceil(to + length / 2)}`;
}
