"""What other programs say of the files, where they are installed."""

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import yaml

from .facts import READ_KEY, Facts, is_ours, made_secrets, run
from .keys import PROMETHEUS

# What the cluster would put in place of a pod's fields.
FIELDS = {"metadata.name": "starling-0", "status.podIP": "10.42.0.7"}


class Absent(Exception):
    """A tool that is not installed."""


def ask_schemas(texts, _options):
    """The official schemas of Kubernetes, strictly: no unknown fields."""
    try:
        import kubernetes_validate as validator
    except ImportError:
        raise Absent("kubernetes-validate (pip install kubernetes-validate)")
    for path, document in Facts(texts).manifests:
        try:
            validator.validate(document, validator.latest_version(), strict=True)
        except Exception as error:  # its own errors and those of jsonschema
            yield f"{path}: {document.get('kind')}: {str(error)[:300]}"


def ask_compose_schema(texts, _options):
    """The Compose specification's schema, as check-jsonschema brings it along."""
    if not importlib.util.find_spec("check_jsonschema"):
        raise Absent("check-jsonschema (pip install check-jsonschema)")
    with tempfile.TemporaryDirectory() as folder:
        compose = Path(folder, "compose.yaml")
        compose.write_text(texts["cluster/compose.yaml"])
        asked = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(compose)]
        result = run(asked)
        if result.returncode:
            yield f"cluster/compose.yaml: {(result.stdout + result.stderr).strip()[:500]}"


def ask_nginx(texts, _options):
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not nginx:
        raise Absent("nginx")
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder, "nginx.conf")
        conf.write_text(
            re.sub(
                r"/tmp/|/dev/stdout",
                lambda m: folder + "/" + ("log" if "std" in m[0] else ""),
                texts["cluster/nginx.conf"],
            )
        )
        result = run([nginx, "-t", "-q", "-p", folder, "-c", str(conf)])
        if result.returncode:
            yield f"cluster/nginx.conf: {result.stderr.strip()}"


def ask_promtool(texts, _options):
    """Debian's promtool knows no Kubernetes discovery: another kind stands in for it while the rest is checked, and a file
    for the key, which promtool wants to see."""
    promtool = shutil.which("promtool")
    if not promtool:
        raise Absent("promtool (apt-get install prometheus)")
    with tempfile.TemporaryDirectory() as folder:
        for path, text in texts.items():
            if path.startswith("cluster/observability/"):
                Path(folder, Path(path).name).write_text(text)
        key = Path(folder, READ_KEY)
        key.write_text("a key")
        configs = [Path(folder, Path(path).name) for path in filter(PROMETHEUS.fullmatch, texts)]
        for config in configs:
            document = yaml.safe_load(config.read_text())
            for scrape in document["scrape_configs"]:
                if scrape.pop("kubernetes_sd_configs", None):
                    scrape["static_configs"] = [{"targets": ["127.0.0.1:8080"]}]
                if "credentials_file" in scrape.get("authorization", {}):
                    scrape["authorization"]["credentials_file"] = str(key)
            config.write_text(yaml.safe_dump(document))
        checks = [["check", "config", config.name] for config in configs]
        for command in [*checks, ["test", "rules", "alerts.test.yml"]]:
            result = run([promtool, *command], cwd=folder)
            if result.returncode:
                yield f"cluster/observability: promtool {' '.join(command)}: {(result.stdout + result.stderr).strip()}"


def ask_program(texts, options):
    """The program itself: its flags, and what it says to the settings that manifests give."""
    if not options.program:
        raise Absent("the program (--program .build/release/starling)")
    facts = Facts(texts)
    help_text = run([options.program, "node", "--help"]).stdout
    flags = set(re.findall(r"^  (--[a-z-]+)", help_text, re.MULTILINE))
    for variable in sorted(facts.settings):
        if "--" + variable.removeprefix("STARLING_").lower().replace("_", "-") not in flags:
            yield f"{options.program}: no flag for {variable}; is it of this version?"
    for name, arguments in commands(facts):
        text = run([options.program, arguments[0], "--help"]).stdout
        for argument in arguments[1:]:
            if argument.startswith("--") and argument not in text:
                yield f"{name}: {arguments[0]} has no {argument}"
    with tempfile.TemporaryDirectory() as folder:
        for name, environment in node_environments(facts, secrets_in_files(texts, folder)):
            result = run([Path(options.program).resolve(), "node", "--check"], env=environment, cwd=folder)
            said = result.stderr.strip()
            # A warning is as good as a failure here: a setting that the program does not know, for one.
            if result.returncode or "ignored" in said:
                yield f"{name}: starling node --check: {said[-500:]}"


def secrets_in_files(texts, folder):
    """Secrets as make-secrets makes them: where those of compose and of Kubernetes lie."""
    made = made_secrets(texts["cluster/tools/make-secrets"])
    mounted = {key: text for keys in made.kubernetes.values() for key, text in keys.items()}
    places = {"compose": Path(folder, "compose/secrets"), "kubernetes": Path(folder, "kubernetes")}
    for place, files in (("compose", made.compose), ("kubernetes", mounted)):
        for name, text in files.items():
            file = places[place] / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    return places


def node_environments(facts, secrets):
    """What containers of nodes are given, with an address and secrets in place of those that only they have."""
    for path, _, pod in facts.pods():
        for container in pod["spec"]["containers"]:
            if not is_ours(container["image"]) or container.get("args", ["node"])[0] != "node":
                continue
            given = {}
            for entry in container.get("env", []):
                field = entry.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
                value = FIELDS.get(field, "") if field else entry["value"]
                given[entry["name"]] = re.sub(r"\$\((\w+)\)", lambda m: given.get(m[1], m[0]), value)
            yield path, in_place(given, {"/run/secrets/starling": secrets["kubernetes"]})
    for service in facts.compose["services"].values():
        if is_ours(service["image"]) and service.get("command", ["node"])[0] == "node":
            given = {k: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(v)) for k, v in service["environment"].items()}
            folders = {"/run/secrets": secrets["compose"]}
            for volume in service.get("volumes", []):
                folders[volume["target"]] = secrets["compose"].parent / volume["source"]
            yield "cluster/compose.yaml", in_place(given, folders)


def in_place(given, folders):
    for folder, there in folders.items():
        given = {name: value.replace(folder + "/", f"{there}/") for name, value in given.items()}
    # A container has an address that the node finds; the machine that checks may have none.
    return {"PATH": os.environ.get("PATH", ""), "STARLING_ADVERTISE": f"{FIELDS['status.podIP']}:7946", **given}


def commands(facts):
    for path, _, pod in facts.pods():
        yield from ((path, c["args"]) for c in pod["spec"]["containers"] if is_ours(c["image"]))
    for name, service in facts.compose["services"].items():
        if is_ours(service["image"]) and service.get("command"):
            yield "cluster/compose.yaml", service["command"]


TOOLS = [ask_schemas, ask_compose_schema, ask_nginx, ask_promtool, ask_program]
