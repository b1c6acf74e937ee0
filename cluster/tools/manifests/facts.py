"""What the checks look at: the files of the repository, parsed once."""

import functools
import re
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = "cluster/compose.yaml"
IMAGE = "starling"
# What our image reads when it runs no node: Setting.otherVariables.
CLIENT_VARIABLES = {"STARLING_API_KEY_FILE", "STARLING_CA_FILE"}
WORKLOADS = ("Deployment", "StatefulSet")
TOOL_SECONDS = 60


def read_texts():
    """Every file that the checks read, by path: breaking one of them in memory is how this program is checked."""
    patterns = [
        "k8s/*",
        "cluster/Dockerfile",
        "cluster/compose.yaml",
        "cluster/nginx.conf",
        "cluster/init-database.sh",
        "cluster/lib.sh",
        "cluster/tools/make-secrets",
        "cluster/observability/*",
        "Sources/NodeSettings/Setting.swift",
        "Sources/starling/NodeAssembly.swift",
        "Sources/**/*.swift",
    ]
    paths = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(paths)}


class Facts:
    """The files, parsed once."""

    def __init__(self, texts, metrics=None):
        self.texts = texts
        self.manifests = [
            (path, document)
            for path, text in texts.items()
            if path.startswith("k8s/") and path.endswith(".yaml")
            for document in yaml.safe_load_all(text)
            if document
        ]
        self.compose = yaml.safe_load(texts[COMPOSE])
        self.settings, self.secret_settings = program_settings(texts["Sources/NodeSettings/Setting.swift"])
        self.example_secrets = secret_keys(texts["k8s/10-secrets.yaml.example"])
        self.metrics = metrics or program_metrics(texts)

    def of_kind(self, *kinds):
        return [(path, document) for path, document in self.manifests if document.get("kind") in kinds]

    def named(self, kind, name):
        return next((d for _, d in self.of_kind(kind) if d["metadata"]["name"] == name), None)

    def pods(self):
        """(path, workload, pod template) of everything that runs."""
        return [(path, document, document["spec"]["template"]) for path, document in self.of_kind(*WORKLOADS)]

    def pods_with(self, labels):
        return [pod for _, _, pod in self.pods() if labels.items() <= pod["metadata"].get("labels", {}).items()]


def program_settings(text):
    """Variables of the settings' table, and those of them that may be read from a file."""
    names = {}
    for case, raw in re.findall(r'^    case (\w+)(?: = "([\w-]+)")?$', text, re.MULTILINE):
        names[case] = raw or case
    variables = {case: "STARLING_" + raw.upper().replace("-", "_") for case, raw in names.items()}
    secret = re.search(r"var isSecret: Bool \{.*?case (.*?): true", text, re.DOTALL)
    others = re.search(r"let otherVariables: .*?\]", text, re.DOTALL)
    if len(variables) < 20 or not secret or not others or not all(f'"{v}"' in others[0] for v in CLIENT_VARIABLES):
        sys.exit("Error: Sources/NodeSettings/Setting.swift is not read right any more; mend program_settings here")
    secrets = {variables[case.strip().lstrip(".")] for case in secret.group(1).split(",")}
    return set(variables.values()), secrets


def program_metrics(texts):
    """Names of metrics with their kind of suffix, from the sources that make them."""
    metrics = set()
    for path, text in texts.items():
        if not path.startswith("Sources/") or "/CSimdjson/" in path:
            continue
        metrics |= set(re.findall(r'"(starling_[a-z_]+)":', text))
        metrics |= set(re.findall(r'(?:single|family)\(\s*"(starling_[a-z_]+)"', text))
        if 'single("starling_readings_\\(name)_total"' in text:
            counters = re.search(r"let counters.*?\]\n", text, re.DOTALL).group(0)
            metrics |= {f"starling_readings_{name}_total" for name in re.findall(r'\("(\w+)",', counters)}
    if len(metrics) < 20:
        sys.exit("Error: the metrics in Sources are not read right any more; mend program_metrics here")
    histograms = {name for name in metrics if name.endswith("_duration_seconds")}
    return metrics | {name + suffix for name in histograms for suffix in ("_bucket", "_sum", "_count")}


def secret_keys(text):
    return {
        document["metadata"]["name"]: set(document["stringData"]) for document in yaml.safe_load_all(text) if document
    }


# What make-secrets makes: texts of compose's files by path in cluster/secrets, those of Kubernetes' Secrets by name and key.
# Compose's once more when it is called again; in a folder of before there were keys; after the key that reads was taken away.
MadeSecrets = namedtuple("MadeSecrets", "compose kubernetes again upgraded taken")
READ_KEY, NODES_FOLDER = "read-key", "nodes"


@functools.cache
def made_secrets(text):
    """Runs make-secrets, of which this is the text, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        tool, secrets = Path(folder, "cluster/tools/make-secrets"), Path(folder, "cluster/secrets")
        tool.parent.mkdir(parents=True)
        tool.write_text(text)

        def make():
            if run(["bash", str(tool), "compose"]).returncode:
                return {}
            return {str(path.relative_to(secrets)): path.read_text() for path in secrets.rglob("*") if path.is_file()}

        result = run(["bash", str(tool), "kubernetes"])
        documents = yaml.safe_load_all(result.stdout) if result.returncode == 0 else []
        kubernetes = {document["metadata"]["name"]: document["stringData"] for document in documents if document}
        compose, again = make(), make()
        shutil.rmtree(secrets / NODES_FOLDER, ignore_errors=True)
        Path(secrets, READ_KEY).unlink(missing_ok=True)
        upgraded = make()
        Path(secrets, READ_KEY).unlink(missing_ok=True)
        return MadeSecrets(compose, kubernetes, again, upgraded, make())


def mounted_secrets(pod, container):
    """Names of the Secrets in each folder of a container that holds any."""
    volumes = {volume["name"]: secrets_of(volume) for volume in pod["spec"].get("volumes", [])}
    mounts = container.get("volumeMounts", [])
    return {mount["mountPath"]: volumes[mount["name"]] for mount in mounts if volumes.get(mount["name"])}


def secrets_of(volume):
    parts = [
        source["secret"]["name"] for source in volume.get("projected", {}).get("sources", []) if "secret" in source
    ]
    return parts + ([volume["secret"]["secretName"]] if "secret" in volume else [])


def seconds(text):
    match = re.fullmatch(r"(\d+)(s|m)", str(text))
    return int(match.group(1)) * {"s": 1, "m": 60}[match.group(2)] if match else None


def size(text):
    units = {"Ki": 10, "Mi": 20, "Gi": 30, "KiB": 10, "MiB": 20, "GiB": 30}
    match = re.fullmatch(r"(\d+)([KMG]iB?)", str(text))
    return int(match.group(1)) << units[match.group(2)] if match else None


def is_ours(image):
    return image.split(":")[0].split("/")[-1] == IMAGE


def container_ports(pod):
    return {
        (port.get("name"), port.get("protocol", "TCP")): port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
    }


def run(command, **options):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TOOL_SECONDS, stdin=subprocess.DEVNULL, **options
    )
