# backend.sh: a scratch database server: a real cockroach where there is one, else PostgreSQL. Sourced after say.sh.
#
# Afterwards: $BACKEND_NAME for people, $BACKEND_HOST and $BACKEND_PORT to connect to, $BACKEND_ADMIN its superuser, who
# needs no password.

BACKEND_NAME='' BACKEND_HOST='' BACKEND_PORT='' BACKEND_ADMIN=''

# Servers run without root's rights: as whoever called sudo, else as nobody. Sets $RUN_AS, to stand before a command.
RUN_AS=()
choose_user() {
    local uid gid
    ((EUID == 0)) || return 0
    uid=${SUDO_UID:-$(id -u nobody)}
    ((uid != 0)) || uid=$(id -u nobody)
    gid=$(id -g "$uid" 2>/dev/null) || gid=$(id -g nobody)
    RUN_AS=(setpriv "--reuid=$uid" "--regid=$gid" --clear-groups --inh-caps=-all env HOME=/nonexistent)
    chown "$uid:$gid" "$SCRATCH"
}

# The newest installed PostgreSQL server's programs.
postgres_programs() {
    local folder
    folder=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5 -V | tail -n 1)
    if [[ -x $folder/initdb ]]; then
        printf '%s\n' "$folder"
    elif command -v initdb >/dev/null; then
        dirname "$(command -v initdb)"
    else
        return 1
    fi
}

cockroach_program() {
    if [[ -n ${COCKROACH:-} ]]; then
        [[ -x $COCKROACH ]] || die "\$COCKROACH is \"$COCKROACH\", which is not a program"
        printf '%s\n' "$COCKROACH"
    else
        command -v cockroach
    fi
}

# A TCP port of 127.0.0.1 on which nothing listens: the wanted one, else one by chance.
free_port() {
    local port=$1 tries=0
    while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        tries=$((tries + 1))
        ((tries < 100)) || die "found no free port"
        port=$((20000 + RANDOM))
    done
    printf '%s\n' "$port"
}

# postgres_start [name=value...]: a cluster in the scratch directory, on a Unix socket alone.
# shellcheck disable=SC2120 # the benchmark gives settings, the quick start none
postgres_start() {
    local bin setting
    local -a settings=()
    bin=$(postgres_programs) || die "PostgreSQL's server was not found: apt install postgresql"
    step "making a scratch PostgreSQL database" "${RUN_AS[@]}" "$bin/initdb" --pgdata="$SCRATCH/postgres" \
        --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync || die "initdb failed"
    for setting in listen_addresses= unix_socket_directories="$SCRATCH" fsync=off "$@"; do
        settings+=(-c "$setting")
    done
    service "$SCRATCH/postgres.log" "${RUN_AS[@]}" "$bin/postgres" -D "$SCRATCH/postgres" "${settings[@]}"
    BACKEND_NAME=$("$bin/postgres" --version) BACKEND_HOST=$SCRATCH BACKEND_PORT=5432 BACKEND_ADMIN=postgres
    backend_await "$SCRATCH/postgres.log"
}

# cockroach_start PROGRAM: one insecure node on the loopback interface, its data in memory.
cockroach_start() {
    local program=$1 url
    local -a start=(start-single-node)
    "$program" start-single-node --help >/dev/null 2>&1 || start=(start) # before version 19.2
    service "$SCRATCH/cockroach.log" "${RUN_AS[@]}" env -C "$SCRATCH" "$program" "${start[@]}" --insecure \
        --listen-addr=127.0.0.1:0 --http-addr=127.0.0.1:0 --store=type=mem,size=640MiB \
        --listening-url-file="$SCRATCH/cockroach.url"
    await 60 "cockroach (see its log in the scratch directory)" test -s "$SCRATCH/cockroach.url"
    url=$(<"$SCRATCH/cockroach.url")
    BACKEND_PORT=${url##*127.0.0.1:}
    BACKEND_PORT=${BACKEND_PORT%%[!0-9]*}
    BACKEND_NAME=$("$program" version | sed -n 's/^Build Tag: */CockroachDB /p')
    BACKEND_HOST=127.0.0.1 BACKEND_ADMIN=root
    backend_await "$SCRATCH/cockroach.log"
}

# backend_await LOG
backend_await() {
    local deadline=$((SECONDS + 60))
    until backend_sql "SELECT 1" >/dev/null 2>&1; do
        if ((SECONDS >= deadline)) || ! process_lives "${SERVICES[-1]}"; then
            tail -n 20 "$1" >&2
            die "the scratch database server did not start; the end of its log stands above"
        fi
        sleep 0.1
    done
}

# backend_sql SQL: as its superuser, directly.
backend_sql() {
    PGCONNECT_TIMEOUT=10 psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 \
        --dbname="host=$BACKEND_HOST port=$BACKEND_PORT user=$BACKEND_ADMIN dbname=$(backend_own_database) sslmode=disable" --command="$1"
}

backend_own_database() {
    if [[ $BACKEND_ADMIN == root ]]; then
        echo defaultdb
    else
        echo postgres
    fi
}
