"""The checks, checked: each break of a file must be reported."""

import sys

from .facts import Facts, program_metrics
from .programs import Absent, ask_compose_schema, ask_nginx, ask_program, ask_promtool, ask_schemas

NODE, DATABASE, REDIS = "k8s/30-node.yaml", "k8s/20-database.yaml", "k8s/21-redis.yaml"
COMPOSE, NGINX, IMAGE_FILE = "cluster/compose.yaml", "cluster/nginx.conf", "cluster/Dockerfile"
SIMULATOR, MAKE = "k8s/50-simulator.yaml", "cluster/tools/make-secrets"
SCRAPE, SCRAPE_COMPOSE = (
    "cluster/observability/prometheus-kubernetes.yml",
    "cluster/observability/prometheus-compose.yml",
)
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
    (NODE, "STARLING_API_KEYS_FILE", "STARLING_WEBHOOK_FILE", "needs keys"),
    (
        NODE,
        "{name: STARLING_LOG_LIMIT",
        '{name: STARLING_INSECURE_OPEN, value: "true"}\n            - {name: STARLING_LOG_LIMIT',
        "asks for keys",
    ),
    (NODE, "STARLING_API_KEYS_FILE", "STARLING_API_KEYS", "holds a secret in the open"),
    (NODE, "starling/api-keys", "starling/keys", "there is no /run/secrets/starling/keys"),
    (NODE, "starling/api-keys", "starling/cluster-key", "makes no list of keys"),
    (NODE, "              - secret: {name: starling-api-keys}\n", "", "starling/api-keys, which no Secret"),
    (NODE, "secret: {name: starling-api-keys}", "secret: {name: starling-keys}", "Secret starling-keys is not in"),
    (
        NODE,
        "mountPath: /run/secrets/starling,",
        "mountPath: /run/secrets/starling, subPath: api-keys,",
        "mounts a Secret by subPath",
    ),
    (SIMULATOR, "STARLING_API_KEY_FILE", "STARLING_CA_FILE", "has no key"),
    (SIMULATOR, "STARLING_API_KEY_FILE", "STARLING_API_KEY", "holds a secret in the open"),
    (SIMULATOR, "STARLING_API_KEY_FILE", "STARLING_NAME", "no setting of starling simulate"),
    (SIMULATOR, "/run/secrets/simulator/ingest-key", "/run/secrets/simulator/read-key", "no Secret of the example"),
    (SIMULATOR, "secretName: starling-simulator", "secretName: starling-people", "there is no /run/secrets/simulator"),
    (
        SIMULATOR,
        "STARLING_API_KEY_FILE, value: /run/secrets/simulator/ingest-key}",
        f"LOG_LEVEL, value: starling_{'a' * 43}}}",
        "there is a key in it",
    ),
    (SIMULATOR, "        fsGroup: 10001\n", "", "without an fsGroup"),
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
    (NODE, "secret: {name: starling-node}", "secret: {name: starling-nodes}", "Secret starling-nodes is not in"),
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
    (MAKE, '        lease-url "redis', '        redis-url "redis', "other keys"),
    (MAKE, "write lease-url", "write redis-url", "makes no ./secrets/lease-url"),
    (MAKE, "[[ -s $FOLDER/$name ]] ||", "", "changes secrets"),
    (MAKE, "    make_compose_keys\n", "", "makes no list of keys"),
    (MAKE, 'printf %s "$2" | sha256sum', "printf '%s\\n' \"$2\" | sha256sum", "nodes do not know the key for ingest"),
    (MAKE, 'key_line ingest "$2"', 'key_line ingest "$1"', "nodes do not know the key for ingest"),
    (MAKE, 'key_line admin "$3"', 'key_line read "$3"', "nodes do not know the key for admin"),
    (MAKE, 'ingest-key "$ingest_key"', 'ingest-key "$read_key"', "k8s/50-simulator.yaml: nodes do not know the key"),
    (MAKE, 'read-key "$read_key"', 'read-key "$ingest_key"', "k8s: starling-people/read-key: nodes do not know"),
    (MAKE, "printf 'starling_%s'", "printf 'starling'", "one that can be guessed"),
    (MAKE, "[[ ! -s $FOLDER/nodes/api-keys ]] || return 0", "", "somebody took away"),
    (MAKE, "[[ ! -s $FOLDER/nodes/api-keys ]]", "[[ ! -s $FOLDER/ingest-key ]]", "of before there were keys"),
    (COMPOSE, "STARLING_API_KEYS_FILE: /run/starling/api-keys", 'STARLING_INSECURE_OPEN: "true"', "asks for keys"),
    (COMPOSE, "STARLING_API_KEYS_FILE", "STARLING_WEBHOOK_FILE", "needs keys"),
    (COMPOSE, "/run/starling/api-keys", "/run/secrets/store-url", "is a single file"),
    (COMPOSE, "source: ./secrets/nodes", "source: ./secrets/node", "makes no list of keys"),
    (COMPOSE, "target: /run/starling,", "target: /run/keys,", "there is no /run/starling/api-keys"),
    (COMPOSE, "STARLING_API_KEY_FILE", "STARLING_CA_FILE", "simulate has no key"),
    (COMPOSE, "STARLING_API_KEY_FILE", "STARLING_API_KEY", "holds a secret in the open"),
    (COMPOSE, "    secrets: [ingest-key]\n", "", "which it is not given"),
    (
        COMPOSE,
        "  ingest-key: {file: ./secrets/ingest-key}",
        "  ingest-key: {file: ./secrets/read-key}",
        "nodes do not know the key for ingest",
    ),
    (
        COMPOSE,
        "target: /run/starling, read_only: true",
        "target: /run/starling, read_only: false",
        "one for all copies",
    ),
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
    (
        COMPOSE,
        "    volumes:\n      - {type: bind",
        "    volumes:\n      - /data\n      - {type: bind",
        "one for all copies",
    ),
    (COMPOSE, "127.0.0.1:80}:8080", "127.0.0.1:80}:80", "published port"),
    (NGINX, "set $nodes node:8080", "set $nodes nodes:8080", "service of compose.yaml"),
    (NGINX, "proxy_buffering off;", "", "/stream"),
    (NGINX, "http_502 http_503;", "http_502 http_503 non_idempotent;", "sent again by nginx"),
    (NGINX, "Host $http_host", "Host $host", "Host as it came"),
    (NGINX, "X-Forwarded-Proto $scheme", "X-Forwarded-Proto $http_x_forwarded_proto", "nginx's own word"),
    (NGINX, "proxy_buffering off;", "proxy_buffering off; proxy_set_header X 1;", "none of the others"),
    (NGINX, '\'$remote_addr "$request"', '\'$remote_addr $http_authorization "$request"', "into no log"),
    (IMAGE_FILE, "USER 10001:10001", "USER starling", "USER must be a number"),
    (IMAGE_FILE, 'CMD ["starling", "health"]', "CMD starling health", "HEALTHCHECK"),
    (IMAGE_FILE, "libpq-dev", "libpq5", "cluster/up installs libpq-dev"),
    (IMAGE_FILE, " --static-swift-stdlib", "", "other flags"),
    ("Sources/starling/NodeAssembly.swift", "milliseconds(4_500)", "milliseconds(9_500)", "grace periods"),
    (ALERTS, "starling_store_reachable == 0", "starling_store_up == 0", "no node has a metric starling_store_up"),
    (ALERTS, "severity: info", "level: info", "lacks severity"),
    (SCRAPE, "authorization: {type: Bearer,", "authorization: {type: Basic,", "shows no key"),
    (SCRAPE, "starling-metrics/read-key", "starling-metrics/admin-key", "shows no key"),
    (
        SCRAPE_COMPOSE,
        "    authorization: {type: Bearer, credentials_file: /run/secrets/read-key}\n",
        "",
        "shows no key",
    ),
    (BOARD, "starling_devices{", "starling_device_count{", "starling_device_count"),
]

# The same for what other programs find: (tool, file, what stands there, what stands there instead)
TOOL_BREAKS = [
    (ask_schemas, NODE, "persistentVolumeClaimRetentionPolicy:", "persistentVolumeClaimRetentionPolicies:"),
    (ask_schemas, NODE, "maxUnavailable: 1", "maxUnavailable: [1]"),
    (ask_compose_schema, COMPOSE, "stop_grace_period: 15s\n    depends_on", "stop_grace: 15s\n    depends_on"),
    (ask_nginx, NGINX, "merge_slashes off;", "merge_slash off;"),
    (ask_promtool, "cluster/observability/prometheus.yml", "scrape_interval: 15s", "scrape_interval: soon"),
    (ask_promtool, SCRAPE, "action: keep", "action: hold"),
    (ask_promtool, SCRAPE_COMPOSE, "credentials_file:", "credential_file:"),
    (ask_promtool, ALERTS, "starling_store_reachable == 0", "starling_store_reachable ="),
    (ask_promtool, ALERTS, "starling_pruner_leader) < 1", "starling_pruner_leader) < 0"),
    (ask_program, SIMULATOR, "--devices", "--gadgets"),
    (ask_program, NODE, "STARLING_LOG_LIMIT, value: 1GiB", "STARLING_LOG_LIMIT, value: 1GB!"),
    (ask_program, NODE, 'value: "0.0.0.0:8080"', 'value: "0.0.0.0"'),
    (ask_program, NODE, "starling/store-url", "starling/store-uri"),
    (ask_program, NODE, "starling/api-keys", "starling/store-url"),
    (ask_program, COMPOSE, "/run/starling/api-keys", "/run/starling/api-key"),
    (ask_program, MAKE, "%s:sha256:%s", "%s:sha512:%s"),
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
