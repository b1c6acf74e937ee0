"""Checks of the image, the compose file, nginx's configuration, secrets and what looks at metrics."""

import json
import os
import re
from pathlib import Path

import yaml

from .facts import NODES_FOLDER, READ_KEY, is_ours, made_secrets


def check_image(facts):
    text, lib = facts.texts["cluster/Dockerfile"], facts.texts["cluster/lib.sh"]
    user = re.search(r"^USER (.*)$", text, re.MULTILINE)
    if not user or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user.group(1)):
        yield "cluster/Dockerfile: USER must be a number, or runAsNonRoot cannot be checked"
    elif user.group(1).split(":")[0] != str(
        facts.named("StatefulSet", "starling")["spec"]["template"]["spec"]["securityContext"]["runAsUser"]
    ):
        yield "cluster/Dockerfile: USER is another than in k8s/30-node.yaml"
    if not re.search(r'^HEALTHCHECK .*CMD \["starling", "health"\]$', text, re.MULTILINE):
        yield "cluster/Dockerfile: HEALTHCHECK must be starling health, without a shell"
    packages = re.search(r"BUILD_PACKAGES=\((.*?)\)", lib).group(1).split()
    for package in packages:
        if package not in text:
            yield f"cluster/Dockerfile: cluster/up installs {package}, the image does not"
    flags = set(re.search(r'release-build\.log" (.*)$', lib, re.MULTILINE).group(1).split())
    built = re.search(r"swift build ([^\\\n]*)", text)
    if not built or set(built.group(1).split()) != flags:
        yield "cluster/Dockerfile: it builds with other flags than cluster/up"


def check_compose(facts):
    path, compose = "cluster/compose.yaml", facts.compose
    for name, service in compose["services"].items():
        if service.get("read_only") is not True or service.get("cap_drop") != ["ALL"]:
            yield f"{path}: {name} must be read_only and drop all capabilities"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{path}: {name} lacks no-new-privileges"
        if not is_ours(service["image"]) and not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(service.get("user", ""))):
            yield f"{path}: {name} must run as a numeric user"
        for other, how in service.get("depends_on", {}).items():
            there = compose["services"].get(other)
            if not there:
                yield f"{path}: {name} depends on {other}, which there is not"
            elif how.get("condition") != "service_healthy":
                yield f"{path}: {name} should wait until {other} is healthy"
            elif there.get("healthcheck", {}).get("disable") or not (is_ours(there["image"]) or "healthcheck" in there):
                yield f"{path}: {name} waits for the health of {other}, which has no check"
        for secret in service.get("secrets", []):
            if secret not in compose["secrets"]:
                yield f"{path}: {name}: secret {secret} is not declared"
        for secret in re.findall(r"/run/secrets/([\w.-]+)", json.dumps(service)):
            if secret not in service.get("secrets", []):
                yield f"{path}: {name} reads secret {secret}, which it is not given"
        for volume in service.get("volumes", []):
            source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
            if not source.startswith((".", "/")) and source not in compose["volumes"]:
                yield f"{path}: {name}: volume {source} is not declared"
    for volume in compose["services"]["node"].get("volumes", []):
        if not isinstance(volume, dict) or volume.get("type") != "bind" or volume.get("read_only") is not True:
            yield f"{path}: node: a volume that is named here may be one for all copies"
    for name, service in compose["services"].items():
        if is_ours(service["image"]) and "entrypoint" in service:
            yield f"{path}: {name} needs no entrypoint but the image's: there need be no shell"


def check_proxy(facts):
    conf, node = facts.texts["cluster/nginx.conf"], facts.compose["services"]["node"]
    upstream = re.search(r"set \$nodes ([\w-]+):(\d+);", conf)
    if not upstream or upstream.group(1) not in facts.compose["services"]:
        yield "cluster/nginx.conf: $nodes must be a service of compose.yaml, as a variable: it is looked up again"
    elif upstream.group(2) != node["environment"]["STARLING_HTTP"].rsplit(":", 1)[1]:
        yield "cluster/nginx.conf: nodes listen on another port"
    listen = re.search(r"listen (\d+);", conf).group(1)
    if not facts.compose["services"]["proxy"]["ports"][0].endswith(f":{listen}"):
        yield "cluster/compose.yaml: the published port is not the one that nginx listens on"
    stream = re.search(r"location = /stream \{(.*?)\}", conf, re.DOTALL)
    if not stream or "proxy_buffering off;" not in stream.group(1) or "proxy_read_timeout 1h;" not in stream.group(1):
        yield "cluster/nginx.conf: /stream must go out unbuffered, and may be quiet for long"
    headers = dict(re.findall(r"^ {8}proxy_set_header ([\w-]+) ([^;]*);", conf, re.MULTILINE))
    if headers.get("Host") != "$http_host":
        yield "cluster/nginx.conf: nodes must see Host as it came, or they take the dashboard for a page of another origin"
    if headers.get("X-Forwarded-Proto") != "$scheme":
        yield "cluster/nginx.conf: X-Forwarded-Proto must be nginx's own word"
    if len(headers) != conf.count("proxy_set_header"):
        yield "cluster/nginx.conf: a place with a proxy_set_header of its own passes none of the others on"
    if {"Authorization", "Cookie"} & set(headers) or re.search(r"\$(http_authorization|http_cookie|cookie_\w+)", conf):
        yield "cluster/nginx.conf: keys pass as they are, and into no log"
    for line in re.findall(r"^\s*proxy_next_upstream [^;]*", conf, re.MULTILINE):
        if "non_idempotent" in line:
            yield "cluster/nginx.conf: a POST that a node may have seen must not be sent again by nginx"


def check_made_secrets(facts):
    """What make-secrets makes is what the files ask for."""
    tool = "cluster/tools/make-secrets"
    made = made_secrets(facts.texts[tool])
    if {name: set(keys) for name, keys in made.kubernetes.items()} != facts.example_secrets:
        yield f"{tool}: it makes other keys for Kubernetes than k8s/10-secrets.yaml.example has"
    for name, secret in facts.compose["secrets"].items():
        if os.path.normpath(Path("cluster", secret["file"])) != f"cluster/secrets/{name}" or name not in made.compose:
            yield f"{tool}: it makes no {secret['file']}, which compose.yaml reads"
    if made.again != made.compose:
        yield f"{tool}: called again, it changes secrets"
    older = {
        name: text for name, text in made.compose.items() if name != READ_KEY and not name.startswith(NODES_FOLDER)
    }
    if set(made.upgraded) != set(made.compose) or not older.items() <= made.upgraded.items():
        yield f"{tool}: a folder of before there were keys gets none, or other passwords"
    if READ_KEY in made.taken:
        yield f"{tool}: it makes a key anew that somebody took away"


def check_metrics(facts):
    used = {}
    rules = yaml.safe_load(facts.texts["cluster/observability/alerts.yml"])
    for group in rules["groups"]:
        for rule in group["rules"]:
            used.setdefault("cluster/observability/alerts.yml", []).append((rule["alert"], rule["expr"]))
            if not {"summary", "description"} <= set(rule.get("annotations", {})) or "severity" not in rule["labels"]:
                yield f"cluster/observability/alerts.yml: {rule['alert']} lacks severity, summary or description"
    board = json.loads(facts.texts["cluster/observability/grafana-dashboard.json"])
    texts = [(p["title"], t["expr"]) for p in board["panels"] for t in p["targets"]]
    texts += [(v["name"], json.dumps(v["query"])) for v in board["templating"]["list"]]
    used["cluster/observability/grafana-dashboard.json"] = texts
    numbers = [panel["id"] for panel in board["panels"]]
    if len(set(numbers)) != len(numbers):
        yield "cluster/observability/grafana-dashboard.json: two panels have one id"
    for path, places in used.items():
        for place, text in places:
            for metric in re.findall(r"\bstarling_[a-z_]+", text):
                if metric not in facts.metrics:
                    yield f"{path}: {place}: no node has a metric {metric}"


CHECKS = [check_image, check_compose, check_proxy, check_metrics, check_made_secrets]
