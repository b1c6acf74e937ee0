#!/usr/bin/env python3
"""Loads a cluster of cluster/up for hours and says what grows: memory, open files, threads, disk and latencies.

Devices are simulated at a steady rate, each with a connection of its own or, with --gateways, many behind one that
sends what they measured in one body. Every --every seconds each node's process is looked at, and /latest of the
whole fleet is asked of it; a client of its own posts one reading ten times a second, to each node in turn. Rows go to
a CSV file as they come. In the end a line is laid through each column (least squares, after --warm-up) and told as its
mean, its slope an hour, and the slope's share of the mean. Ends with 1 if a reading of the client was not accepted, an
answer was wrong, a node ended, or the ledger is not closed.
"""

import argparse
import csv
import http.client
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

EXAMPLES = """examples:
  cluster/up 3 --devices 0 --postgres --detach && cluster/tools/watch_cluster.py --run-dir cluster/.run --minutes 120
"""
ROOT = pathlib.Path(__file__).resolve().parents[2]
PROBE_SECONDS = 0.1
ANSWER_SECONDS = 30
DRAIN_SECONDS = 300
MEGABYTE = 1 << 20


def settings(folder):
    return dict(line.split("=", 1) for line in (folder / "cluster.conf").read_text().splitlines() if "=" in line)


def tree_bytes(*paths):
    total = 0
    for path in paths:
        for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
            # What goes away meanwhile takes no room.
            try:
                total += file.stat().st_blocks * 512 if file.is_file() else 0
            except FileNotFoundError:
                continue
    return total


class Node:
    """One node's process, and a connection to it that is made again when it broke."""

    def __init__(self, folder, index, port):
        self.name = f"n{index}"
        self.folder = folder / self.name
        self.port = port
        self.pid = int((folder / f"{self.name}.pid").read_text().split()[0])
        self.connection = None

    def ask(self, method, path, body=None, kind="application/json"):
        """The status, the body, and the milliseconds it took; a connection that idled for too long is made again."""
        while True:
            start, is_new = time.monotonic(), self.connection is None
            try:
                if is_new:
                    self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
                self.connection.request(method, path, body, {"Content-Type": kind} if body else {})
                answer = self.connection.getresponse()
                return answer.status, answer.read(), (time.monotonic() - start) * 1e3
            except (http.client.HTTPException, OSError) as error:
                self.connection = None
                if is_new:
                    return 0, str(error).encode(), (time.monotonic() - start) * 1e3

    def ledger(self):
        """Of the whole flock; empty without an answer of all of it."""
        status, body, _ = self.ask("GET", "/cluster?scope=all")
        view = json.loads(body) if status == 200 else {"partial": []}
        return {} if "partial" in view else view["ledger_all"]

    def process(self):
        """What the kernel says of it: megabytes, open files, threads, and seconds of a processor."""
        status = dict(
            line.split(":", 1) for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        )
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return {
            "memory MB": int(status["VmRSS"].split()[0]) / 1024,
            "open files": len(os.listdir(f"/proc/{self.pid}/fd")),
            "threads": int(status["Threads"]),
            "processor s": (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK"),
            "log MB": tree_bytes(self.folder) / MEGABYTE,
        }


class Probe(threading.Thread):
    """A client that posts one reading at a time; what each answer took, since it was last asked."""

    def __init__(self, nodes):
        super().__init__(daemon=True)
        self.nodes, self.times, self.refused, self.sent = nodes, [], 0, 0
        self.is_over, self.lock = threading.Event(), threading.Lock()

    def run(self):
        while not self.is_over.wait(PROBE_SECONDS):
            node = self.nodes[self.sent % len(self.nodes)]
            body = {"device_id": f"probe-{node.name}", "metrics": [{"type": "t", "value": 20 + self.sent % 7}]}
            status, _, took = node.ask("POST", "/data", json.dumps(body))
            with self.lock:
                self.sent += 1
                self.refused += status != 202
                self.times.append(took)

    def taken(self):
        with self.lock:
            times, self.times = sorted(self.times), []
        return times


class Gateways(threading.Thread):
    """Each sends what all its devices measured, one after the other, in one body; what was not accepted, again."""

    def __init__(self, nodes, count, devices, interval):
        super().__init__(daemon=True)
        self.nodes, self.count, self.devices, self.interval = nodes, count, devices, interval
        self.is_over, self.random, self.sent, self.refused = threading.Event(), random.Random(1), 0, 0
        self.levels = [self.random.uniform(15, 25) for _ in range(devices)]

    def body(self, gateway):
        stamp = time.time_ns() // 1000
        lines = []
        for device in range(gateway, self.devices, self.count):
            values = [("temperature", self.levels[device]), ("humidity", 3 * self.levels[device])]
            metrics = [{"type": kind, "value": round(level + self.random.gauss(0, 0.3), 4)} for kind, level in values]
            message = {"device_id": f"device-{device:04}", "timestamp": stamp / 1e6, "metrics": metrics}
            lines.append(json.dumps(message, separators=(",", ":")))
        return "\n".join(lines)

    def run(self):
        start, number = time.monotonic(), 0
        while not self.is_over.wait(max(0, start + number * self.interval / self.count - time.monotonic())):
            body, node = self.body(number % self.count), self.nodes[number % len(self.nodes)]
            while node.ask("POST", "/data", body, "application/x-ndjson")[0] != 202 and not self.is_over.wait(1):
                self.refused += 1
            self.sent += 2 * (body.count("\n") + 1)
            number += 1

    def poll(self):
        return None if self.is_alive() else 1

    def stop(self):
        self.is_over.set()
        self.join()
        print(f"{self.sent} readings of devices behind gateways, {self.refused} bodies sent again")


class Devices(subprocess.Popen):
    """Simulated by the program."""

    def __init__(self, options, interval, servers, log):
        super().__init__(
            [options.program, "simulate", "--devices", str(options.devices), "--server", servers,
             "--interval", str(interval)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )

    def start(self):
        """Runs already."""

    def stop(self):
        self.terminate()
        self.wait()


class Store:
    """How much of the disk the readings take; nil where it cannot be asked."""

    def __init__(self, folder):
        address = folder / "store.url"
        self.file = folder / "starling.db"
        self.address = address.read_text().strip() if address.exists() else None

    def megabytes(self):
        if self.address is None:
            return tree_bytes(*(self.file.with_name(self.file.name + end) for end in ("", "-wal", "-shm"))) / MEGABYTE
        command = ["psql", self.address, "-XAtc", "select pg_database_size(current_database())"]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        return int(asked.stdout) / MEGABYTE if asked.returncode == 0 else None


def share(times, part):
    return times[min(len(times) - 1, int(len(times) * part))] if times else None


def look(nodes, probe, store, seconds):
    """One row of the table."""
    row = {"minute": seconds / 60}
    for node in nodes:
        for name, value in node.process().items():
            row[f"{node.name} {name}"] = value
    wrong = 0
    for node in nodes:
        status, body, took = node.ask("GET", "/latest?limit=100000")
        wrong += status != 200
        row[f"{node.name} latest ms"] = took
        row[f"{node.name} latest MB"] = len(body) / MEGABYTE
    times = probe.taken()
    row["post p50 ms"], row["post p99 ms"] = share(times, 0.5), share(times, 0.99)
    row["store MB"] = store.megabytes()
    ledger = nodes[0].ledger()
    row["accepted"], row["pending"] = ledger.get("accepted"), ledger.get("pending")
    return row, wrong


def line_through(points):
    """Least squares: the mean, and the slope an hour."""
    x, y = [minute / 60 for minute, _ in points], [value for _, value in points]
    if len(points) < 3 or len(set(x)) < 2:
        return None
    return statistics.fmean(y), statistics.linear_regression(x, y).slope


def summary(rows, warm_up):
    print(f"{'':24}{'first':>12}{'mean':>12}{'last':>12}{'slope/hour':>14}{'of mean':>10}")
    for column in rows[0]:
        points = [(row["minute"], row[column]) for row in rows if row["minute"] >= warm_up and row[column] is not None]
        line = line_through(points)
        if column == "minute" or line is None:
            continue
        mean, slope = line
        part = f"{slope / mean:+.2%}" if mean else ""
        print(f"{column:24}{points[0][1]:12.2f}{mean:12.2f}{points[-1][1]:12.2f}{slope:+14.3f}{part:>10}")


def closed_ledger(node):
    """Waits until nothing is pending any more."""
    end = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < end:
        ledger = node.ledger()
        if ledger.get("pending") == 0:
            break
        time.sleep(1)
    rest = sum(ledger.get(name, 0) for name in ("stored", "pending", "duplicates", "discarded", "damaged"))
    return ledger, ledger.get("pending") == 0 and ledger.get("accepted") == rest


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run-dir", metavar="FOLDER", type=pathlib.Path, required=True, help="of cluster/up")
    parser.add_argument("--program", metavar="FILE", default=str(ROOT / ".build/release/starling"), help="the program")
    parser.add_argument("--minutes", metavar="M", type=float, default=120, help="how long (120)")
    parser.add_argument("--devices", metavar="D", type=int, default=5_000, help="devices, two metrics each (5000)")
    parser.add_argument("--gateways", metavar="G", type=int, default=0, help="gateways before the devices (none)")
    parser.add_argument("--rate", metavar="R", type=float, default=5_000, help="readings a second (5000)")
    parser.add_argument("--every", metavar="SECONDS", type=float, default=10, help="between two looks (10)")
    parser.add_argument("--warm-up", metavar="M", type=float, default=15, help="minutes without a line (15; a quarter)")
    return parser.parse_args()


def main():
    options = arguments()
    folder = options.run_dir.resolve()
    conf = settings(folder)
    # Each thread has connections of its own.
    nodes, probed, fed = (
        [Node(folder, index, int(conf["HTTP_BASE"]) + index) for index in range(int(conf["NODES"]))] for _ in range(3)
    )
    probe, store = Probe(probed), Store(folder)
    servers = ",".join(f"http://127.0.0.1:{node.port}" for node in nodes)
    # Whoever ends this ends the devices with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    rows, wrong = [], 0
    table = folder / "watch.csv"
    with open(folder / "devices.log", "ab") as log, open(table, "w", newline="", encoding="utf-8") as file:
        interval = 2 * options.devices / options.rate
        if options.gateways:
            devices = Gateways(fed, options.gateways, options.devices, interval)
        else:
            devices = Devices(options, interval, servers, log)
        try:
            devices.start()
            probe.start()
            start = time.monotonic()
            writer = None
            while (now := time.monotonic() - start) < options.minutes * 60:
                if devices.poll() is not None:
                    sys.exit(f"Error: the devices ended before their time; see {folder / 'devices.log'}")
                row, bad = look(nodes, probe, store, now)
                wrong += bad
                writer = writer or csv.DictWriter(file, row.keys())
                if not rows:
                    writer.writeheader()
                writer.writerow(row)
                file.flush()
                rows.append(row)
                time.sleep(max(0, options.every - (time.monotonic() - start - now)))
            probe.is_over.set()
            probe.join()
        finally:
            devices.stop()
    ledger, is_closed = closed_ledger(nodes[0])
    summary(rows, min(options.warm_up, options.minutes / 4))
    print(f"{probe.sent} posts of the client, {probe.refused} not accepted; {wrong} wrong answers of /latest; {ledger}")
    return 0 if is_closed and not probe.refused and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
