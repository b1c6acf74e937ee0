"""What other programs say of the files, where they are installed."""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import yaml

from .facts import Facts, is_ours, run


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


def ask_compose_schema(texts, options):
    """The schema of compose files, where one is at hand."""
    if not options.compose_schema:
        raise Absent("the compose file's schema (--compose-schema FILE, from github.com/compose-spec/compose-spec)")
    try:
        import jsonschema
    except ImportError:
        raise Absent("jsonschema (pip install jsonschema)")
    schema = json.loads(Path(options.compose_schema).read_text())
    for error in jsonschema.Draft7Validator(schema).iter_errors(Facts(texts).compose):
        yield f"cluster/compose.yaml: {'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"


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
    """Debian's promtool knows no Kubernetes discovery: another kind stands in for it while the rest is checked."""
    promtool = shutil.which("promtool")
    if not promtool:
        raise Absent("promtool (apt-get install prometheus)")
    with tempfile.TemporaryDirectory() as folder:
        for path, text in texts.items():
            if path.startswith("cluster/observability/"):
                Path(folder, Path(path).name).write_text(text)
        config = Path(folder, "prometheus-kubernetes.yml")
        document = yaml.safe_load(config.read_text())
        for scrape in document["scrape_configs"]:
            scrape.pop("kubernetes_sd_configs")
            scrape["static_configs"] = [{"targets": ["127.0.0.1:8080"]}]
        config.write_text(yaml.safe_dump(document))
        for command in (
            ["check", "config", "prometheus.yml"],
            ["check", "config", config.name],
            ["test", "rules", "alerts.test.yml"],
        ):
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


def commands(facts):
    for path, _, pod in facts.pods():
        yield from ((path, c["args"]) for c in pod["spec"]["containers"] if is_ours(c["image"]))
    for name, service in facts.compose["services"].items():
        if is_ours(service["image"]) and service.get("command"):
            yield "cluster/compose.yaml", service["command"]


TOOLS = [ask_schemas, ask_compose_schema, ask_nginx, ask_promtool, ask_program]
