"""The console's tables, and who may look and act."""


import psycopg
import pytest

from support import raw
from support.console import USERS, Console, console, in_background, pooler, start  # noqa: F401: fixtures
from support.process import await_condition
from support.raw import query, types_of

SOCKET_COLUMNS = ["type", "user", "database", "replication", "state", "addr", "port", "local_addr", "local_port",
                  "connect_time", "request_time", "wait", "wait_us", "close_needed", "ptr", "link", "remote_pid", "tls",
                  "application_name", "prepared_statements", "id"]
TOTALS = ["total_xact_count", "total_query_count", "total_server_assignment_count", "total_server_closed_count",
          "total_received", "total_sent", "total_xact_time", "total_query_time", "total_wait_time",
          "total_server_lifetime", "total_client_parse_count", "total_server_parse_count", "total_bind_count"]
AVERAGES = ["avg_xact_count", "avg_query_count", "avg_server_assignment_count", "avg_recv", "avg_sent", "avg_xact_time",
            "avg_query_time", "avg_wait_time", "avg_server_lifetime", "avg_client_parse_count",
            "avg_server_parse_count", "avg_bind_count"]
# As PgBouncer's usage page names and orders them; what is ours may follow.
COLUMNS = {
    "VERSION": ["version"],
    "CONFIG": ["key", "value", "default", "changeable"],
    "STATE": ["key", "value"],
    "LISTS": ["list", "items"],
    "MEM": ["name", "size", "used", "free", "memtotal"],
    "PEERS": ["peer_id", "host", "port", "pool_size"],
    "CLIENTS": SOCKET_COLUMNS,
    "SERVERS": SOCKET_COLUMNS,
    "SOCKETS": SOCKET_COLUMNS,
    "ACTIVE_SOCKETS": SOCKET_COLUMNS,
    "STATS": ["database", *TOTALS, *AVERAGES],
    "STATS_TOTALS": ["database", *TOTALS],
    "STATS_AVERAGES": ["database", *AVERAGES],
    "TOTALS": ["name", "value"],
    "POOLS": ["database", "user", "cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req",
              "sv_active", "sv_active_cancel", "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login",
              "maxwait", "maxwait_us", "pool_mode", "load_balance_hosts"],
    "DATABASES": ["name", "host", "port", "database", "force_user", "pool_size", "min_pool_size", "reserve_pool_size",
                  "server_lifetime", "pool_mode", "load_balance_hosts", "max_connections", "current_connections",
                  "max_client_connections", "current_client_connections", "paused", "disabled"],
    "USERS": ["name", "pool_size", "reserve_pool_size", "pool_mode", "max_user_connections", "current_connections",
              "max_user_client_connections", "current_client_connections"],
    "ATTESTATIONS": ["time", "id", "role", "user", "database", "address", "verdict", "reason", "policy", "format",
                     "tier", "product", "measurement", "chip_id", "tcb", "guest_svn", "debug", "smt", "evidence_age",
                     "evidence_sha256", "duration_us"],
    "EVIDENCE": ["provider", "simulated", "product", "measurement"],
    "POLICIES": ["name", "file", "version", "sha256", "loaded_at"],
    "KDS": ["url", "offline", "cache_dir", "requests", "fetched", "missing", "throttled", "failed", "refused"],
}


# ---- tables ----

@pytest.mark.parametrize("name", COLUMNS)
def test_tables_have_pgbouncers_columns_in_its_order(start, name):
    with Console(start()) as console:
        columns = [column.name for column in console.run(f"SHOW {name}").description]
    assert columns[:len(COLUMNS[name])] == COLUMNS[name]


@pytest.mark.parametrize("database", ["pgvouch", "pgbouncer"])
def test_both_names_lead_to_the_console(start, database):
    with Console(start(), dbname=database) as console:
        assert console.table("SHOW VERSION;")[0]["version"].startswith("PgVouch ")


def test_help_is_a_notice(start):
    notices = []
    with Console(start()) as console:
        console.connection.add_notice_handler(lambda one: notices.append((one.message_primary, one.message_detail)))
        assert console.run("SHOW HELP").statusmessage == "SHOW"
    (primary, detail), = notices
    assert primary == "Console usage" and "SHOW ATTESTATION 'id'" in detail


def test_config_tells_value_default_and_whether_it_can_change(start):
    with Console(start(default_pool_size=7)) as console:
        assert console.row("SHOW CONFIG", key="default_pool_size") == {
            "key": "default_pool_size", "value": "7", "default": "20", "changeable": "yes"}
        assert console.row("SHOW CONFIG", key="listen_port")["changeable"] == "no"
        assert console.row("SHOW CONFIG", key="job_name")["value"] == "pgvouch"


def test_secrets_are_not_shown(start):
    with Console(start(auth_ldap_options="ldapbindpasswd=hush")) as console:
        assert console.row("SHOW CONFIG", key="auth_ldap_options")["value"] == "******"


def test_pools_count_active_waiting_and_idle(pooler, console):
    console.run("SET default_pool_size = 1")
    with pooler.session() as one, pooler.session() as other:
        one.rows("BEGIN")
        other.send(query("SELECT 1"))
        await_condition(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == 1, "a waiting client")
        pool = console.row("SHOW POOLS", database="app")
        assert (pool["user"], pool["cl_active"], pool["sv_active"], pool["sv_idle"]) == ("app", 1, 1, 0)
        assert pool["maxwait"] * 1000000 + pool["maxwait_us"] > 0
        assert pool["pool_mode"] == "transaction"
        one.rows("COMMIT")
        other.until("Z")
        pool = console.row("SHOW POOLS", database="app")
        assert (pool["cl_active"], pool["cl_waiting"], pool["sv_active"], pool["sv_idle"]) == (2, 0, 0, 1)
        assert (pool["maxwait"], pool["maxwait_us"]) == (0, 0)
    console_row = console.row("SHOW POOLS", database="pgbouncer")
    assert (console_row["cl_active"], console_row["pool_mode"]) == (1, "statement")


def test_clients_and_servers_name_each_other(pooler, console):
    with pooler.session(application_name="mine") as session:
        session.rows("BEGIN")
        server_pid = session.value("SELECT pg_backend_pid()")
        client = console.row("SHOW CLIENTS", database="app")
        server = console.row("SHOW SERVERS", database="app")
        assert client["state"] == server["state"] == "active"
        assert client["link"] == server["ptr"] and server["link"] == client["ptr"]
        assert client["application_name"] == server["application_name"] == "mine"
        assert str(server["remote_pid"]) == server_pid
        assert (client["addr"], client["local_port"], client["type"]) == ("127.0.0.1", pooler.port, "C")
        assert (client["port"], server["type"], client["tls"]) == (session.socket.getsockname()[1], "S", "")
        assert len(console.table("SHOW ACTIVE_SOCKETS")) == 3
        session.rows("COMMIT")
        assert console.row("SHOW CLIENTS", database="app")["state"] == "idle"
        assert console.row("SHOW SERVERS", database="app")["state"] == "idle"
        assert len(console.table("SHOW SOCKETS")) == 3


def test_a_console_stands_among_the_clients(console):
    own = console.row("SHOW CLIENTS", user="dba")
    assert (own["database"], own["state"]) == ("pgvouch", "active")


def test_databases_show_limits_and_use(start, postgres, database):
    databases = {"one": postgres.target(database) + " pool_size=3 max_db_connections=9 pool_mode=statement",
                 "*": postgres.target(database)}
    pooler = start(databases=databases, users={**USERS, "app": ""})
    with Console(pooler) as console, pooler.session(database="other") as session:
        session.rows("SELECT 1")
        one = console.row("SHOW DATABASES", name="one")
        assert (one["database"], one["pool_size"], one["max_connections"]) == (database, 3, 9)
        assert (one["pool_mode"], one["current_connections"], one["paused"], one["disabled"]) == ("statement", 0, 0, 0)
        other = console.row("SHOW DATABASES", name="other")
        assert (other["current_connections"], other["current_client_connections"]) == (1, 1)
        assert other["pool_mode"] is None
        assert console.row("SHOW DATABASES", name="pgbouncer")["current_client_connections"] == 1


def test_users_show_who_is_known_and_what_they_use(start):
    pooler = start(sections={"users": {"app": "pool_mode=session max_user_connections=4"}})
    with Console(pooler) as console, pooler.session() as session:
        session.rows("SELECT 1")
        assert [row["name"] for row in console.table("SHOW USERS")] == ["app", "dba", "watcher"]
        user = console.row("SHOW USERS", name="app")
        assert (user["pool_mode"], user["max_user_connections"]) == ("session", 4)
        assert (user["current_connections"], user["current_client_connections"]) == (1, 1)
        assert user["pool_size"] is None


def test_lists_count(pooler, console):
    with pooler.session() as session:
        session.rows("SELECT 1")
        lists = {row["list"]: row["items"] for row in console.table("SHOW LISTS")}
    assert (lists["databases"], lists["pools"], lists["used_clients"], lists["used_servers"]) == (2, 2, 2, 1)
    assert (lists["users"], lists["login_clients"]) == (3, 0)


def test_statistics_are_exact_over_all_threads(pooler, console):
    def work():
        with pooler.session() as session:
            for _ in range(20):
                session.rows("SELECT 1")
            session.rows("BEGIN")
            session.rows("SELECT 1")
            session.rows("COMMIT")

    joins = [in_background(work) for _ in range(8)]
    for join in joins:
        join()
    stats = console.row("SHOW STATS", database="app")
    assert (stats["total_query_count"], stats["total_xact_count"]) == (8 * 23, 8 * 21)
    assert stats["total_login_count"] == 8
    assert stats["total_received"] > 0 and stats["total_sent"] > stats["total_query_count"]
    totals = {row["name"]: row["value"] for row in console.table("SHOW TOTALS")}
    assert totals["total_query_count"] == 8 * 23
    assert console.row("SHOW STATS_TOTALS", database="app")["total_xact_count"] == 8 * 21


def test_averages_and_the_log_line_come_every_period(start):
    pooler = start(stats_period=1)
    with Console(pooler) as console, pooler.session() as session:
        def averaged():
            for _ in range(50):
                session.rows("SELECT 1")
            return console.row("SHOW STATS_AVERAGES", database="app")["avg_query_count"] > 0
        await_condition(averaged, "an average")
        assert console.row("SHOW STATS", database="app")["avg_query_time"] > 0
    pooler.await_log("LOG stats: ")
    assert " xacts/s, " in pooler.log and " B/s, xact " in pooler.log


def test_the_log_line_can_be_turned_off(start):
    pooler = start(stats_period=1, log_stats=0)
    with Console(pooler) as console, pooler.session() as session:
        def averaged():
            session.rows("SELECT 1")
            return console.row("SHOW STATS", database="app")["avg_sent"] > 0
        await_condition(averaged, "an average")
    assert "stats: " not in pooler.log


def test_a_large_table_arrives_whole(start):
    pooler = start(max_client_conn=400)
    sessions = [pooler.session(application_name="x" * 60) for _ in range(300)]
    with Console(pooler) as console:
        rows = console.table("SHOW CLIENTS")
    assert len(rows) == 301 and len({row["id"] for row in rows}) == 301
    for session in sessions:
        session.close()


# ---- rights ----

@pytest.mark.parametrize("command", ["RELOAD", "PAUSE", "RESUME", "KILL", "KILL_CLIENT 1", "RECONNECT", "WAIT_CLOSE",
                                     "DISABLE app", "ENABLE app", "SHUTDOWN", "SHUTDOWN WAIT_FOR_CLIENTS",
                                     "SET verbose = 1"])
def test_stats_users_may_only_look(start, command):
    with Console(start(), user="watcher") as console:
        assert console.refusal(command) == ("42501", "admin access needed")
        assert console.table("SHOW VERSION")


def test_others_are_not_let_in(start):
    with pytest.raises(psycopg.OperationalError, match="not allowed"):
        Console(start(), user="app")


def test_a_stats_user_may_not_use_the_extended_protocol_for_more(start):
    with start().session(user="watcher", database="pgvouch") as session:
        session.send(raw.extended("PAUSE"))
        assert types_of(session.until("Z")) == "12nEZ"
