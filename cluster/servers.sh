# shellcheck shell=bash disable=SC2153
# The private PostgreSQL and Redis of a cluster that keeps its readings in servers. lib.sh reads this; it runs nothing.
#
# In the run folder:
#   postgres/ redis/                    their data; a link, if their users cannot reach the run folder
#   postgres.password redis.password    made once, nobody else's to read
#   store.url lease.url                 their addresses with these passwords: what the nodes get
#   servers.conf                        ports, and the folder of PostgreSQL's programs
#   postgres.unfinished                 there while the data is being made: a crash in it starts anew
#
# PostgreSQL has one role that may log in, owner of one database. Its superuser has no password and no way in.

SERVER_PACKAGES=(postgresql redis-server)

# Limits in seconds, and one in tries. After a crash PostgreSQL replays its log before it answers; on a stop it writes what memory holds.
SERVER_READY_LIMIT=300
SERVER_READY_NOTICE=5
SERVER_STOP_LIMIT=60
SERVER_CALL_LIMIT=5
ORPHANS_LIMIT=10
REFUSALS_MAX=20
INIT_LIMIT=120

# Below the ports that the system gives to outgoing connections: a node that calls a stopped server must not meet itself.
SERVER_PORT_FIRST=15432
SERVER_PORTS=1000
PORT_TRIES=5

# A node keeps a few connections.
POSTGRES_CONNECTIONS=$((NODES_MAX * 4 + 50))
# What TimescaleDB asks for: its 16 background workers, 8 parallel ones, 3 for itself.
TIMESCALE_WORKERS=27
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

# The first port that nothing listens on.
free_server_port() {
    local port
    for ((port = SERVER_PORT_FIRST; port < SERVER_PORT_FIRST + SERVER_PORTS; port++)); do
        port_taken tcp "$port" || {
            echo "$port"
            return 0
        }
    done
    fail "every port of 127.0.0.1 from $SERVER_PORT_FIRST to $((port - 1)) is taken; stop what listens there"
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

# --- PostgreSQL ---------------------------------------------------------------------------------------------------------

# TimescaleDB belongs to a server if its loader lies among that server's libraries. Usage: has_timescale BIN
has_timescale() {
    local libraries
    libraries=$("$1/pg_config" --pkglibdir 2>/dev/null) || libraries=${1%/bin}/lib
    [[ -e $libraries/timescaledb.so ]]
}

# The folder of PostgreSQL's programs: the one named, or that of the data, or the newest that has TimescaleDB, or the newest.
find_postgres() {
    local version='' bin newest='' chosen=${STARLING_POSTGRES_BIN:-}
    [[ ! -s $RUN_DIR/postgres/PG_VERSION ]] || version=$(<"$RUN_DIR/postgres/PG_VERSION")
    [[ -n $chosen ]] || chosen=$(server_setting POSTGRES_BIN)
    if [[ -z $chosen || ! -x $chosen/postgres && -z ${STARLING_POSTGRES_BIN:-} ]]; then
        chosen=
        while read -r bin; do
            [[ -x $bin/postgres && -x $bin/initdb ]] || continue
            [[ -z $version || $bin == */"$version"/bin ]] || continue
            newest=${newest:-$bin}
            if has_timescale "$bin"; then
                chosen=$bin
                break
            fi
        done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
        chosen=${chosen:-$newest}
    fi
    [[ -x $chosen/postgres && -x $chosen/initdb && -x $chosen/psql ]] ||
        fail "no programs of PostgreSQL${version:+ $version, which made the data,} in ${chosen:-/usr/lib/postgresql};" \
            "install postgresql${version:+-$version}, or name their folder: STARLING_POSTGRES_BIN" || return 1
    [[ -z $version || $("$chosen/postgres" --version) =~ \)\ ${version}[^0-9] ]] ||
        fail "the data in $RUN_DIR/postgres is of PostgreSQL $version, $chosen is not. Install postgresql-$version, or" \
            "remove the data (cluster/down --purge)" || return 1
    remember_server POSTGRES_BIN "$chosen"
}

# Makes the data, if there is none, and a new password, if that was lost.
init_postgres() {
    local data statement='ALTER ROLE starling'
    data=$(data_folder postgres) || return 1
    if [[ -e $RUN_DIR/postgres.unfinished || ! -s $data/PG_VERSION ]]; then
        [[ -e $RUN_DIR/postgres.unfinished || -z $(find "$data" -mindepth 1 -print -quit) ]] ||
            fail "$data holds something else than data of PostgreSQL; move it away, or use another STARLING_RUN_DIR" ||
            return 1
        statement='CREATE ROLE starling LOGIN'
        say "Making the database."
        : >"$RUN_DIR/postgres.unfinished" || return 1
    elif [[ -s $RUN_DIR/postgres.password ]]; then
        return 0
    fi
    # In a shell of its own: a trap of the caller's must not speak into the log.
    (make_database "$data" "$statement") >>"$RUN_DIR/postgres.log" 2>&1 || {
        show_log_tail postgres
        fail "PostgreSQL could not be set up in $data (limit $INIT_LIMIT s); the lines above say why"
        return 1
    }
    rm -f "$RUN_DIR/postgres.unfinished"
}

# A role and its database; the only way in is that role's password, from this machine. What still runs here after a crash
# of the script holds its lock, so that nobody starts anew meanwhile. Usage: make_database FOLDER CREATE|ALTER-ROLE
make_database() {
    local data=$1 statement=$2 bin password as_server
    bin=$(server_setting POSTGRES_BIN) && password=$(server_password postgres) && become_server postgres || return 1
    local lines=("$statement PASSWORD '$password';")
    if [[ $statement == CREATE* ]]; then
        lines+=('CREATE DATABASE starling OWNER starling;')
        "${as_server[@]}" find "$data" -mindepth 1 -delete || return 1
        "${as_server[@]}" timeout "$INIT_LIMIT" "$bin/initdb" -D "$data" --username=postgres --auth=reject \
            --encoding=UTF8 --locale=C --data-checksums --no-instructions </dev/null || return 1
        printf '%s\n' 'host starling starling 127.0.0.1/32 scram-sha-256' |
            "${as_server[@]}" tee "$data/pg_hba.conf" || return 1
    else
        clear_crash || return 1
    fi
    printf '%s\n' "${lines[@]}" |
        "${as_server[@]}" timeout "$INIT_LIMIT" "$bin/postgres" --single -D "$data" -c exit_on_error=on postgres
}

# The processes of the server whose data these are, whoever started it: all of them work in that folder.
postgres_processes() {
    local data process program
    data=$(data_folder postgres) || return 0
    for process in /proc/[0-9]*; do
        [[ $process/cwd -ef $data ]] || continue
        program=$(readlink "$process/exe") || continue
        [[ ${program% (deleted)} != */postgres ]] || echo "${process#/proc/}"
    done
}

# After a crash: waits for processes that outlived their parent, and drops the lock file, whose number may be another's
# by now; PostgreSQL would take that one for itself.
clear_crash() {
    local data as_server rest parent deadline=$((SECONDS + ORPHANS_LIMIT))
    data=$(data_folder postgres) && become_server postgres || return 1
    while rest=$(postgres_processes) && [[ -n $rest ]]; do
        if ((SECONDS >= deadline)); then
            parent=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || parent=
            grep -qx "${parent:-none}" <<<"$rest" || parent=$rest
            fail "a PostgreSQL that this cluster knows nothing of works on $data. Stop it, then try again:" \
                "kill -INT ${parent//$'\n'/ }" || return 1
        fi
        sleep 0.1
    done
    "${as_server[@]}" rm -f -- "$data/postmaster.pid"
}

launch_postgres() {
    local bin data port as_server options=()
    bin=$(server_setting POSTGRES_BIN) && data=$(data_folder postgres) && port=$(server_port postgres) || return 1
    become_server postgres && clear_crash || return 1
    if has_timescale "$bin"; then
        # It tells its makers about itself unless told not to.
        options=(-c shared_preload_libraries=timescaledb -c "max_worker_processes=$TIMESCALE_WORKERS"
            -c timescaledb.telemetry_level=off)
    fi
    launch postgres "${as_server[@]}" "$bin/postgres" -D "$data" -c listen_addresses=127.0.0.1 -c "port=$port" \
        -c unix_socket_directories= -c "max_connections=$POSTGRES_CONNECTIONS" -c timezone=UTC -c log_timezone=UTC \
        "${options[@]}"
}

# Does PostgreSQL take connections? Its lock file says so; connections that come earlier would fill its log.
postgres_ready() { [[ $(sed -n 8p "$RUN_DIR/postgres/postmaster.pid" 2>/dev/null) == ready* ]]; }

# Asks the database one thing. Usage: query SQL
query() {
    local bin port password
    bin=$(server_setting POSTGRES_BIN) && port=$(server_port postgres) && password=$(server_password postgres) || return 1
    PGPASSWORD=$password PGCONNECT_TIMEOUT=$SERVER_CALL_LIMIT env -u PGSERVICE -u PGOPTIONS -u PGSSLMODE \
        timeout "$SERVER_CALL_LIMIT" "$bin/psql" -X -A -t -w -h 127.0.0.1 -p "$port" -U starling -d starling -c "$1" \
        </dev/null 2>/dev/null
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

redis_answers() {
    local port password
    port=$(server_port redis) && password=$(server_password redis) || return 1
    [[ $(REDISCLI_AUTH=$password timeout "$SERVER_CALL_LIMIT" redis-cli -h 127.0.0.1 -p "$port" ping \
        </dev/null 2>/dev/null) == PONG ]]
}

# --- both ---------------------------------------------------------------------------------------------------------------

# Another's server on our port knows another password. Usage: server_answers NAME
server_answers() {
    case $1 in
    postgres) postgres_ready && [[ $(query 'SELECT 1') == 1 ]] ;;
    redis) redis_answers ;;
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
            fail "PostgreSQL runs and refuses role and password of $RUN_DIR/postgres.password. Remove that file, then" \
                "try again: a new password is set"
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

# Starts a server on the port it had, or on a free one if that is taken: the nodes do not run yet. Usage: start_anew NAME
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
    "launch_$1" && wait_server "$1"
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

# SIGTERM would have PostgreSQL wait for its clients. Usage: stop_signal NAME
stop_signal() { if [[ $1 == postgres ]]; then echo INT; else echo TERM; fi; }

stop_limit() { if is_server "$1"; then echo "$SERVER_STOP_LIMIT"; else echo "$STOP_LIMIT"; fi; }

# As a crash would: PostgreSQL's processes with their parent. Usage: kill_hard NAME PID
kill_hard() {
    local pids=("$2")
    if [[ $1 == postgres ]]; then mapfile -t -O 1 pids < <(postgres_processes); fi
    kill -KILL "${pids[@]}" 2>/dev/null || true
}
