# demo.sh: what quickstart shows. Sourced after say.sh and backend.sh; a backend runs.

DEMO_PORT='' DEMO_HTTP_PORT='' DEMO_PASSWORD='' DAEMON=''
DEMO_ARK=ark-milan.pem # what the simulated processor calls its root in attest_state_dir

# demo_start BUILD: the programs are copied, because who runs them may not be allowed into the source tree.
demo_start() {
    install -m 0755 "$1/pgvouch" "$1/vouch" "$SCRATCH/"
    DEMO_PORT=$(free_port "${PORT:-6432}")
    DEMO_HTTP_PORT=$(free_port 8432)
    DEMO_PASSWORD=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    demo_prepare_backend
    demo_configure
    service "$SCRATCH/pgvouch.log" "${RUN_AS[@]}" env -C "$SCRATCH" "$SCRATCH/pgvouch" "$SCRATCH/pgvouch.ini"
    DAEMON=$GROUP
    demo_await
    say "   pgvouch listens on 127.0.0.1:$DEMO_PORT with the SIMULATED attestation provider."
    say ""
    say "   *** Simulated attestation protects nothing: a program plays the processor, and its key is a file. ***"
    say "   *** It is there to try things out. Real evidence needs a confidential VM with AMD SEV-SNP.        ***"
}

demo_prepare_backend() {
    local database
    backend_sql "CREATE USER demo"
    for database in demo vault; do
        backend_sql "CREATE DATABASE $database"
        if [[ $BACKEND_ADMIN == root ]]; then
            backend_sql "GRANT ALL ON DATABASE $database TO demo"
        else
            # Since PostgreSQL 15 only the owner may make tables in the schema public.
            backend_sql "ALTER DATABASE $database OWNER TO demo"
        fi
    done
}

demo_configure() {
    local database
    printf '"demo" "%s"\n' "$DEMO_PASSWORD" >"$SCRATCH/userlist.txt"
    cat >"$SCRATCH/hba.conf" <<HBA
# Whoever wants the database vault must show evidence that policy "strict" allows.
hostssl vault all 127.0.0.1/32 scram-sha-256 attest=strict
hostssl all   all 127.0.0.1/32 scram-sha-256
HBA
    cat >"$SCRATCH/policy.yaml" <<POLICY
version: "1.0"
measurements:
  expected: "544553545f4d4541535552454d454e545f56414c49445f30303100000000000000000000000000000000000000000000"
  mode: strict
tcb:
  min_version: "1.51.0"
  mode: strict
guest:
  debug_disabled: true
  smt_disabled: true
  min_guest_svn: 1
  mode: strict
nonce:
  max_age: 5m
  required: true
  min_length: 16
certificates:
  verify_chain: true
  verify_signature: true
  allow_simulated: true       # for this demonstration only
  trusted_arks: ["$SCRATCH/state/$DEMO_ARK"]
POLICY
    {
        printf '[databases]\n'
        for database in demo vault; do
            printf '%s = host=%s port=%s dbname=%s user=demo\n' \
                "$database" "$BACKEND_HOST" "$BACKEND_PORT" "$database"
        done
        cat <<INI
[policies]
strict = $SCRATCH/policy.yaml

[pgvouch]
listen_addr = 127.0.0.1
listen_port = $DEMO_PORT
unix_socket_dir =
http_listen = 127.0.0.1:$DEMO_HTTP_PORT
pool_mode = transaction
auth_type = hba
auth_hba_file = $SCRATCH/hba.conf
auth_file = $SCRATCH/userlist.txt
stats_users = demo
client_tls_sslmode = require
client_tls_protocols = tlsv1.3
attest_provider = simulated
attest_required = 1
attest_san = localhost, 127.0.0.1
attest_ca_file = $SCRATCH/ca.pem
attest_state_dir = $SCRATCH/state
attest_log = $SCRATCH/attest.log
INI
    } >"$SCRATCH/pgvouch.ini"
    demo_hand_over
}

# The files belong to whoever runs the servers.
demo_hand_over() {
    chmod 0600 "$SCRATCH/userlist.txt"
    chown --reference="$SCRATCH" "$SCRATCH"/{userlist.txt,hba.conf,policy.yaml,pgvouch.ini}
}

demo_await() {
    local deadline=$((SECONDS + 60))
    printf '   making the keys of the simulated processor, and starting ...'
    until [[ -s $SCRATCH/ca.pem ]] && (: <"/dev/tcp/127.0.0.1/$DEMO_PORT") 2>/dev/null; do
        if ((SECONDS >= deadline)) || ! process_lives "$DAEMON"; then
            printf ' failed\n'
            tail -n 20 "$SCRATCH/pgvouch.log" >&2
            die "pgvouch did not start; the end of its log stands above"
        fi
        sleep 0.1
    done
    printf ' done\n'
}

demo_connection() { # DATABASE [more]
    printf 'host=localhost port=%s dbname=%s user=demo sslmode=verify-full sslrootcert=%s%s' \
        "$DEMO_PORT" "$1" "$SCRATCH/ca.pem" "${2:+ $2}"
}

# shown COMMAND...: prints a command as one would type it, then its output, indented.
shown() {
    printf '   $'
    printf ' %q' "$@" | sed "s/\\\\ / /g"
    printf '\n'
    "$@" 2>&1 | sed 's/^/     /'
}

# demo_psql CONNECTION SQL
demo_psql() {
    say "   \$ psql \"$1\" -c \"$2\""
    PGPASSWORD=$DEMO_PASSWORD PGCONNECT_TIMEOUT=20 psql --no-psqlrc "$1" -P pager=off -c "$2" 2>&1 | sed 's/^/     /'
}

demo_query() {
    say "   psql checks the server's name against the CA that was made inside the (simulated) confidential VM."
    demo_psql "$(demo_connection demo)" "CREATE TABLE hello (id int PRIMARY KEY, word text)"
    demo_psql "$(demo_connection demo)" "INSERT INTO hello VALUES (1, 'attested'), (2, 'TLS')"
    demo_psql "$(demo_connection demo)" "SELECT id, word FROM hello ORDER BY id"
    say "   \$ psql ... -c '\\conninfo'"
    PGPASSWORD=$DEMO_PASSWORD psql --no-psqlrc "$(demo_connection demo)" -c '\conninfo' 2>&1 | sed 's/^/     /'
}

demo_verify() {
    shown "$SCRATCH/vouch" verify "localhost:$DEMO_PORT" --policy "$SCRATCH/policy.yaml" --ca "$SCRATCH/ca.pem"
}

demo_mutual() {
    say "   Without evidence the database vault is closed, whatever the password:"
    if demo_psql "$(demo_connection vault)" "SELECT 'never seen'"; then
        die "a client without evidence was let in"
    fi
    say ""
    say "   With a certificate that carries evidence, made for a nonce of this server, stock psql is let in:"
    shown "$SCRATCH/vouch" cert --out "$SCRATCH/client" --cn demo --state-dir "$SCRATCH/state" \
        --nonce-url "http://127.0.0.1:$DEMO_HTTP_PORT/api/v1/nonce"
    demo_psql "$(demo_connection vault "sslcert=$SCRATCH/client/client.crt sslkey=$SCRATCH/client/client.key")" \
        "SELECT 'both sides are attested' AS vault"
}

demo_attestations() {
    demo_psql "$(demo_connection pgvouch)" "SHOW ATTESTATIONS"
}

demo_how_to_connect() {
    say "   export PGPASSWORD=$DEMO_PASSWORD"
    say "   psql \"$(demo_connection demo)\""
    say "   psql \"$(demo_connection vault "sslcert=$SCRATCH/client/client.crt sslkey=$SCRATCH/client/client.key")\""
    say "   psql \"$(demo_connection pgvouch)\" -c 'SHOW HELP'            the console"
    say "   Other drivers take the same words: host, port, dbname, user, sslmode, sslrootcert."
    say "   Verdicts: $SCRATCH/attest.log; log: $SCRATCH/pgvouch.log; configuration: $SCRATCH/pgvouch.ini"
    say "   Remember: simulated attestation protects nothing."
}
