# shellcheck shell=bash disable=SC2034
# The private PostgreSQL of a cluster that keeps its readings in servers. servers.sh reads this; it runs nothing.
#
# One role may log in, owner of one database. The superuser has no password and no way in.

# Limits in seconds, and one in tries.
INIT_LIMIT=120
ORPHANS_LIMIT=10
REFUSALS_MAX=20

# A node keeps a few connections.
POSTGRES_CONNECTIONS=$((NODES_MAX * 6 + 50))
# What TimescaleDB asks for: its 16 background workers, 8 parallel ones, 3 for itself.
TIMESCALE_WORKERS=27

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
