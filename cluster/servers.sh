# shellcheck shell=bash disable=SC2153
# The private PostgreSQL and Redis of a cluster that keeps its readings in servers. lib.sh reads this; it runs nothing.
#
# In the run folder:
#   postgres/ redis/                    their data; a link, if their users cannot reach the run folder
#   postgres.password redis.password    made once, nobody else's to read
#   store.url lease.url                 their addresses with these passwords: what the nodes get
#   servers.conf                        ports, and the folder of PostgreSQL's programs
#   postgres.unfinished                 there while the data is being made: a crash in it starts anew

SERVER_PACKAGES=(postgresql redis-server)

# Seconds. After a crash PostgreSQL replays its log before it answers; on a stop it writes what memory holds.
SERVER_READY_LIMIT=300
SERVER_READY_NOTICE=5
SERVER_STOP_LIMIT=60
SERVER_CALL_LIMIT=5

# Below the ports that the system gives to outgoing connections: a node that calls a stopped server must not meet itself.
SERVER_PORT_FIRST=15432
SERVER_PORTS=10000
PORT_LOOKS=100
PORT_TRIES=5

REDIS_MEMORY=64mb

# Says why, and fails: unlike `die` it lets the caller stop what it started.
fail() {
    warn "Error: $*"
    return 1
}

# Does the cluster of this folder run on servers?
has_servers() { grep -qx 'SERVERS=1' "$RUN_DIR/cluster.conf" 2>/dev/null; }

# In words where the readings of this folder's cluster are; nothing without a cluster.
kept_in() {
    [[ -e $RUN_DIR/cluster.conf ]] || return 0
    if has_servers; then echo PostgreSQL; else echo starling.db; fi
}

is_server() { [[ $1 == postgres || $1 == redis ]]; }

# Usage: server_setting POSTGRES_PORT|REDIS_PORT|POSTGRES_BIN
server_setting() { sed -n "s/^$1=//p" "$RUN_DIR/servers.conf" 2>/dev/null | head -n 1 || true; }

# Writes one of them, whole or not at all. Usage: remember_server NAME VALUE
remember_server() {
    {
        grep -v "^$1=" "$RUN_DIR/servers.conf" 2>/dev/null || true
        printf '%s=%s\n' "$1" "$2"
    } >"$RUN_DIR/servers.conf.new" || return 1
    mv -f "$RUN_DIR/servers.conf.new" "$RUN_DIR/servers.conf"
}

server_port() {
    local port
    port=$(server_setting "${1^^}_PORT")
    is_number "$port" || fail "no port of $1 in $RUN_DIR/servers.conf; cluster/down, then cluster/up --postgres" || return 1
    echo "$port"
}

# --- who runs them, and where ------------------------------------------------------------------------------------------

# Sets `as_server`, the words before a command that make it the server's: as root, of its own user and with none of our
# environment; else of the caller. The caller's folder may be out of that user's reach. Usage: become_server NAME
become_server() {
    local group
    as_server=(env -C /)
    ((EUID == 0)) || return 0
    group=$(id -g "$1" 2>/dev/null) ||
        fail "there is no user $1; Debian's package makes it: apt-get install --reinstall ${SERVER_PACKAGES[*]}" || return 1
    as_server+=(setpriv "--reuid=$1" "--regid=$group" --clear-groups --no-new-privs --reset-env --)
}

# Where a server's data lies. Usage: data_folder NAME
data_folder() { readlink -f -- "$RUN_DIR/$1"; }

# Makes the folder of a server's data, where its user can reach it. Usage: ensure_data_folder NAME
ensure_data_folder() {
    local name=$1 folder=$RUN_DIR/$1 as_server place
    become_server "$name" || return 1
    if [[ -e $folder ]]; then
        place=$(data_folder "$name")
        "${as_server[@]}" test -O "$place" && "${as_server[@]}" test -x "$place" && return 0
        fail "$folder is there, but the user that runs $name does not own it or cannot reach it. Start the cluster as" \
            "the user who did before, or remove the data (cluster/down --purge)"
    elif [[ -L $folder ]]; then
        fail "$folder is a link to $(readlink -- "$folder"), which is gone. Bring it back, or remove the rest" \
            "(cluster/down --purge)"
    elif "${as_server[@]}" test -x "$RUN_DIR"; then
        mkdir -m 700 -- "$folder" || return 1
        ((EUID)) || chown -- "$name:" "$folder"
    else
        # The modes of the folders above are somebody else's decision.
        place=$(mktemp -d "/var/lib/starling-$name.XXXXXX") && chown -- "$name:" "$place" || return 1
        ln -s -- "$place" "$folder" || return 1
        say "The user $name cannot reach $RUN_DIR; its data lies in $place (cluster/down --purge removes it, too)."
    fi
}

# Removes a server's data, also from where a link of ours leads. Usage: remove_data NAME
remove_data() {
    local target
    if [[ -L $RUN_DIR/$1 ]]; then
        target=$(readlink -- "$RUN_DIR/$1")
        if [[ $target =~ ^/var/lib/starling-$1\.[A-Za-z0-9]{6}$ ]]; then rm -rf -- "$target"; fi
        rm -f -- "$RUN_DIR/$1"
    elif [[ -e $RUN_DIR/$1/PG_VERSION || -e $RUN_DIR/$1/redis.conf || -e $RUN_DIR/$1.unfinished ]]; then
        rm -rf -- "${RUN_DIR:?}/$1"
    fi
    rm -f -- "$RUN_DIR/$1.unfinished" "$RUN_DIR/$1.password" "$RUN_DIR/$1.log"
    # An empty one was ours or nobody's.
    rmdir -- "$RUN_DIR/$1" 2>/dev/null || true
}

remove_servers() {
    remove_data postgres
    remove_data redis
    rm -f -- "$RUN_DIR/servers.conf" "$RUN_DIR/servers.conf.new" "$RUN_DIR/store.url" "$RUN_DIR/lease.url"
}

# The password of a server, made when there is none. Hexadecimal: it stands in addresses and SQL as it is.
# Usage: server_password NAME
server_password() {
    local file=$RUN_DIR/$1.password password
    if [[ ! -s $file ]]; then
        password=$(od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n')
        (umask 077 && printf '%s\n' "$password" >"$file.new") && mv -f "$file.new" "$file" || return 1
    fi
    password=$(<"$file")
    [[ $password =~ ^[0-9a-f]{64}$ ]] || fail "$file holds no password of ours; cluster/down --purge starts anew" || return 1
    echo "$password"
}

# A port that nothing listens on, from anywhere in the range: the first one that is free may be that of another cluster
# whose server is down for a moment.
free_server_port() {
    local port tries
    for ((tries = 0; tries < PORT_LOOKS; tries++)); do
        port=$((SERVER_PORT_FIRST + RANDOM % SERVER_PORTS))
        port_taken tcp "$port" || {
            echo "$port"
            return 0
        }
    done
    fail "found no free port of 127.0.0.1 from $SERVER_PORT_FIRST to $((SERVER_PORT_FIRST + SERVER_PORTS - 1));" \
        "stop what listens there"
}

# What the nodes get. Usage: write_addresses
write_addresses() {
    local port password
    port=$(server_port postgres) && password=$(server_password postgres) || return 1
    write_secret store.url "postgres://starling:$password@127.0.0.1:$port/starling" || return 1
    port=$(server_port redis) && password=$(server_password redis) || return 1
    write_secret lease.url "redis://default:$password@127.0.0.1:$port"
}

write_secret() {
    (umask 077 && printf '%s\n' "$2" >"$RUN_DIR/$1.new") && mv -f "$RUN_DIR/$1.new" "$RUN_DIR/$1"
}

# --- Redis --------------------------------------------------------------------------------------------------------------

launch_redis() {
    local data port password as_server
    data=$(data_folder redis) && port=$(server_port redis) && password=$(server_password redis) || return 1
    become_server redis || return 1
    printf '%s\n' 'bind 127.0.0.1' "port $port" 'protected-mode yes' "requirepass $password" 'databases 1' \
        'daemonize no' 'supervised no' 'save ""' 'appendonly yes' \
        "maxmemory $REDIS_MEMORY" 'maxmemory-policy noeviction' |
        "${as_server[@]}" tee "$data/redis.conf" >/dev/null || return 1
    # It writes into the folder it works in.
    launch redis "${as_server[@]}" env -C "$data" redis-server "$data/redis.conf"
}

# Usage: ask_redis COMMAND…
ask_redis() {
    local port password
    port=$(server_port redis) && password=$(server_password redis) || return 1
    REDISCLI_AUTH=$password timeout "$SERVER_CALL_LIMIT" redis-cli -e -h 127.0.0.1 -p "$port" "$@" </dev/null 2>/dev/null
}

# --- both ---------------------------------------------------------------------------------------------------------------

# Another's server on our port knows another password. Usage: server_answers NAME
server_answers() {
    case $1 in
    postgres) postgres_ready && [[ $(query 'SELECT 1') == 1 ]] ;;
    redis) [[ $(ask_redis ping) == PONG ]] ;;
    esac && is_running "$1"
}

# Returns when a server answers. Usage: wait_server NAME
wait_server() {
    local name=$1 begin=$SECONDS told=0 refused=0
    until server_answers "$name"; do
        if ! is_running "$name"; then
            show_log_tail "$name"
            fail "$name stopped while it started; its log says why"
            return 1
        fi
        if [[ $name == postgres ]] && postgres_ready && ((++refused >= REFUSALS_MAX)); then
            show_log_tail "$name"
            fail "PostgreSQL runs and refuses what $RUN_DIR/postgres.password says. Remove that file, then try again:" \
                "a new password is set"
            return 1
        fi
        if ((SECONDS - begin >= SERVER_READY_LIMIT)); then
            show_log_tail "$name"
            fail "$name was not ready within $SERVER_READY_LIMIT s"
            return 1
        fi
        if ((!told && SECONDS - begin >= SERVER_READY_NOTICE)); then
            say "Waiting for $name, which reads its log after a crash: up to $SERVER_READY_LIMIT s."
            told=1
        fi
        sleep 0.1
    done
}

# Starts a server on the port it had, or on a free one if that is taken: no node runs yet. Usage: start_anew NAME
start_anew() {
    local name=$1 port tries
    for ((tries = 1; ; tries++)); do
        port=$(server_setting "${name^^}_PORT")
        if ! is_number "$port" || port_taken tcp "$port"; then
            port=$(free_server_port) && remember_server "${name^^}_PORT" "$port" || return 1
        fi
        "launch_$name" || return 1
        if wait_server "$name"; then return 0; fi
        # Between the look and the start, another may have come first.
        { ((tries < PORT_TRIES)) && ! is_running "$name" && port_taken tcp "$port"; } || return 1
        say "Port $port was taken meanwhile; another one, then."
    done
}

# Starts a server of a cluster that has it, on the port that the nodes know. Usage: start_again NAME
start_again() {
    local port
    [[ -d $RUN_DIR/$1 ]] || fail "no data of $1 in $RUN_DIR; cluster/down, then cluster/up --postgres" || return 1
    port=$(server_port "$1") || return 1
    ! port_taken tcp "$port" ||
        fail "port $port of 127.0.0.1, where the nodes look for $1, is taken by another program. Stop that one, or take" \
            "other ports: cluster/down, then cluster/up --postgres" || return 1
    if [[ $1 == postgres ]]; then find_postgres && init_postgres || return 1; fi
    # The password may be a new one.
    "launch_$1" && wait_server "$1" && write_addresses
}

# Everything from nothing to two servers that answer. It stops nothing when it fails.
start_servers() {
    local name
    for name in postgres redis; do ensure_data_folder "$name" || return 1; done
    command -v redis-server >/dev/null && command -v redis-cli >/dev/null ||
        fail "no redis-server in PATH; install the package redis-server" || return 1
    find_postgres && init_postgres || return 1
    for name in postgres redis; do start_anew "$name" || return 1; done
    write_addresses
}

# One line on what the servers are.
describe_servers() {
    local version timescale=
    version=$(query 'SHOW server_version') || version=
    if has_timescale "$(server_setting POSTGRES_BIN)"; then timescale=' with TimescaleDB'; fi
    say "Store:      PostgreSQL ${version%% *}$timescale on port $(server_port postgres), Redis on port $(server_port redis);" \
        "address and password: $RUN_DIR/store.url, $RUN_DIR/lease.url"
}

# Asks a process to stop, in its own way. Usage: ask_process NAME PID
ask_process() {
    case $1 in
    # SIGTERM would have it wait for its clients.
    postgres) kill -INT "$2" 2>/dev/null || true ;;
    # Unlike other programs it keeps signals blocked that whoever called `up` had blocked.
    redis) ask_redis shutdown >/dev/null || kill -TERM "$2" 2>/dev/null || true ;;
    *) kill -TERM "$2" 2>/dev/null || true ;;
    esac
}

stop_limit() { if is_server "$1"; then echo "$SERVER_STOP_LIMIT"; else echo "$STOP_LIMIT"; fi; }

# As a crash would: PostgreSQL's processes with their parent. Usage: kill_hard NAME PID
kill_hard() {
    local pids=("$2")
    if [[ $1 == postgres ]]; then mapfile -t -O 1 pids < <(postgres_processes); fi
    kill -KILL "${pids[@]}" 2>/dev/null || true
}

# shellcheck source=postgres.sh
source "$ROOT/cluster/postgres.sh"
