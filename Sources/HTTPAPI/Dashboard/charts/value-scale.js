// From where to where an axis of values goes, such that it can always be drawn.

/** Beyond this the differences between values are no numbers any more. */
const LARGEST = 1e300;
/** At least this part of the value from edge to edge: the noise of a steady metric should look like noise. */
const SPAN_SHARE_MIN = 0.02;
/** And at least this much, for a metric that is always 0. */
const SPAN_MIN = 1e-9;

/** A value as the charting library can draw it. */
export function drawable(value) {
  return Math.min(LARGEST, Math.max(-LARGEST, value));
}

/**
 * @param {number} low of drawable values, not above `high`
 * @param {number} margin part of the span that is left free at both ends
 */
export function valueScale(low, high, margin) {
  const middle = low / 2 + high / 2;
  const span = Math.max(high - low, Math.abs(middle) * SPAN_SHARE_MIN, SPAN_MIN);
  return { min: middle - span * (0.5 + margin), max: middle + span * (0.5 + margin), span };
}
