// What the page asks its node.

const TIMEOUT_MILLISECONDS = 8000;
const CLOCK_TOLERANCE_MILLISECONDS = 3000;

/** `GET /latest`, with the last answer's tag: an unchanged fleet costs one short answer. */
export class LatestFeed {
  #tag = null;

  /**
   * @returns {Promise<{devices: object[]|null, missing: string, clockAhead: number}>} `devices` is null when nothing
   * changed.
   */
  async poll() {
    const headers = this.#tag ? { "If-None-Match": this.#tag } : {};
    const response = await fetch("/latest", { headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
    const missing = response.headers.get("X-Starling-Partial") ?? "";
    const clockAhead = ahead(response.headers.get("Date"));
    if (response.status === 304) return { devices: null, missing, clockAhead };
    if (!response.ok) throw new Error(`the node answered ${response.status}`);
    const devices = await response.json();
    if (!Array.isArray(devices)) throw new Error("the node's answer is not a list");
    this.#tag = response.headers.get("ETag");
    return { devices: devices.filter(isDevice), missing, clockAhead };
  }
}

/** `GET /cluster`: the node's own name and its flock's members; null if it does not say. */
export async function flock() {
  try {
    const response = await fetch("/cluster", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
    const view = await response.json();
    if (!response.ok || typeof view.node !== "string" || !Array.isArray(view.members)) return null;
    return { node: view.node, members: view.members.filter(isMember) };
  } catch {
    return null;
  }
}

function isMember(member) {
  return member !== null && typeof member === "object" && typeof member.name === "string" && typeof member.status === "string";
}

/** What a `Date` header, of whole seconds and some milliseconds ago, says of the node's clock; 0 if it agrees. */
function ahead(date) {
  const difference = Date.parse(date ?? "") - Date.now();
  return Math.abs(difference) > CLOCK_TOLERANCE_MILLISECONDS ? difference : 0;
}

function isDevice(device) {
  return device !== null && typeof device === "object" && typeof device.device_id === "string" && Array.isArray(device.metrics);
}
