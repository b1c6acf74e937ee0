"""Checks of API keys: that nodes ask for them, that who calls a node has one, and that none lies about."""

import hashlib
import os
import re
from pathlib import Path

import yaml

from .facts import COMPOSE, READ_KEY, is_ours, made_secrets, mounted_secrets

NODE_KEYS, CLIENT_KEY = "STARLING_API_KEYS_FILE", "STARLING_API_KEY_FILE"
PROMETHEUS = re.compile(r"cluster/observability/prometheus[\w-]*\.yml")
# As make-secrets and `starling keys new` make them.
KEY = re.compile(r"starling_[A-Za-z0-9_-]{43}")


def programs(facts):
    """(path, subcommand, variables, what finds a file of theirs) of everything that runs our image."""
    for path, _, pod in facts.pods():
        for container in pod["spec"]["containers"]:
            if is_ours(container["image"]):
                given = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
                yield path, container.get("args", ["node"])[0], given, in_kubernetes(facts, pod, container)
    for service in facts.compose["services"].values():
        if is_ours(service["image"]):
            command = service.get("command", ["node"])[0]
            yield COMPOSE, command, service.get("environment", {}), in_compose(facts, service)


def in_kubernetes(facts, pod, container):
    folders = mounted_secrets(pod, container)

    def find(file):
        folder, key = os.path.split(file)
        return next((f"{s}/{key}" for s in folders.get(folder, []) if key in facts.example_secrets.get(s, ())), None)

    return find


def in_compose(facts, service):
    def find(file):
        for volume in service.get("volumes", []):
            if isinstance(volume, dict) and file.startswith(volume["target"] + "/"):
                return os.path.normpath(volume["source"] + file.removeprefix(volume["target"]))
        secret = facts.compose["secrets"].get(file.removeprefix("/run/secrets/"))
        return secret and os.path.normpath(secret["file"])

    return find


def check_doors(facts):
    """Nodes ask for keys, and whoever runs beside them has one."""
    for path, command, given, find in programs(facts):
        if command == "node":
            if "STARLING_INSECURE_OPEN" in given:
                yield f"{path}: STARLING_INSECURE_OPEN: a node that is reached by others asks for keys"
            if NODE_KEYS not in given:
                yield f"{path}: a node beyond loopback needs keys: {NODE_KEYS}"
        elif CLIENT_KEY not in given:
            yield f"{path}: starling {command} has no key: {CLIENT_KEY}"
        for variable in (NODE_KEYS, CLIENT_KEY):
            if variable in given and not find(given[variable]):
                yield f"{path}: {variable}: there is no {given[variable]} in the container"
        if path == COMPOSE and given.get(NODE_KEYS, "").startswith("/run/secrets/"):
            yield f"{path}: {NODE_KEYS} is a single file, and stays the old one when an editor puts a new one in its place"
    for path, _, pod in facts.pods():
        for container in pod["spec"]["containers"]:
            secrets = mounted_secrets(pod, container)
            if secrets and not pod["spec"]["securityContext"].get("fsGroup"):
                yield f"{path}: {container['name']} cannot read its Secrets without an fsGroup"
            for mount in container.get("volumeMounts", []):
                if mount["mountPath"] in secrets and "subPath" in mount:
                    yield f"{path}: {container['name']} mounts a Secret by subPath, where it never changes"


def check_scrapes(facts):
    for path in filter(PROMETHEUS.fullmatch, facts.texts):
        for scrape in yaml.safe_load(facts.texts[path])["scrape_configs"]:
            targets = [target for group in scrape.get("static_configs", []) for target in group["targets"]]
            # Those of cluster/up ask nobody.
            if targets and all(target.startswith("127.0.0.1:") for target in targets):
                continue
            authorization = scrape.get("authorization", {})
            file = Path(authorization.get("credentials_file", ""))
            if authorization.get("type") != "Bearer" or not file.is_absolute() or file.name != READ_KEY:
                yield f"{path}: {scrape['job_name']} shows no key; authorization: Bearer, from a file {READ_KEY}"


def check_no_keys(facts):
    for path, text in facts.texts.items():
        if not path.startswith("Sources/") and KEY.search(text):
            yield f"{path}: there is a key in it"


def check_made_keys(facts):
    """Keys that make-secrets gives to clients are those that nodes know."""
    made = made_secrets(facts.texts["cluster/tools/make-secrets"])
    # By place: cluster/secrets beside the compose file, Secret and key in Kubernetes.
    values = {
        COMPOSE: {f"secrets/{name}": text for name, text in made.compose.items()},
        "k8s": {f"{name}/{key}": text for name, keys in made.kubernetes.items() for key, text in keys.items()},
    }
    for place, texts in values.items():
        here = [entry for entry in programs(facts) if (entry[0] == COMPOSE) == (place == COMPOSE)]
        known = {}
        for path, command, given, find in here:
            if command == "node" and NODE_KEYS in given:
                known = scopes_by_digest(texts.get(find(given[NODE_KEYS]), ""))
                if not known:
                    yield f"{path}: make-secrets makes no list of keys where {NODE_KEYS} is"
        if not known:
            continue
        for path, command, given, find in here:
            if command == "simulate" and CLIENT_KEY in given:
                yield from fits(path, texts.get(find(given[CLIENT_KEY]), ""), "ingest", known)
        for name, text in texts.items():
            scope = re.search(r"/(read|ingest|admin)-key$", name)
            if scope:
                yield from fits(f"{place}: {name}", text, scope.group(1), known)


def fits(path, key, scope, known):
    if not KEY.fullmatch(key.strip()):
        yield f"{path}: make-secrets makes no key there, or one that can be guessed"
    elif known.get(hashlib.sha256(key.strip().encode()).hexdigest()) != scope:
        yield f"{path}: nodes do not know the key for {scope} that make-secrets makes"


def scopes_by_digest(text):
    return {digest: scope for scope, digest in re.findall(r"^(\w+):sha256:([0-9a-f]{64})$", text, re.MULTILINE)}


CHECKS = [check_doors, check_scrapes, check_no_keys, check_made_keys]
