// Which anomalous points of a line get a mark: one that would hide the mark before it does not.

/**
 * @param {{x: number, isAnomaly: boolean}[]} points oldest first
 * @param {number} apart least distance of two marks, in the unit of x
 * @returns {boolean[]} for each point
 */
export function marked(points, apart) {
  let last = -Infinity;
  return points.map(({ x, isAnomaly }) => {
    if (!isAnomaly || x - last < apart) return false;
    last = x;
    return true;
  });
}
