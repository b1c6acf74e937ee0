// What an answer of a node must look like before anything is made of it.

const isTime = (text) => Number.isFinite(Date.parse(text));
const isObject = (value) => value !== null && typeof value === "object";

export function isMetric(metric) {
  return isObject(metric) && typeof metric.type === "string" && typeof metric.value === "number";
}

export function isDevice(device) {
  return isObject(device) && typeof device.device_id === "string" && Array.isArray(device.metrics);
}

export function isReading(reading) {
  return isMetric(reading) && typeof reading.device_id === "string";
}

export function isEpisode(episode) {
  if (!isObject(episode)) return false;
  const isTold = ["id", "kind", "device_id", "type", "reason", "start"].every((name) => typeof episode[name] === "string");
  return isTold && isTime(episode.start) && (episode.end === null || isTime(episode.end));
}

export function isPoint(point) {
  return isObject(point) && isTime(point.timestamp) && Number.isFinite(point.value);
}

export function isMember(member) {
  return isObject(member) && typeof member.name === "string" && typeof member.status === "string";
}
