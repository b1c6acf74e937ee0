// What the page asks its node beside the feed. Errors are sentences for a person.

import { isEpisode, isMember, isPoint } from "./shapes.js";

const TIMEOUT_MILLISECONDS = 8000;
/** Training reads a store and tries a model. */
const TRAINING_MILLISECONDS = 120000;
const ERROR_MAX = 300;

async function request(path, { method = "GET", body, accept, timeout = TIMEOUT_MILLISECONDS } = {}) {
  const headers = {};
  if (accept) headers.Accept = accept;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(timeout),
    });
  } catch (error) {
    throw new Error(error?.name === "TimeoutError" ? "the node did not answer in time" : "the node does not answer");
  }
  if (!response.ok) throw await failure(response);
  return response;
}

/** The key that this browser has is good no more: the node shows its sign-in page in place of this one. */
function signInAgain() {
  if (typeof document !== "undefined") location.reload();
}

async function failure(response) {
  let detail = "";
  try {
    const problem = await response.json();
    detail = String(problem.detail ?? problem.title ?? "");
  } catch {
    // Whoever answered was no node.
  }
  if (response.status === 401) signInAgain();
  const error = new Error((detail || `the node answered ${response.status}`).slice(0, ERROR_MAX));
  error.status = response.status;
  return error;
}

async function json(path, options) {
  try {
    return await (await request(path, options)).json();
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error("the node's answer is not to be understood");
    throw error;
  }
}

async function list(path, isSound) {
  const values = await json(path);
  if (!Array.isArray(values)) throw new Error("the node's answer is not to be understood");
  return values.filter(isSound);
}

function query(parameters) {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") text.set(name, String(value));
  }
  return text.size > 0 ? `?${text}` : "";
}

const time = (milliseconds) => (milliseconds === undefined ? undefined : new Date(milliseconds).toISOString());
const isModel = (model) => model !== null && typeof model === "object" && typeof model.type === "string";

export async function cluster({ scope, ring } = {}) {
  const view = await json(`/cluster${query({ scope, ring })}`);
  if (typeof view?.node !== "string" || !Array.isArray(view.members)) throw new Error("the node's answer is not to be understood");
  view.members = view.members.filter(isMember);
  if (!Array.isArray(view.partial)) view.partial = [];
  return view;
}

/** Times in ms. @returns {Promise<{timestamp: string, value: number, score: number, result: string}[]>} */
export async function history(device, type, from, to, points) {
  const answer = await json(`/history${query({ device_id: device, type, from: time(from), to: time(to), points })}`);
  return Array.isArray(answer?.points) ? answer.points.filter(isPoint) : [];
}

/** The whole range as a file in the browser's hands. */
export async function historyCSV(device, type, from, to) {
  const path = `/history${query({ device_id: device, type, from: time(from), to: time(to) })}`;
  return (await request(path, { accept: "text/csv", timeout: TRAINING_MILLISECONDS })).blob();
}

export function anomalies({ device, type, from, to, limit } = {}) {
  return list(`/anomalies${query({ device_id: device, type, from: time(from), to: time(to), limit })}`, isEpisode);
}

export const session = () => json("/session");
export const signOut = () => request("/session", { method: "DELETE" });
export const device = (id) => json(`/devices/${encodeURIComponent(id)}`);
export const audit = (limit) => list(`/audit${query({ limit })}`, (row) => row !== null && typeof row === "object");
export const models = () => list("/models", isModel);
export async function modelVersions(type) {
  const { versions } = await json(`/models/${encodeURIComponent(type)}`);
  return Array.isArray(versions) ? versions.filter(isModel) : [];
}
export const trainModel = (type) =>
  json(`/models/${encodeURIComponent(type)}/train`, { method: "POST", body: {}, timeout: TRAINING_MILLISECONDS });
export const activateModel = (type, version) =>
  json(`/models/${encodeURIComponent(type)}/activate`, { method: "POST", body: { version }, timeout: TRAINING_MILLISECONDS });
export const rollBackModel = (type) => json(`/models/${encodeURIComponent(type)}/rollback`, { method: "POST", body: {} });
