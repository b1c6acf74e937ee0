"""Checks of k8s/: what its manifests say of each other and of the program."""

import json
import re

import yaml

from .facts import CLIENT_VARIABLES, container_ports, is_ours, mounted_secrets, seconds, secrets_of, size

NAMESPACE = "starling"
# Seconds that a node takes to stop: NodeAssembly.shutdownMax, rounded up.
DRAIN_SECONDS = 5
PROBES = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
CLUSTER_WIDE = ("Namespace",)
CONTAINER_TEXTS = ("env", "args", "command", "readinessProbe", "livenessProbe", "startupProbe")


def check_names(facts):
    seen = set()
    for path, document in facts.manifests:
        kind, metadata = document.get("kind"), document.get("metadata", {})
        name = metadata.get("name")
        if kind == "Kustomization":
            yield f"{path}: `kubectl apply -f` would stumble over a Kustomization in a .yaml file"
        if (kind, name) in seen:
            yield f"{path}: a second {kind} {name}"
        seen.add((kind, name))
        if kind == "Secret":
            yield f"{path}: a Secret with values in it would be applied as it is"
        if kind not in CLUSTER_WIDE and metadata.get("namespace") != NAMESPACE:
            yield f"{path}: {kind} {name} is not in namespace {NAMESPACE}"


def check_selectors(facts):
    for path, workload, pod in facts.pods():
        name, labels = workload["metadata"]["name"], pod["metadata"].get("labels", {})
        if not workload["spec"]["selector"]["matchLabels"].items() <= labels.items():
            yield f"{path}: the selector of {name} does not match its pods' labels"
        for spread in pod["spec"].get("topologySpreadConstraints", []):
            if not spread["labelSelector"]["matchLabels"].items() <= labels.items():
                yield f"{path}: the topology spread of {name} does not match its pods' labels"
    for path, service in facts.of_kind("Service"):
        if not facts.pods_with(service["spec"]["selector"]):
            yield f"{path}: Service {service['metadata']['name']} selects no pods"
    for path, budget in facts.of_kind("PodDisruptionBudget"):
        if not facts.pods_with(budget["spec"]["selector"]["matchLabels"]):
            yield f"{path}: PodDisruptionBudget {budget['metadata']['name']} selects no pods"


def check_policies(facts):
    for path, policy in facts.of_kind("NetworkPolicy"):
        name, spec = policy["metadata"]["name"], policy["spec"]
        own = spec["podSelector"].get("matchLabels", {})
        if not facts.pods_with(own):
            yield f"{path}: NetworkPolicy {name} selects no pods"
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(direction, []):
                others = [peer for peer in rule.get(peers, []) if set(peer) == {"podSelector"}]
                for peer in others:
                    if not facts.pods_with(peer["podSelector"].get("matchLabels", {})):
                        yield f"{path}: NetworkPolicy {name} speaks of pods that there are not"
                targets = [own] if direction == "ingress" else [p["podSelector"]["matchLabels"] for p in others]
                known = {key for labels in targets for pod in facts.pods_with(labels) for key in container_ports(pod)}
                for port in rule.get("ports", []):
                    if isinstance(port["port"], str) and (port["port"], port.get("protocol", "TCP")) not in known:
                        yield f"{path}: NetworkPolicy {name} speaks of port {port['port']}, which no such pod has"


def check_ports(facts):
    for path, service in facts.of_kind("Service"):
        for port in service["spec"]["ports"]:
            key = (port["targetPort"], port.get("protocol", "TCP"))
            for pod in facts.pods_with(service["spec"]["selector"]):
                if key not in container_ports(pod):
                    yield f"{path}: Service {service['metadata']['name']}: no container port is {key[0]}/{key[1]}"
    for path, ingress in facts.of_kind("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for way in rule["http"]["paths"]:
                backend = way["backend"]["service"]
                service = facts.named("Service", backend["name"])
                if not service or backend["port"]["name"] not in [p["name"] for p in service["spec"]["ports"]]:
                    yield f"{path}: the Ingress leads to {backend['name']}, which there is not"


def check_hardening(facts):
    for path, workload, pod in facts.pods():
        name, spec = workload["metadata"]["name"], pod["spec"]
        if spec.get("enableServiceLinks") is not False:
            yield f"{path}: {name} lacks enableServiceLinks: false"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{path}: {name} lacks automountServiceAccountToken: false"
        context = spec.get("securityContext", {})
        if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
            yield f"{path}: {name} does not run as a numeric user that is not root"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{path}: {name} lacks a seccomp profile"
        for container in spec["containers"]:
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{path}: container {container['name']} of {name} keeps privileges"
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{path}: container {container['name']} of {name} writes to its root"
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= set(resources.get("requests", {})) or "memory" not in resources.get(
                "limits", {}
            ):
                yield f"{path}: container {container['name']} of {name} lacks requests or a limit of memory"


def check_probes(facts):
    for path, workload, pod in facts.pods():
        known = {name for name, _ in container_ports(pod)}
        for container in pod["spec"]["containers"]:
            name = container["name"]
            for kind, way in PROBES.items():
                probe = container.get(kind, {})
                target = probe.get("httpGet") or probe.get("tcpSocket")
                if target and target["port"] not in known:
                    yield f"{path}: {kind} of {name} asks port {target['port']}, which is no name of a port"
                if name == "node" and probe.get("httpGet", {}).get("path") != way:
                    yield f"{path}: {kind} of {name} should ask {way}"


def check_stopping(facts):
    shutdown = re.search(
        r"shutdownMax = Duration\.milliseconds\(([\d_]+)\)", facts.texts["Sources/starling/NodeAssembly.swift"]
    )
    if not shutdown or int(shutdown.group(1).replace("_", "")) > DRAIN_SECONDS * 1000:
        yield f"Sources/starling/NodeAssembly.swift: a stop takes over {DRAIN_SECONDS} s; mend all grace periods"
    for path, workload, pod in facts.pods():
        for container in pod["spec"]["containers"]:
            if container["name"] != "node":
                continue
            before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds")
            if before is None:
                yield f"{path}: a node needs a preStop sleep, or clients meet it while it stops"
            elif before + DRAIN_SECONDS >= pod["spec"].get("terminationGracePeriodSeconds", 30):
                yield f"{path}: preStop and the drain of {DRAIN_SECONDS} s do not fit into the grace period"
    node = facts.compose["services"]["node"]
    if (seconds(node.get("stop_grace_period")) or 0) <= DRAIN_SECONDS:
        yield f"cluster/compose.yaml: stop_grace_period of node must be longer than {DRAIN_SECONDS} s"


def check_variables(facts):
    """Settings by the program's own table, and their values as far as the files can tell."""
    for path, _, pod in facts.pods():
        for container in pod["spec"]["containers"]:
            given = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
            before = set()
            for entry in container.get("env", []):
                for other in re.findall(r"\$\((\w+)\)", entry.get("value") or ""):
                    if other not in before:
                        yield f"{path}: {entry['name']} uses $({other}), which is not set before it"
                before.add(entry["name"])
            if is_ours(container["image"]):
                yield from check_settings(facts, path, given, container.get("args"))
    for name, service in facts.compose["services"].items():
        if is_ours(service["image"]):
            yield from check_settings(
                facts, "cluster/compose.yaml", service.get("environment", {}), service.get("command")
            )


def check_settings(facts, path, given, command):
    is_node = not command or command[0] == "node"
    for variable, value in given.items():
        if not variable.startswith("STARLING_"):
            continue
        plain = variable.removesuffix("_FILE") if variable not in facts.settings else variable
        if variable + "_FILE" in CLIENT_VARIABLES:
            yield f"{path}: {variable} holds a secret in the open; use {variable}_FILE"
        elif not is_node and variable not in CLIENT_VARIABLES:
            yield f"{path}: {variable} is no setting of starling {command[0]}"
        elif not is_node:
            continue
        elif plain not in facts.settings:
            yield f"{path}: {variable} is no setting of a node"
        elif plain != variable and plain not in facts.secret_settings:
            yield f"{path}: {variable}: {plain} is not read from files"
        elif plain == variable and plain in facts.secret_settings:
            yield f"{path}: {variable} holds a secret in the open; use {variable}_FILE"
    if "STARLING_GOSSIP" in given and "STARLING_CLUSTER_KEY_FILE" not in given:
        yield f"{path}: a node beyond loopback needs STARLING_CLUSTER_KEY_FILE"


def check_volumes_and_secrets(facts):
    for path, workload, pod in facts.pods():
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        claims = {claim["metadata"]["name"]: claim for claim in workload["spec"].get("volumeClaimTemplates", [])}
        for volume in volumes.values():
            for secret in secrets_of(volume):
                if secret not in facts.example_secrets:
                    yield f"{path}: Secret {secret} is not in k8s/10-secrets.yaml.example"
            settings = volume.get("configMap", {}).get("name")
            if settings and not facts.named("ConfigMap", settings):
                yield f"{path}: there is no ConfigMap {settings}"
        for container in pod["spec"]["containers"]:
            folders = mounted_secrets(pod, container)
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes and mount["name"] not in claims:
                    yield f"{path}: {container['name']} mounts {mount['name']}, which is no volume"
            for file in re.findall(r"/run/secrets/[\w./-]+", json.dumps([container.get(k) for k in CONTAINER_TEXTS])):
                folder, key = file.rsplit("/", 1)
                if not any(key in facts.example_secrets.get(secret, set()) for secret in folders.get(folder, [])):
                    yield f"{path}: {container['name']} reads {file}, which no Secret of the example holds"
            for entry in container.get("env", []):
                reference = entry.get("valueFrom", {}).get("secretKeyRef")
                if reference and reference["key"] not in facts.example_secrets.get(reference["name"], set()):
                    yield f"{path}: {entry['name']}: Secret {reference['name']} has no key {reference['key']}"
        yield from check_log_volume(path, pod, claims)


def check_log_volume(path, pod, claims):
    for container in pod["spec"]["containers"]:
        limit = next((e["value"] for e in container.get("env", []) if e["name"] == "STARLING_LOG_LIMIT"), None)
        if limit and "data" in claims:
            room = size(claims["data"]["spec"]["resources"]["requests"]["storage"])
            if size(limit) is None or room is None or size(limit) >= room:
                yield f"{path}: STARLING_LOG_LIMIT {limit} does not fit into the volume"


def check_scaling(facts):
    for path, scaler in facts.of_kind("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        workload = facts.named(target["kind"], target["name"])
        if not workload:
            yield f"{path}: there is no {target['kind']} {target['name']} to scale"
        elif "replicas" in workload["spec"]:
            yield f"{path}: {target['name']} has a number of replicas of its own, which every apply would set again"
        if scaler["spec"]["minReplicas"] > scaler["spec"]["maxReplicas"]:
            yield f"{path}: fewest are more than most"


def check_joining(facts):
    for path, workload in facts.of_kind("StatefulSet"):
        name, spec = workload["metadata"]["name"], workload["spec"]
        service = facts.named("Service", spec["serviceName"])
        if not service:
            yield f"{path}: StatefulSet {name}: there is no Service {spec['serviceName']}"
            continue
        for container in spec["template"]["spec"]["containers"]:
            join = next((e.get("value") for e in container.get("env", []) if e["name"] == "STARLING_JOIN"), None)
            if not join:
                continue
            host, port = join.rsplit(":", 1)
            if host.split(".")[0] != spec["serviceName"]:
                yield f"{path}: STARLING_JOIN names {host}, not the Service {spec['serviceName']}"
            if service["spec"].get("clusterIP") != "None" or not service["spec"].get("publishNotReadyAddresses"):
                yield f"{path}: Service {spec['serviceName']} must be headless and publish nodes that are not ready"
            protocols = {p.get("protocol", "TCP") for p in service["spec"]["ports"] if p["port"] == int(port)}
            if protocols != {"TCP", "UDP"}:
                yield f"{path}: Service {spec['serviceName']} must have port {port} for TCP and UDP"
            if spec.get("podManagementPolicy") != "Parallel":
                yield f"{path}: nodes start side by side: podManagementPolicy: Parallel"


def check_copies(facts):
    """What stands in two places says the same."""
    script = facts.texts["cluster/init-database.sh"]
    init = facts.named("ConfigMap", "starling-database-init")
    if not init or init["data"].get("100-starling.sh") != script:
        yield "k8s/20-database.yaml: its init script is not cluster/init-database.sh"
    listed = set(yaml.safe_load(facts.texts["k8s/Kustomization"])["resources"])
    there = {path.removeprefix("k8s/") for path in facts.texts if path.startswith("k8s/") and path.endswith(".yaml")}
    for name in sorted(listed ^ there):
        yield f"k8s/Kustomization: {name} is {'not there' if name in listed else 'left out'}"
    composed = {service["image"] for service in facts.compose["services"].values()}
    for path, _, pod in facts.pods():
        for container in pod["spec"]["containers"]:
            if not is_ours(container["image"]) and container["image"] not in composed:
                yield f"{path}: cluster/compose.yaml runs another image than {container['image']}"


CHECKS = [
    check_names,
    check_selectors,
    check_policies,
    check_ports,
    check_hardening,
    check_probes,
    check_stopping,
    check_variables,
    check_volumes_and_secrets,
    check_scaling,
    check_joining,
    check_copies,
]
