"""The checks, checked: each break of a file must be reported."""

import sys

from .facts import Facts, program_metrics
from .programs import Absent, ask_compose_schema, ask_nginx, ask_program, ask_promtool, ask_schemas

NODE, DATABASE, REDIS = "k8s/30-node.yaml", "k8s/20-database.yaml", "k8s/21-redis.yaml"
COMPOSE, NGINX, IMAGE_FILE = "cluster/compose.yaml", "cluster/nginx.conf", "cluster/Dockerfile"
ALERTS, BOARD = "cluster/observability/alerts.yml", "cluster/observability/grafana-dashboard.json"

# (file, what stands there, what stands there instead, a part of what must be said)
BREAKS = [
    (
        NODE,
        "matchLabels: {app.kubernetes.io/name: starling}\n  # What",
        "matchLabels: {app: starling}\n  # What",
        "selector of starling",
    ),
    (
        NODE,
        "  selector: {app.kubernetes.io/name: starling}\n  ports:\n    - {name: http",
        "  selector: {app: x}\n  ports:\n    - {name: http",
        "selects no pods",
    ),
    (
        NODE,
        "            matchLabels: {app.kubernetes.io/name: starling}\n      containers",
        "            matchLabels: {app: x}\n      containers",
        "topology spread",
    ),
    (
        NODE,
        "AlwaysAllow\n  selector:\n    matchLabels: {app.kubernetes.io/name: starling}",
        "AlwaysAllow\n  selector:\n    matchLabels: {app: x}",
        "PodDisruptionBudget starling selects no pods",
    ),
    (NODE, "targetPort: http", "targetPort: web", "no container port is web"),
    (
        NODE,
        "targetPort: gossip, protocol: UDP",
        "targetPort: gossip, protocol: TCP",
        "no container port is gossip/TCP",
    ),
    (NODE, "enableServiceLinks: false", "enableServiceLinks: true", "enableServiceLinks"),
    (NODE, "automountServiceAccountToken: false", "automountServiceAccountToken: true", "automountServiceAccountToken"),
    (NODE, "runAsNonRoot: true", "runAsNonRoot: false", "not root"),
    (NODE, "seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}", "seccomp"),
    (NODE, "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "keeps privileges"),
    (NODE, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "writes to its root"),
    (NODE, "limits: {memory: 512Mi}", "limits: {}", "limit of memory"),
    (NODE, "STARLING_JOIN, value", "STARLING_JOINS, value", "STARLING_JOINS is no setting"),
    (NODE, "STARLING_STORE_FILE", "STARLING_STORE", "holds a secret in the open"),
    (NODE, "name: STARLING_LOG_LIMIT", "name: STARLING_LOG_LIMIT_FILE", "is not read from files"),
    (NODE, "starling/store-url", "starling/store-uri", "which no Secret of the example holds"),
    (NODE, '{name: STARLING_INSECURE_OPEN, value: "true"}', "{name: LOG_LEVEL, value: info}", "needs keys"),
    (NODE, "STARLING_CLUSTER_KEY_FILE", "STARLING_WEBHOOK_FILE", "needs STARLING_CLUSTER_KEY_FILE"),
    (
        NODE,
        '$(POD_IP):7946"}\n            - {name: STARLING_GOSSIP',
        '$(HOST_IP):7946"}\n            - {name: STARLING_GOSSIP',
        "$(HOST_IP)",
    ),
    (NODE, 'starling-peers:7946"', 'starling-node:7946"', "STARLING_JOIN names"),
    (NODE, "publishNotReadyAddresses: true", "publishNotReadyAddresses: false", "publish nodes that are not ready"),
    (NODE, "clusterIP: None", "clusterIP: 10.0.0.9", "must be headless"),
    (NODE, "podManagementPolicy: Parallel", "podManagementPolicy: OrderedReady", "Parallel"),
    (NODE, "serviceName: starling-peers", "serviceName: starling-nodes", "there is no Service starling-nodes"),
    (NODE, "sleep: {seconds: 5}", "sleep: {seconds: 25}", "do not fit into the grace period"),
    (
        NODE,
        "terminationGracePeriodSeconds: 30",
        "terminationGracePeriodSeconds: 10",
        "do not fit into the grace period",
    ),
    (NODE, "preStop:\n              sleep: {seconds: 5}", "postStart:\n              sleep: {seconds: 5}", "preStop"),
    (NODE, "httpGet: {path: /readyz, port: http}", "httpGet: {path: /readyz, port: web}", "no name of a port"),
    (NODE, "httpGet: {path: /readyz, port: http}", "httpGet: {path: /health, port: http}", "should ask /readyz"),
    (NODE, "storage: 2Gi", "storage: 1Gi", "does not fit into the volume"),
    (NODE, "- {name: data, mountPath: /data}", "- {name: log, mountPath: /data}", "which is no volume"),
    (NODE, "secretName: starling-node", "secretName: starling-nodes", "Secret starling-nodes is not in"),
    (NODE, "  namespace: starling\n", "  namespace: default\n", "is not in namespace"),
    (NODE, "  serviceName: starling-peers", "  replicas: 3\n  serviceName: starling-peers", "replicas of its own"),
    (NODE, "runAsUser: 10001", "runAsUser: 10002", "USER is another"),
    ("k8s/31-autoscaling.yaml", "kind: StatefulSet, name: starling}", "kind: StatefulSet, name: nodes}", "to scale"),
    ("k8s/31-autoscaling.yaml", "minReplicas: 3", "minReplicas: 30", "fewest are more"),
    ("k8s/40-ingress.yaml", "name: http}", "name: web}", "which there is not"),
    (
        "k8s/40-ingress.yaml",
        "apiVersion: networking",
        "kind: Secret\nmetadata: {name: x, namespace: starling}\n---\napiVersion: networking",
        "would be applied",
    ),
    (
        "k8s/60-network-policies.yaml",
        "app.kubernetes.io/name: starling-redis}\n      ports",
        "app.kubernetes.io/name: valkey}\n      ports",
        "pods that there are not",
    ),
    ("k8s/60-network-policies.yaml", "port: redis, protocol: TCP", "port: sentinel, protocol: TCP", "port sentinel"),
    (
        "k8s/60-network-policies.yaml",
        "app.kubernetes.io/name: starling-database}\n  policyTypes",
        "app.kubernetes.io/name: db}\n  policyTypes",
        "selects no pods",
    ),
    ("k8s/Kustomization", "  - 21-redis.yaml\n", "", "21-redis.yaml is left out"),
    ("k8s/Kustomization", "21-redis.yaml", "22-redis.yaml", "22-redis.yaml is not there"),
    ("k8s/10-secrets.yaml.example", "  lease-url:", "  redis-url:", "starling/lease-url"),
    (DATABASE, "CREATE ROLE starling LOGIN", "CREATE ROLE starling SUPERUSER LOGIN", "its init script"),
    (DATABASE, "configMap: {name: starling-database-init", "configMap: {name: starling-init", "there is no ConfigMap"),
    (DATABASE, "2.29.2-pg17", "latest-pg17", "another image"),
    (REDIS, "/run/secrets/redis/redis.conf", "/run/secrets/redis/valkey.conf", "which no Secret of the example holds"),
    ("cluster/init-database.sh", "REVOKE CONNECT", "GRANT CONNECT", "its init script"),
    ("cluster/tools/make-secrets", '        lease-url "redis', '        redis-url "redis', "other keys"),
    ("cluster/tools/make-secrets", "write lease-url", "write redis-url", "makes no ./secrets/lease-url"),
    ("cluster/tools/make-secrets", "[[ -s $FOLDER/$name ]] ||", "", "changes secrets"),
    (COMPOSE, "read_only: true", "read_only: false", "read_only"),
    (COMPOSE, "cap_drop: [ALL]", "cap_drop: [NET_RAW]", "drop all capabilities"),
    (COMPOSE, "no-new-privileges:true", "no-new-privileges:false", "no-new-privileges"),
    (COMPOSE, 'user: "999:999"', "user: redis", "numeric user"),
    (COMPOSE, "redis: {condition: service_healthy}", "redis: {condition: service_started}", "until redis is healthy"),
    (COMPOSE, "redis: {condition: service_healthy}", "valkey: {condition: service_healthy}", "depends on valkey"),
    (
        COMPOSE,
        "secrets: [cluster-key, store-url, lease-url]",
        "secrets: [cluster-key, store-url]",
        "which it is not given",
    ),
    (COMPOSE, "  lease-url: {file: ./secrets/lease-url}\n", "", "is not declared"),
    (COMPOSE, "STARLING_HTTP: 0.0.0.0:8080", "STARLING_HTTP: 0.0.0.0:8081", "another port"),
    (COMPOSE, "STARLING_LEASE_FILE", "STARLING_LEASES_FILE", "is no setting"),
    (COMPOSE, "stop_grace_period: 15s\n    depends_on", "stop_grace_period: 4s\n    depends_on", "stop_grace_period"),
    (COMPOSE, 'volumes: ["redis:/data"]', 'volumes: ["lease:/data"]', "volume lease is not declared"),
    (COMPOSE, "    deploy:\n", "    entrypoint: [/bin/sh]\n    deploy:\n", "no entrypoint but the image's"),
    (COMPOSE, "    deploy:\n", "    volumes: [/data]\n    deploy:\n", "one for all copies"),
    (COMPOSE, "127.0.0.1:80}:8080", "127.0.0.1:80}:80", "published port"),
    (NGINX, "set $nodes node:8080", "set $nodes nodes:8080", "service of compose.yaml"),
    (NGINX, "proxy_buffering off;", "", "/stream"),
    (NGINX, "http_502 http_503;", "http_502 http_503 non_idempotent;", "sent again by nginx"),
    (IMAGE_FILE, "USER 10001:10001", "USER starling", "USER must be a number"),
    (IMAGE_FILE, 'CMD ["starling", "health"]', "CMD starling health", "HEALTHCHECK"),
    (IMAGE_FILE, "libpq-dev", "libpq5", "cluster/up installs libpq-dev"),
    (IMAGE_FILE, " --static-swift-stdlib", "", "other flags"),
    ("Sources/starling/NodeAssembly.swift", "milliseconds(4_500)", "milliseconds(9_500)", "grace periods"),
    (ALERTS, "starling_store_reachable == 0", "starling_store_up == 0", "no node has a metric starling_store_up"),
    (ALERTS, "severity: info", "level: info", "lacks severity"),
    (BOARD, "starling_devices{", "starling_device_count{", "starling_device_count"),
]

# The same for what other programs find: (tool, file, what stands there, what stands there instead)
TOOL_BREAKS = [
    (ask_schemas, NODE, "persistentVolumeClaimRetentionPolicy:", "persistentVolumeClaimRetentionPolicies:"),
    (ask_schemas, NODE, "maxUnavailable: 1", "maxUnavailable: [1]"),
    (ask_compose_schema, COMPOSE, "stop_grace_period: 15s\n    depends_on", "stop_grace: 15s\n    depends_on"),
    (ask_nginx, NGINX, "merge_slashes off;", "merge_slash off;"),
    (ask_promtool, "cluster/observability/prometheus.yml", "scrape_interval: 15s", "scrape_interval: soon"),
    (ask_promtool, "cluster/observability/prometheus-kubernetes.yml", "action: keep", "action: hold"),
    (ask_promtool, ALERTS, "starling_store_reachable == 0", "starling_store_reachable ="),
    (ask_promtool, ALERTS, "starling_pruner_leader) < 1", "starling_pruner_leader) < 0"),
    (ask_program, "k8s/50-simulator.yaml", "--devices", "--gadgets"),
    (ask_program, NODE, "STARLING_LOG_LIMIT, value: 1GiB", "STARLING_LOG_LIMIT, value: 1GB!"),
    (ask_program, NODE, 'value: "0.0.0.0:8080"', 'value: "0.0.0.0"'),
    (ask_program, NODE, "starling/store-url", "starling/store-uri"),
    (ask_program, COMPOSE, 'STARLING_INSECURE_OPEN: "true"', 'STARLING_INSECURE_OPEN: "maybe"'),
    (ask_program, COMPOSE, "/run/secrets/lease-url", "/run/secrets/store-url"),
]


def broken(texts, path, old, new):
    if old not in texts.get(path, ""):
        sys.exit(f"Error: {path} does not say {old!r} any more; mend the table BREAKS")
    return {**texts, path: texts[path].replace(old, new, 1)}


def unnoticed(checks, texts, options):
    """Breaks that no check reports."""
    metrics = program_metrics(texts)
    for path, old, new, said in BREAKS:
        found = []
        facts = Facts(broken(texts, path, old, new), metrics)
        for finding in (finding for check in checks for finding in check(facts)):
            found.append(finding)
            if said in finding:
                break
        else:
            yield f"{path}: {old!r} → {new!r} goes unnoticed; other findings: {found[:2]}"
    for tool, path, old, new in TOOL_BREAKS:
        try:
            if not list(tool(broken(texts, path, old, new), options)):
                yield f"{path}: {old!r} → {new!r} goes unnoticed by {tool.__name__}"
        except Absent:
            pass
