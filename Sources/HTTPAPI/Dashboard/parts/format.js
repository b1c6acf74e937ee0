// Numbers, ages and shares as a person reads them.

/** Each costs milliseconds to make: at its first use. */
function once(make) {
  let made = null;
  return (value) => (made ??= make()).format(value);
}

const plain = once(() => new Intl.NumberFormat("en", { maximumFractionDigits: 2, useGrouping: false }));
const small = once(() => new Intl.NumberFormat("en", { maximumSignificantDigits: 3, useGrouping: false }));
const grouped = once(() => new Intl.NumberFormat("en", { maximumFractionDigits: 0 }));
const clock = once(() => new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }));
const day = once(() => new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }));
const date = once(() => new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" }));
const minute = once(() => new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));

/** A measured value: two decimals, three digits below 1, an exponent where neither would say anything. */
export function number(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-4)) return value.toExponential(2);
  return size < 1 ? small(value) : plain(value);
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
  return clock(new Date(milliseconds));
}

/** A moment: the time alone if it is of today, with its day otherwise. */
export function moment(milliseconds, now = Date.now()) {
  if (!Number.isFinite(milliseconds)) return "–";
  const date = new Date(milliseconds);
  return date.toDateString() === new Date(now).toDateString() ? clock(date) : `${day(date)}, ${minute(date)}`;
}

export const dayOf = (milliseconds) => day(new Date(milliseconds));
/** The whole date: two years may be in one list. */
export const dateOf = (milliseconds) => date(new Date(milliseconds));
export const minuteOf = (milliseconds) => minute(new Date(milliseconds));

/** A count, its thousands apart. */
export function count(value) {
  return typeof value === "number" && Number.isFinite(value) ? grouped(value) : "–";
}

/** A rate a second: a decimal where it is small. */
export function rate(perSecond) {
  if (!Number.isFinite(perSecond)) return "–";
  return perSecond < 10 ? (Math.round(perSecond * 10) / 10).toString() : grouped(perSecond);
}

/** A small share, such as an alarm rate: with the digits that matter. */
export function smallShare(share) {
  if (typeof share !== "number" || !Number.isFinite(share)) return "–";
  if (share === 0) return "0 %";
  const percents = share * 100;
  return `${percents < 0.01 ? percents.toPrecision(1) : percents < 1 ? percents.toFixed(2) : percents.toFixed(1)} %`;
}
