# shellcheck shell=bash disable=SC2034
# What the scripts of this folder share. Source it; it runs nothing.

set -euo pipefail
# Without this a command substitution goes on after a failure inside it.
shopt -s inherit_errexit

# A shell that builds parts of the package alone must not hide the rest from us.
unset STARLING_ONLY

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
RUN_DIR=${STARLING_RUN_DIR:-$ROOT/cluster/.run}
BIN=$ROOT/.build/release/starling

# Seconds. A node answers /readyz within a second or two, and the others know it a moment later; a graceful stop drains
# for less than five.
READY_LIMIT=60
SEEN_LIMIT=30
STOP_LIMIT=15

# A node takes some 50 MB: more belong onto more machines.
NODES_MAX=64

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }

die() {
    warn "Error: $*"
    exit 1
}

# A mistake in how the script was called.
usage_error() {
    warn "Error: $*"
    warn "  See '$0 --help'."
    exit 64
}

is_number() { [[ $1 =~ ^[0-9]{1,9}$ ]]; }

# A folder given relative to the caller's place stays where the caller meant it.
case $RUN_DIR in
/*) ;;
*) RUN_DIR=$PWD/$RUN_DIR ;;
esac

# SwiftPM keeps its cache below HOME; daemons and containers often have none.
ensure_home() {
    if [[ -z ${HOME:-} || ! -d ${HOME:-} || ! -w ${HOME:-} ]]; then
        HOME=$ROOT/.build/home
        mkdir -p "$HOME"
        export HOME
    fi
}

# --- packages -----------------------------------------------------------------------------------------------------

# What a build needs beyond Swift itself, and the charts that the node serves.
BUILD_PACKAGES=(git pkg-config g++ libsimdjson-dev zlib1g-dev libsqlite3-dev libpq-dev libhiredis-dev libjs-chart.js)

# Of the given packages, those that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true) == installed ]] || echo "$package"
    done
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo -- "$@"
    fi
}

POLICY=/usr/sbin/policy-rc.d
POLICY_SAVED=$POLICY.before-starling
POLICY_MARK='# Temporary, of the set-up of Starling.'

# While packages are installed, a policy forbids every service to start; what was there before comes back. A policy of
# ours that a crash left behind is not taken for the machine's own.
forbid_services() {
    if [[ -e $POLICY && ! -e $POLICY_SAVED ]] && ! grep -qF "$POLICY_MARK" "$POLICY"; then
        as_root mv "$POLICY" "$POLICY_SAVED" || return 1
    fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" | as_root tee "$POLICY" >/dev/null || return 1
    as_root chmod 755 "$POLICY"
}

allow_services() {
    if [[ -e $POLICY_SAVED ]]; then
        as_root mv "$POLICY_SAVED" "$POLICY"
    else
        as_root rm -f "$POLICY"
    fi
}

installed_packages() { dpkg-query -W -f='${Package} ${db:Status-Status}\n' | awk '$2 == "installed" { print $1 }' | sort; }

# Units of packages that were not there before must not start with the next boot either.
disable_new_units() {
    local before=$1 package unit
    while read -r package; do
        while read -r unit; do
            unit=${unit##*/}
            as_root deb-systemd-helper disable "$unit" >/dev/null 2>&1 || true
            if [[ $unit == *.service && -e /etc/init.d/${unit%.service} ]]; then
                as_root update-rc.d "${unit%.service}" disable >/dev/null 2>&1 || true
            fi
        done < <(dpkg -L "$package" 2>/dev/null | grep -E '/systemd/system/[^/]+\.(service|socket|timer|path)$' || true)
    done < <(comm -13 <(printf '%s\n' "$before") <(installed_packages))
}

# Installs what is missing of the given packages. No service is started or enabled by it.
ensure_packages() {
    local missing before
    command -v dpkg-query >/dev/null || die "this needs Debian or Ubuntu (dpkg); on another system install: $*"
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    say "Installing with apt: ${missing[*]}"
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        die "not root and no sudo. As root: apt-get update && apt-get install -y ${missing[*]}"
    fi
    before=$(installed_packages)
    (
        trap allow_services EXIT
        trap 'exit 130' INT TERM
        forbid_services && install_packages "${missing[@]}"
    ) || die "apt could not install ${missing[*]}; the lines above say why"
    disable_new_units "$before"
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} == 0)) || die "still not installed: ${missing[*]}"
}

install_packages() {
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
    # Package lists may be old or absent: a first failure is not the last word.
    as_root "${install[@]}" --no-install-recommends install "$@" </dev/null && return 0
    say "Once more with fresh package lists"
    as_root "${install[@]}" update </dev/null || return 1
    as_root "${install[@]}" --no-install-recommends install "$@" </dev/null
}

# --- Swift and the build --------------------------------------------------------------------------------------------

ensure_swift() {
    command -v swift >/dev/null ||
        die "no 'swift' in PATH. Install Swift 6.3 or newer (https://www.swift.org/install/linux), then run this again"
    local version
    version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+)\.([0-9]+).*/\1 \2/p' | head -n 1)
    read -r major minor <<<"${version:-0 0}"
    ((major > 6 || (major == 6 && minor >= 3))) ||
        die "Swift ${major}.${minor} in PATH is too old; 6.3 or newer is needed (https://www.swift.org/install/linux)"
}

# Runs a build and shows its way in one line on a terminal, in about twenty lines elsewhere; all of it is in the log.
# Usage: build LOG SWIFT-BUILD-ARGUMENTS…
build() {
    local log=$1
    shift
    mkdir -p "${log%/*}"
    local terminal=0
    [[ -t 1 ]] && terminal=1
    if ! (cd "$ROOT" && swift build "$@" </dev/null 2>&1) | tee "$log" | show_progress "$terminal"; then
        warn "--- the end of $log"
        grep -E 'error:|fatal' "$log" | sort -u | tail -n 20 >&2 || true
        tail -n 10 "$log" >&2
        die "the build failed; all of its output is in $log"
    fi
}

show_progress() {
    local terminal=$1 line share=0 shown=-5 clear=
    ((terminal)) && clear=$'\r\033[K'
    while IFS= read -r line; do
        if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
            share=$((100 * BASH_REMATCH[1] / (BASH_REMATCH[2] > 0 ? BASH_REMATCH[2] : 1)))
            if ((terminal)); then
                printf '%s  %3d %%  %s' "$clear" "$share" "${line:0:100}"
            elif ((share >= shown + 5 || share < shown)); then
                printf '  %3d %%  %s\n' "$share" "$line"
                shown=$share
            fi
        elif [[ $line =~ ^(Building|Build\ complete|Fetching|Computing|Another\ instance) ]]; then
            printf '%s  %s\n' "$clear" "$line"
        fi
    done
    printf '%s' "$clear"
}

# Core-minutes of a first release build, measured; dependencies included.
FIRST_BUILD_CORE_MINUTES=19

build_release() {
    if [[ ! -x $BIN ]]; then
        local cores minutes
        cores=$(nproc)
        minutes=$(((FIRST_BUILD_CORE_MINUTES + cores - 1) / cores))
        say "Building the release. The first time this takes about $minutes minute(s) on $cores core(s); later, seconds."
    else
        say "Building what changed since the last time."
    fi
    build "$ROOT/.build/release-build.log" -c release --product starling --static-swift-stdlib
    [[ -x $BIN ]] || die "the build left no $BIN; its output is in $ROOT/.build/release-build.log"
}

# --- processes ------------------------------------------------------------------------------------------------------

# When a process started, in clock ticks since boot: with the pid it names one process for ever.
start_time() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The command's name stands in parentheses and may hold anything: count from behind it.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    # A zombie runs no more.
    [[ $1 != Z && $1 != X ]] || return 1
    echo "${20}"
}

# The pid of a process that we started and that still runs; a number that went to another process does not count.
running_pid() {
    local pid started
    read -r pid started 2>/dev/null <"$RUN_DIR/$1.pid" || return 1
    is_number "$pid" || return 1
    [[ $(start_time "$pid") == "$started" ]] || return 1
    echo "$pid"
}

is_running() { running_pid "$1" >/dev/null; }

# Becomes a command in a session of its own. Whatever else the caller had open (a lock, a pipe somebody reads to its end)
# is closed. Usage: detached COMMAND…
detached() {
    local fd
    cd "$RUN_DIR"
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        if ((fd > 2)); then eval "exec $fd>&-"; fi
    done
    exec setsid -- "$@"
}

# Starts a command that outlives this script. Usage: launch NAME COMMAND…
launch() {
    local name=$1 pid
    shift
    detached "$@" </dev/null >>"$RUN_DIR/$name.log" 2>&1 &
    pid=$!
    disown "$pid" 2>/dev/null || true
    printf '%s %s\n' "$pid" "$(start_time "$pid" || echo 0)" >"$RUN_DIR/$name.pid"
}

# Waits until a process is gone. Usage: wait_gone NAME SECONDS
wait_gone() {
    local tenths=$(($2 * 10))
    while is_running "$1"; do
        ((tenths-- > 0)) || return 1
        sleep 0.1
    done
}

# Asks a process to stop. Usage: ask_to_stop NAME
ask_to_stop() {
    local pid
    pid=$(running_pid "$1") || return 0
    ask_process "$1" "$pid"
}

# Waits for a process that was asked to stop; after the limit it is killed. Usage: see_stopped NAME
see_stopped() {
    local pid limit
    limit=$(stop_limit "$1")
    if pid=$(running_pid "$1"); then
        if ! wait_gone "$1" "$limit"; then
            warn "$1 did not stop within $limit s: killing it (its log: $RUN_DIR/$1.log)"
            kill_hard "$1" "$pid"
            wait_gone "$1" 5 || die "$1 (process $pid) cannot be killed"
        fi
    fi
    rm -f "$RUN_DIR/$1.pid"
}

stop_process() {
    ask_to_stop "$1"
    see_stopped "$1"
}

show_log_tail() {
    warn "--- the end of $RUN_DIR/$1.log"
    tail -n 20 "$RUN_DIR/$1.log" >&2 || true
    warn "---"
}

# --- the cluster ----------------------------------------------------------------------------------------------------

# One at a time changes a run folder. What it leaves there is nobody else's to read: servers of another user may make it
# necessary that strangers can pass through.
lock() {
    umask 077
    exec 9>"$RUN_DIR/lock"
    flock -w 90 9 || die "another script works on $RUN_DIR; try again when it is done"
}

unlock() { exec 9>&-; }

# What `up` was called with, for the scripts that come later. Usage: setting NAME
setting() {
    local value
    value=$(sed -n "s/^$1=//p" "$RUN_DIR/cluster.conf" 2>/dev/null | head -n 1) || true
    is_number "$value" || die "no cluster in $RUN_DIR; start one with cluster/up"
    echo "$value"
}

# Names of all processes of this folder, in the order in which they should stop: nothing before what calls it.
process_names() {
    local file
    for file in "$RUN_DIR/simulate.pid" "$RUN_DIR"/n[0-9]*.pid "$RUN_DIR/postgres.pid" "$RUN_DIR/redis.pid"; do
        [[ -e $file ]] || continue
        file=${file##*/}
        echo "${file%.pid}"
    done
}

any_running() {
    local name
    while read -r name; do
        is_running "$name" && return 0
    done < <(process_names)
    return 1
}

any_node_running() {
    local name
    while read -r name; do
        [[ $name == n* ]] && is_running "$name" && return 0
    done < <(process_names)
    return 1
}

# Writes what `setting` reads, whole or not at all; SERVERS is 1 for PostgreSQL and Redis, 0 for files.
# Usage: remember NODES HTTP_BASE GOSSIP_BASE DEVICES SERVERS
remember() {
    printf '%s\n' "NODES=$1" "HTTP_BASE=$2" "GOSSIP_BASE=$3" "DEVICES=$4" "SERVERS=$5" >"$RUN_DIR/cluster.conf.new"
    mv -f "$RUN_DIR/cluster.conf.new" "$RUN_DIR/cluster.conf"
}

http_port() { echo $(($(setting HTTP_BASE) + $1)); }
gossip_port() { echo $(($(setting GOSSIP_BASE) + $1)); }

# Does anything listen on this port of loopback or of all addresses? Usage: port_taken tcp|udp PORT
port_taken() {
    local hex state=0A
    # An unconnected UDP socket is in state 7.
    [[ $1 == tcp ]] || state=07
    hex=$(printf '%04X' "$2")
    cat "/proc/net/$1" "/proc/net/${1}6" 2>/dev/null | awk -v port="$hex" -v state="$state" '
        $4 == state {
            split($2, local, ":")
            if (local[2] != port) next
            if (local[1] ~ /^(0100007F|0+|0+01000000|0+FFFF00000100007F)$/) found = 1
        }
        END { exit !found }'
}

# Usage: check_port tcp|udp PORT VARIABLE, which moves it
check_port() {
    ((1 <= $2 && $2 <= 65535)) || die "port $2 is out of range; set $3"
    ! port_taken "$1" "$2" ||
        die "${1^^} port $2 of 127.0.0.1 is taken by another program. Stop it, or start the cluster on other ports: $3=$((20000 + $2 % 10000)) cluster/up"
}

# The ports that node I needs: HTTP, gossip, peers. Usage: check_node_ports I HTTP_BASE GOSSIP_BASE
check_node_ports() {
    check_port tcp $(($2 + $1)) STARLING_HTTP_BASE
    check_port tcp $(($3 + $1)) STARLING_GOSSIP_BASE
    check_port udp $(($3 + $1)) STARLING_GOSSIP_BASE
}

# HTTP and peers are both TCP: neither may run into the other. Usage: check_ranges NODES HTTP_BASE GOSSIP_BASE
check_ranges() {
    local apart=$(($2 - $3))
    ((apart >= $1 || -apart >= $1)) ||
        die "with $1 nodes, the ports from $2 (HTTP) and from $3 (gossip) meet; set STARLING_HTTP_BASE or STARLING_GOSSIP_BASE"
}

# Where node I finds the others: every other node of the folder, so that whichever of them runs is found. Usage: seeds I
seeds() {
    local index nodes list=
    nodes=$(setting NODES)
    for ((index = 0; index < nodes; index++)); do
        ((index == $1)) || list+=${list:+,}127.0.0.1:$(gossip_port "$index")
    done
    echo "$list"
}

# Addresses of servers hold passwords: a node reads them from files, since everybody may read arguments.
launch_node() {
    local index=$1 join before=() places=(--store "sqlite:$RUN_DIR/starling.db" --lease "file:$RUN_DIR/pruner.lease")
    join=$(seeds "$index")
    if has_servers; then
        before=(env -u STARLING_STORE -u STARLING_LEASE
            "STARLING_STORE_FILE=$RUN_DIR/store.url" "STARLING_LEASE_FILE=$RUN_DIR/lease.url")
        places=()
    fi
    launch "n$index" "${before[@]}" "$BIN" node --name "n$index" \
        --http "127.0.0.1:$(http_port "$index")" \
        --gossip "127.0.0.1:$(gossip_port "$index")" \
        ${join:+--join "$join"} \
        --data-dir "$RUN_DIR/n$index" \
        "${places[@]}"
}

# Returns when node I answers that it is ready. Usage: wait_ready I
wait_ready() {
    local name=n$1 url tenths=$((READY_LIMIT * 5))
    url=http://127.0.0.1:$(http_port "$1")
    until "$BIN" health --url "$url" </dev/null >/dev/null 2>&1; do
        if ! is_running "$name"; then
            show_log_tail "$name"
            warn "Error: $name stopped while it started; its log says why"
            return 1
        fi
        if ((tenths-- <= 0)); then
            show_log_tail "$name"
            warn "Error: $name was not ready within $READY_LIMIT s"
            return 1
        fi
        sleep 0.2
    done
    # Somebody else's server on our port would answer, too.
    is_running "$name" || {
        show_log_tail "$name"
        warn "Error: $name stopped while it started; its log says why"
        return 1
    }
}

# Indices of the nodes that run.
running_nodes() {
    local name
    while read -r name; do
        if [[ $name == n* ]] && is_running "$name"; then echo "${name#n}"; fi
    done < <(process_names)
}

# How many members node I sees alive; 0 without an answer. Usage: alive_at I
alive_at() {
    local answer
    answer=$("$BIN" cluster --json --url "http://127.0.0.1:$(http_port "$1")" </dev/null 2>/dev/null) || true
    grep -oE '"status" *: *"alive"' <<<"$answer" | wc -l || true
}

# Returns when every running node sees as many members alive as there are nodes running.
wait_flock() {
    local running index seen tenths=$((SEEN_LIMIT * 10))
    mapfile -t running < <(running_nodes)
    for index in "${running[@]}"; do
        while seen=$(alive_at "$index") && ((seen < ${#running[@]})); do
            if ((tenths-- <= 0)); then
                warn "Error: n$index sees $seen of ${#running[@]} nodes alive after $SEEN_LIMIT s; look at its log, $RUN_DIR/n$index.log"
                return 1
            fi
            sleep 0.1
        done
    done
}

launch_devices() {
    local devices=$1 nodes=$2 index servers=
    ((devices > 0)) || return 0
    for ((index = 0; index < nodes; index++)); do
        servers+=${servers:+,}http://127.0.0.1:$(http_port "$index")
    done
    launch simulate "$BIN" simulate --server "$servers" --devices "$devices"
}

# The devices first, then all nodes at once (one after the other would take the sum of their times, and hand everything
# over to a node that stops next), then the servers, in which nodes store until they end.
stop_all() {
    local name names kind
    mapfile -t names < <(process_names)
    for kind in '^simulate$' '^n[0-9]' '^(postgres|redis)$'; do
        for name in "${names[@]}"; do if [[ $name =~ $kind ]]; then ask_to_stop "$name"; fi; done
        for name in "${names[@]}"; do if [[ $name =~ $kind ]]; then see_stopped "$name"; fi; done
    done
}

# The name of a process of this cluster, from the command line: n0 for 0, postgres, redis. Usage: process_name TEXT
process_name() {
    local nodes
    if is_server "$1"; then
        nodes=$(setting NODES)
        has_servers || die "this cluster runs no $1: it was started without --postgres and keeps its data in files"
        echo "$1"
        return
    fi
    is_number "$1" || usage_error "'$1' is no number of a node (the first is 0), and neither postgres nor redis"
    nodes=$(setting NODES)
    ((10#$1 < nodes)) || die "there is no node $1: this cluster has $nodes, counted from 0"
    echo "n$((10#$1))"
}

# The text behind `# Usage:` of the calling script is its help.
show_help() {
    sed -n '/^# Usage:/,/^$/s/^# \{0,1\}//p' "$0"
    exit 0
}

# shellcheck source=servers.sh
source "$ROOT/cluster/servers.sh"
