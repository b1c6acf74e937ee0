"""What a schema cannot say of good data, said to Schemathesis: lengths in bytes, clocks, durations, lines of NDJSON."""

import datetime
import json
import time

import schemathesis
from hypothesis import strategies

NAME_BYTES_MAX = 64
EARLIEST = 946_684_800
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST = 3_650 * UNITS["d"]


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# Of `date-time` readings take what lies between 2000 and now; everything else takes those too.
schemathesis.openapi.format("date-time", strategies.integers(EARLIEST, int(time.time())).map(rfc3339))


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def is_good(case):
    return case.meta is None or case.meta.generation.mode.is_positive


def lasts_too_long(mute):
    length = mute.get("for") if isinstance(mute, dict) else None
    return isinstance(length, str) and int(length[:-1]) * UNITS[length[-1]] > LONGEST


@schemathesis.hook
def filter_case(context, case):
    """Names are limited in bytes, and a schema counts characters; a mute's length has digits and a unit."""
    if not is_good(case):
        return True
    if case.operation.path == "/mute" and lasts_too_long(case.body):
        return False
    parts = [case.path_parameters, case.query, case.body if isinstance(case.body, (dict, list)) else None]
    return all(len(text.encode("utf-8", "replace")) <= NAME_BYTES_MAX for part in parts for text in strings(part))


def in_time(message):
    """Times are taken from 2000 to now, as numbers and as texts: others are made up by more than the format above."""
    stamp = message.get("timestamp") if isinstance(message, dict) else None
    now = int(time.time())
    if isinstance(stamp, (int, float)) and not isinstance(stamp, bool):
        message["timestamp"] = EARLIEST + abs(stamp) % (now - EARLIEST)
    elif isinstance(stamp, str):
        try:
            seconds = datetime.datetime.fromisoformat(stamp).timestamp()
        except ValueError:
            return
        if not EARLIEST <= seconds <= now:
            message["timestamp"] = rfc3339(now)


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.operation.path != "/data" or not is_good(case):
        return
    if case.media_type == "application/x-ndjson":
        # To a schema a body of lines is any text.
        message = {"device_id": "device-00", "metrics": [{"type": "temperature", "value": 20}], "note": str(case.body)}
        case.body = json.dumps(message)
    else:
        for message in case.body if isinstance(case.body, list) else [case.body]:
            in_time(message)
