// Numbers, ages and shares as a person reads them.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 2, useGrouping: false });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, useGrouping: false });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

/** A measured value: two decimals, three digits below 1, an exponent where neither would say anything. */
export function number(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-4)) return value.toExponential(2);
  return size < 1 ? small.format(value) : plain.format(value);
}

/** A share from 0 to 1 as a percentage that never claims more than it knows. */
export function percent(share) {
  if (typeof share !== "number" || !Number.isFinite(share)) return "–";
  return `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;
}

/** Milliseconds as a length of time. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/**
 * How a flock is, in a few words: nothing of a node alone, and who is not well by name where it is one. Those that left
 * are no part of it.
 */
export function wellBeing(members) {
  const here = members.filter((member) => member.status !== "left");
  const unwell = here.filter((member) => member.status !== "alive");
  if (here.length < 2) return { text: "", isWell: true };
  if (unwell.length === 0) return { text: `${here.length} nodes, all well`, isWell: true };
  if (unwell.length === 1) return { text: `${here.length} nodes, ${unwell[0].name} is ${unwell[0].status}`, isWell: false };
  const dead = unwell.filter((member) => member.status === "dead").length;
  const parts = [`${here.length} nodes`];
  if (unwell.length > dead) parts.push(`${unwell.length - dead} suspect`);
  if (dead > 0) parts.push(`${dead} dead`);
  return { text: parts.join(", "), isWell: false };
}

export function timeOfDay(milliseconds) {
  return clock.format(new Date(milliseconds));
}
