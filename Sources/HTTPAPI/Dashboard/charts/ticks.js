// Where a time axis has its marks, and what they say: round local times, whatever the range.

import { dayOf, minuteOf, timeOfDay } from "../parts/format.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 5, 10].map((count) => count * DAY),
];

/**
 * @param {number} from ms
 * @param {number} to ms
 * @param {number} most marks that have room
 * @returns {{values: number[], label: (value: number) => string}}
 */
export function ticks(from, to, most) {
  const step = STEPS.find((one) => (to - from) / one <= most) ?? STEPS[STEPS.length - 1];
  const values = [];
  // Days and hours are those of this place, whose distance from UTC may change within the range.
  for (let value = firstAfter(from, step); value <= to && values.length <= most + 1; value = firstAfter(value + step / 2, step)) values.push(value);
  return { values, label: labelOf(step) };
}

function firstAfter(time, step) {
  const found = roundUp(time, step, shiftAt(time));
  // Where clocks were changed in between, what is round is so by the clock of then.
  const again = roundUp(time, step, shiftAt(found));
  return again >= time ? again : found;
}

const shiftAt = (time) => -new Date(time).getTimezoneOffset() * MINUTE;
const roundUp = (time, step, shift) => Math.ceil((time + shift) / step) * step - shift;

function labelOf(step) {
  if (step < MINUTE) return timeOfDay;
  if (step >= DAY) return dayOf;
  return (value) => {
    const date = new Date(value);
    return date.getHours() === 0 && date.getMinutes() === 0 ? dayOf(value) : minuteOf(value);
  };
}
