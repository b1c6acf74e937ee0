#!/usr/bin/env python3
"""Asks a node all that its OpenAPI document says it answers: good data and bad, alone and one after the other.

Schemathesis makes the requests up and holds every answer against the document. The node is one of its own, on free ports
and with a folder that is removed in the end; it is fed with devices and a model first, so that there is something to ask
for. What is expected of which route, and why, stands in api/schemathesis.toml and api/hooks.py. Ends with 1 if anything is
not as documented, and says what, with the request that shows it.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

EXAMPLES = """examples:
  python3 -m venv v && v/bin/pip install schemathesis && v/bin/python check_api.py --program .build/release/starling
  check_api.py --program .build/release/starling --examples 200
  STARLING_API_KEY=k check_api.py --program .build/release/starling --node-flag=--api-keys=k
"""

TOOLS = pathlib.Path(__file__).resolve().parent / "api"
READY_SECONDS = 30
STOP_SECONDS = 15
DEVICES = 8
READINGS = 80


def free_port():
    """One that neither TCP nor UDP has."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


class Node:
    """A node with a folder of its own, and a client of it."""

    def __init__(self, program, flags, folder, key):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.log = pathlib.Path(folder, "node.log")
        places = [f"--store=sqlite:{folder}/s.db", f"--lease=file:{folder}/lease", f"--data-dir={folder}/data"]
        names = ["--name=api", f"--http={self.url[7:]}", f"--gossip=127.0.0.1:{free_port()}"]
        # A machine's own settings are none of this node's.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STARLING_")}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [program, "node", *names, *places, *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env=environment,
            )

    def ask(self, method, path, body=None, kind="application/json"):
        headers = self.headers | ({"Content-Type": kind} if body else {})
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=READY_SECONDS) as answer:
            return answer.read()

    def wait_for(self, what, method, path, body=None):
        """Asks until it is answered well."""
        end = time.monotonic() + READY_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            try:
                return self.ask(method, path, body)
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        sys.exit(f"Error: {what}; the node said:\n{self.log.read_text()[-4000:]}")

    def feed(self):
        """Devices with a history, the metric's model, and a second version of that."""
        now = int(time.time())
        lines = [
            json.dumps({
                "device_id": f"device-{device:02}", "timestamp": now - 10 * (READINGS - index),
                "metrics": [{"type": "temperature", "value": 20 + (index * 7 + device) % 10 / 10}],
            })
            for index in range(READINGS) for device in range(DEVICES)
        ]
        self.wait_for("the node was not ready in time", "GET", "/readyz")
        self.ask("POST", "/data", "\n".join(lines).encode(), "application/x-ndjson")
        self.wait_for("the metric has no model", "GET", "/models/temperature")
        self.wait_for("no second version", "POST", "/models/temperature/train?activate=false")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()


def schemathesis(node, folder, options):
    command = [
        sys.executable, "-m", "schemathesis.cli", f"--config-file={TOOLS / 'schemathesis.toml'}", "run",
        f"{node.url}/openapi.json", "--checks=all", f"--max-examples={options.examples}", "--no-color",
        "--generation-deterministic",
    ]
    command += [f"--header={name}:{value}" for name, value in node.headers.items()]
    # It writes files where it stands, and looks for the hooks there.
    environment = os.environ | {"PYTHONPATH": str(TOOLS), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", metavar="FILE", required=True, help="the program")
    parser.add_argument("--examples", metavar="N", type=int, default=10, help="requests made up a route (10)")
    parser.add_argument("--node-flag", metavar="FLAG", action="append", default=[], help="one more flag of the node")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    if not os.access(program, os.X_OK):
        sys.exit(f"Error: there is no program {program}; build it, or name another with --program")
    # Whoever ends this ends the node with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="starling-api-") as folder:
        node = Node(program, options.node_flag, folder, os.environ.get("STARLING_API_KEY"))
        try:
            node.feed()
            status = schemathesis(node, folder, options)
            if node.process.poll() is not None:
                print(f"The node ended while it was asked:\n{node.log.read_text()[-4000:]}", file=sys.stderr)
                status = 1
        finally:
            node.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
