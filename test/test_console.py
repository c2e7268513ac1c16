"""The console: its tables, its commands, who may run them, and drivers of every kind reading it."""

import asyncio
import os
import socket
import struct
import subprocess
import threading

import asyncpg
import psycopg
import psycopg2
import pytest

from support import raw
from support.process import await_condition
from support.raw import bind, close, describe, execute, parse, query, rows_of, types_of

USERS = {"app": "", "dba": "", "watcher": ""}

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


@pytest.fixture
def start(pgvouch):
    def start(**settings):
        return pgvouch(**{"users": USERS, "admin_users": "dba", "stats_users": "watcher", **settings})
    return start


@pytest.fixture
def pooler(start, threads):
    return start(threads=threads, pool_mode="transaction")


class Console:
    """A session of psycopg 3 on the console, simple protocol."""

    def __init__(self, pooler, user="dba", dbname="pgvouch"):
        self.connection = psycopg.connect(pooler.conninfo(user=user, dbname=dbname), autocommit=True,
                                          cursor_factory=psycopg.ClientCursor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def run(self, sql):
        return self.connection.execute(sql)

    def table(self, sql):
        """Rows as dicts."""
        cursor = self.run(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def row(self, sql, **wanted):
        """The one row that has these values."""
        found = [row for row in self.table(sql) if all(row[name] == value for name, value in wanted.items())]
        assert len(found) == 1, f"{sql}: {len(found)} rows have {wanted}"
        return found[0]

    def refusal(self, sql):
        with pytest.raises(psycopg.Error) as error:
            self.run(sql)
        return error.value.sqlstate, error.value.diag.message_primary


def local_port(console):
    with socket.socket(fileno=os.dup(console.connection.fileno())) as copy:
        return copy.getsockname()[1]


@pytest.fixture
def console(pooler):
    with Console(pooler) as console:
        yield console


def in_background(task):
    """Runs it on a thread; join() gives its value or raises what it raised."""
    outcome = {}

    def run():
        try:
            outcome["value"] = task()
        except Exception as error:  # noqa: BLE001: raised again below
            outcome["error"] = error

    thread = threading.Thread(target=run)
    thread.start()

    def join(seconds=20):
        thread.join(seconds)
        assert not thread.is_alive(), "it still waits"
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]
    return join


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


# ---- commands ----

@pytest.mark.parametrize("command", ["SELECT 1", "FOO BAR", "SHOW", "SHOW NOTHING", "SHOW FDS", "RELOAD NOW"])
def test_what_is_no_command_is_refused(start, command):
    with Console(start()) as console:
        assert console.refusal(command) == ("42601", f"invalid command '{command}', use SHOW HELP;")
        assert console.table("SHOW VERSION")


def test_statements_run_one_after_another_up_to_an_error(start):
    with start().session(user="dba", database="pgvouch") as session:
        assert types_of(session.run("SHOW VERSION; SHOW STATE; nonsense; RELOAD")) == "TDCTDDDDCEZ"
        assert types_of(session.run("")) == "IZ"
        assert types_of(session.run("-- ping")) == "IZ"
        assert types_of(session.run(";;SHOW VERSION;;")) == "TDCZ"


def test_reload_takes_a_changed_file(pooler, console):
    pooler.settings["default_pool_size"] = 3
    pooler.write_configuration()
    assert console.run("RELOAD").statusmessage == "RELOAD"
    await_condition(lambda: console.row("SHOW CONFIG", key="default_pool_size")["value"] == "3", "the new value")


def test_reload_of_a_bad_file_tells_where_and_changes_nothing(pooler, console):
    pooler.settings["default_pool_size"] = "many"
    pooler.write_configuration()
    sqlstate, text = console.refusal("RELOAD")
    assert "pgvouch.ini:" in text and "default_pool_size" in text
    assert console.row("SHOW CONFIG", key="default_pool_size")["value"] == "20"
    with pooler.session() as session:
        assert session.value("SELECT 1") == "1"


def test_set_changes_a_setting_until_the_next_reload(pooler, console):
    def value():
        return console.row("SHOW CONFIG", key="query_wait_timeout")["value"]
    assert console.run("SET query_wait_timeout = '7'").statusmessage == "SET"
    await_condition(lambda: value() == "7", "the new value")
    console.run("RELOAD")
    await_condition(lambda: value() == "120", "the file's value")


@pytest.mark.parametrize("command, text", [
    ("SET nothing = 1", "unknown parameter: nothing"),
    ("SET listen_port = 1", "listen_port cannot be changed while running"),
    ("SET verbose = many", 'invalid value "many" for parameter verbose: expected a whole number between 0 and 9'),
])
def test_set_refuses_what_cannot_be(start, command, text):
    with Console(start()) as console:
        assert console.refusal(command)[1] == text


def test_set_holds_for_new_pools_at_once(pooler, console):
    console.run("SET max_db_connections = 1")
    await_condition(lambda: console.row("SHOW DATABASES", name="app")["max_connections"] == 1, "the limit")
    with pooler.session() as one, pooler.session() as other:
        one.rows("BEGIN")
        other.send(query("SELECT 1"))
        await_condition(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == 1, "the limit to hold")
        one.rows("COMMIT")
        other.until("Z")


def test_pause_waits_for_transactions_and_resume_goes_on(pooler, console):
    with pooler.session() as session, Console(pooler) as pausing:
        session.rows("BEGIN")
        join = in_background(lambda: pausing.run("PAUSE").statusmessage)
        await_condition(lambda: console.row("SHOW STATE", key="paused")["value"] == "yes", "PAUSE to begin")
        session.rows("SELECT 1")
        assert console.row("SHOW SERVERS", database="app")["state"] == "active"
        session.rows("COMMIT")
        assert join() == "PAUSE"
        assert console.table("SHOW SERVERS") == []
        assert console.refusal("PAUSE") == ("55000", "already suspended/paused")
        session.send(query("SELECT 42"))
        await_condition(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == 1, "a waiting client")
        console.run("RESUME")
        assert rows_of(session.until("Z")) == [["42"]]
        assert console.refusal("RESUME") == ("55000", "pooler is not paused/suspended")


def test_pause_of_one_database_leaves_the_others(start, postgres, database):
    pooler = start(databases={"app": postgres.target(), "other": postgres.target(database)})
    with Console(pooler) as console, pooler.session() as session:
        console.run("PAUSE other")
        assert console.row("SHOW DATABASES", name="other")["paused"] == 1
        assert console.row("SHOW DATABASES", name="app")["paused"] == 0
        assert session.value("SELECT 1") == "1"
        console.run("RESUME other")
        assert console.row("SHOW DATABASES", name="other")["paused"] == 0


def test_who_leaves_while_a_pause_waits_harms_nothing(pooler, console):
    with pooler.session() as session:
        session.rows("BEGIN")
        with pooler.session(user="dba", database="pgvouch") as leaving:
            leaving.send(query("PAUSE"))
            await_condition(lambda: console.row("SHOW STATE", key="paused")["value"] == "yes", "PAUSE to begin")
            assert len(console.table("SHOW CLIENTS")) == 3
        await_condition(lambda: len(console.table("SHOW CLIENTS")) == 2, "the console to be gone")
        session.rows("COMMIT")
        await_condition(lambda: console.table("SHOW SERVERS") == [], "the pause")
        console.run("RESUME")
        assert session.value("SELECT 1") == "1"


def test_a_pause_ends_with_an_error_when_another_resumes(pooler, console):
    with pooler.session() as session, Console(pooler) as pausing:
        session.rows("BEGIN")
        join = in_background(lambda: pausing.refusal("PAUSE"))
        await_condition(lambda: console.row("SHOW STATE", key="paused")["value"] == "yes", "PAUSE to begin")
        console.run("RESUME")
        assert join() == ("55000", "PAUSE was ended by RESUME")
        session.rows("COMMIT")


@pytest.mark.parametrize("command", ["PAUSE", "RESUME", "KILL", "RECONNECT", "WAIT_CLOSE", "DISABLE", "ENABLE"])
def test_an_unknown_database_is_named(start, command):
    with Console(start()) as console:
        assert console.refusal(f"{command} nosuch") == ("3D000", "no such database: nosuch")
        assert console.refusal(f"{command} pgbouncer")[0] == "3D000"


def test_kill_drops_clients_and_links_of_a_database(pooler, console):
    with pooler.session() as session, pooler.session() as idle:
        session.rows("BEGIN")
        console.run("KILL app")
        assert session.error().sqlstate == "57P01"
        assert idle.error().text == "admin forced disconnect"
        assert console.table("SHOW SERVERS") == []
        assert console.row("SHOW DATABASES", name="app")["paused"] == 1
    console.run("RESUME app")
    with pooler.session() as session:
        assert session.value("SELECT 1") == "1"


def test_kill_client_ends_one(pooler, console):
    with pooler.session() as victim, pooler.session() as other:
        victim_port = victim.socket.getsockname()[1]
        number = console.row("SHOW CLIENTS", port=victim_port)["id"]
        assert console.run(f"KILL_CLIENT {number}").statusmessage == "KILL_CLIENT"
        assert victim.error().sqlstate == "57P01"
        assert other.value("SELECT 1") == "1"
        assert console.refusal(f"KILL_CLIENT {number}") == ("42704", "client not found")
        assert console.refusal("KILL_CLIENT x") == ("22023", "invalid client id")


def test_kill_client_ends_a_console_too_even_ones_own(pooler, console):
    with Console(pooler) as other:
        number = other.row("SHOW CLIENTS", port=local_port(other))["id"]
        console.run(f"KILL_CLIENT {number}")
        with pytest.raises(psycopg.OperationalError, match="admin forced disconnect"):
            other.run("SHOW VERSION")
    number = console.row("SHOW CLIENTS", user="dba")["id"]
    with pytest.raises(psycopg.OperationalError, match="admin forced disconnect"):
        console.run(f"KILL_CLIENT {number}")
    with Console(pooler) as again:
        assert len(again.table("SHOW CLIENTS")) == 1


def test_reconnect_replaces_links_and_wait_close_waits_for_that(pooler, console):
    with pooler.session() as session, Console(pooler) as waiting:
        session.rows("BEGIN")
        before = session.value("SELECT pg_backend_pid()")
        console.run("RECONNECT app")
        assert console.row("SHOW SERVERS", database="app")["close_needed"] == 1
        join = in_background(lambda: waiting.run("WAIT_CLOSE app").statusmessage)
        assert session.value("SELECT pg_backend_pid()") == before
        session.rows("COMMIT")
        assert join() == "WAIT_CLOSE"
        assert session.value("SELECT pg_backend_pid()") != before
        assert console.run("WAIT_CLOSE").statusmessage == "WAIT_CLOSE"


def test_disable_refuses_new_clients_until_enable(pooler, console):
    with pooler.session() as session:
        console.run("DISABLE app")
        assert session.value("SELECT 1") == "1"
        with pooler.raw() as refused:
            refused.send(raw.startup({"user": "app", "database": "app"}))
            assert refused.message().type == "R"
            assert refused.error().text == "database does not allow connections"
        console.run("ENABLE app")
        with pooler.session() as again:
            assert again.value("SELECT 1") == "1"


def test_shutdown_answers_and_ends_the_process(pooler, console):
    assert console.run("SHUTDOWN").statusmessage == "SHUTDOWN"
    await_condition(lambda: not pooler.process.lives, "the end")
    assert pooler.process.popen.returncode == 0
    pooler.stopped = True


def test_shutdown_wait_for_clients_waits_for_the_last_but_not_for_consoles(pooler, console):
    with pooler.session() as session:
        assert console.run("SHUTDOWN WAIT_FOR_CLIENTS").statusmessage == "SHUTDOWN"
        assert console.refusal("SHUTDOWN WAIT_FOR_SERVERS") == ("55000", "already shutting down")
        assert console.refusal("PAUSE") == ("57P01", "pooler is shutting down")
        assert console.row("SHOW STATE", key="shutting_down")["value"] == "yes"
        assert session.value("SELECT 1") == "1"
        assert pooler.process.lives
    await_condition(lambda: not pooler.process.lives, "the end")
    assert pooler.process.popen.returncode == 0
    pooler.stopped = True


def test_shutdown_wait_for_servers_waits_for_transactions(pooler, console):
    with pooler.session() as session:
        session.rows("BEGIN")
        console.run("SHUTDOWN WAIT_FOR_SERVERS")
        assert session.value("SELECT 1") == "1"
        session.send(query("COMMIT"))
        assert types_of(session.until("Z")) == "CZ"
    await_condition(lambda: not pooler.process.lives, "the end")
    assert pooler.process.popen.returncode == 0
    pooler.stopped = True


def test_consoles_that_wait_are_ended_by_the_process(pooler, console):
    with pooler.session() as session, pooler.session(user="dba", database="pgvouch") as waiting:
        session.rows("BEGIN")
        waiting.send(query("PAUSE"))
        await_condition(lambda: console.row("SHOW STATE", key="paused")["value"] == "yes", "PAUSE to begin")
        console.run("SHUTDOWN")
        assert waiting.error().sqlstate == "57P01"
        assert waiting.is_closed()
    await_condition(lambda: not pooler.process.lives, "the end")
    pooler.stopped = True


def test_a_console_gives_its_place_back(start):
    pooler = start(max_client_conn=1)
    for _ in range(5):
        with Console(pooler) as console:
            assert console.table("SHOW VERSION")
        await_condition(lambda: pooler.log.count("client close request") == pooler.log.count("login attempt"),
                        "the console to be gone")


def test_admins_commands_stand_in_the_log(pooler, console):
    console.run("RECONNECT")
    assert "dba@127.0.0.1" in pooler.log and "RECONNECT command issued" in pooler.log


# ---- drivers ----

def test_psql_reads_the_console(start):
    outcome = subprocess.run(["psql", "-XAt", start().conninfo(user="dba", dbname="pgvouch"), "-c", "SHOW DATABASES",
                              "-c", "RELOAD"], capture_output=True, text=True, check=True, timeout=30)
    assert "\npgbouncer|" in outcome.stdout and outcome.stdout.endswith("RELOAD\n")


@pytest.mark.parametrize("binary", [False, True])
def test_psycopg_reads_the_console_by_the_extended_protocol(start, binary):
    pooler = start()
    with psycopg.connect(pooler.conninfo(user="dba", dbname="pgvouch"), autocommit=True) as connection:
        row = connection.execute("SHOW LISTS", prepare=True, binary=binary).fetchone()
        assert row == ("databases", 2)
        cursor = connection.execute("SET verbose = %s", ["1"], binary=binary)
        assert cursor.statusmessage == "SET"
        with pytest.raises(psycopg.errors.UndefinedObject):
            connection.execute("KILL_CLIENT %s", ["999999"])
        with pytest.raises(psycopg.errors.UndefinedObject):
            connection.execute("KILL_CLIENT %s", [999999], binary=binary)
        assert connection.execute("SHOW VERSION").fetchone()


def test_psycopg_may_use_its_transactions(start):
    pooler = start()
    with psycopg.connect(pooler.conninfo(user="dba", dbname="pgvouch")) as connection:
        assert connection.execute("SHOW VERSION").fetchone()
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        connection.commit()
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with connection.transaction(), connection.transaction():
            assert connection.execute("SHOW POOLS").fetchall()
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("nonsense")
        connection.rollback()
        with connection.pipeline():
            cursors = [connection.execute("SHOW VERSION") for _ in range(5)]
            assert all(cursor.fetchone() for cursor in cursors)


def test_psycopg2_reads_the_console(start):
    connection = psycopg2.connect(start().conninfo(user="dba", dbname="pgbouncer"))
    with connection.cursor() as cursor:
        cursor.execute("SHOW POOLS")
        assert cursor.fetchall()[-1][0] == "pgbouncer"
        cursor.execute("SET verbose = %s", [1])
    connection.commit()
    connection.close()


def test_asyncpg_reads_the_console(start):
    pooler = start()

    async def read():
        connection = await asyncpg.connect(host=pooler.host, port=pooler.port, user="dba", database="pgvouch", ssl=False)
        try:
            lists = await connection.fetch("SHOW LISTS")
            assert (lists[0]["list"], lists[0]["items"]) == ("databases", 2)
            async with connection.transaction():
                assert await connection.fetchval("SHOW VERSION")
            with pytest.raises(asyncpg.UndefinedObjectError):
                await connection.fetch("SHOW ATTESTATION $1", "none")
            with pytest.raises(asyncpg.PostgresSyntaxError):
                await connection.fetch("SELECT 1")
            assert await connection.execute("RECONNECT") == "RECONNECT"
            await connection.reset()
        finally:
            await connection.close()

    async def read_with_a_pool():
        async with asyncpg.create_pool(host=pooler.host, port=pooler.port, user="dba", database="pgvouch", ssl=False,
                                       min_size=1, max_size=2) as pool:
            return await pool.fetchval("SHOW VERSION")

    asyncio.run(read())
    assert asyncio.run(read_with_a_pool()).startswith("PgVouch ")


# ---- the protocol, byte by byte ----

@pytest.fixture
def session(start):
    with start().session(user="dba", database="pgvouch") as session:
        yield session


def test_the_greeting_tells_drivers_what_they_need(session):
    wanted = {"server_encoding": "UTF8", "client_encoding": "UTF8", "integer_datetimes": "on",
              "standard_conforming_strings": "on", "TimeZone": "UTC"}
    assert wanted.items() <= session.parameters.items()
    assert session.parameters["DateStyle"].startswith("ISO")
    assert session.parameters["server_version"][0].isdigit()
    assert len(session.key) == 8


def test_a_statement_is_described_with_its_parameter(session):
    session.send(parse("SHOW ATTESTATION $1", "s"), describe("S", "s"), raw.SYNC)
    answers = session.until("Z")
    assert types_of(answers) == "1tTZ"
    assert answers[1].body == struct.pack(">HI", 1, 25)
    assert answers[2].body.startswith(struct.pack(">H", 4) + b"name\0")


def test_a_command_without_rows_is_described_so(session):
    session.send(parse("RELOAD", "s"), describe("S", "s"), raw.SYNC)
    assert types_of(session.until("Z")) == "1tnZ"


def test_rows_come_in_portions_when_execute_asks_for_that(session):
    session.send(query("BEGIN")).until("Z")
    session.send(parse("SHOW STATE"), bind(portal="p"), execute("p", 3), raw.SYNC)
    assert types_of(session.until("Z")) == "12DDDsZ"
    session.send(execute("p", 3), raw.SYNC)
    assert types_of(session.until("Z")) == "DCZ"
    session.send(query("COMMIT")).until("Z")
    session.send(raw.SYNC).until("Z")
    session.send(execute("p"), raw.SYNC)
    assert types_of(session.until("Z")) == "EZ"


def test_portals_end_with_their_series_outside_of_transactions(session):
    session.send(parse("SHOW STATE"), bind(portal="p"), raw.SYNC)
    assert types_of(session.until("Z")) == "12Z"
    session.send(execute("p"), raw.SYNC)
    assert session.until("Z")[0].sqlstate == "34000"


def test_after_an_error_everything_up_to_sync_is_dropped(session):
    session.send(parse("nonsense"), bind(), execute(), query("SHOW VERSION"), raw.SYNC, query("SHOW VERSION"))
    assert types_of(session.until("Z")) == "EZ"
    assert types_of(session.until("Z")) == "TDCZ"


def test_a_series_waits_for_its_command(pooler, console):
    with pooler.session() as client, pooler.session(user="dba", database="pgvouch") as session:
        client.rows("BEGIN")
        session.send(raw.extended("PAUSE"), raw.extended("SHOW VERSION"))
        assert types_of(session.until("n")) == "12n"
        await_condition(lambda: console.row("SHOW STATE", key="paused")["value"] == "yes", "PAUSE to begin")
        client.rows("COMMIT")
        assert types_of(session.until("Z")) == "CZ"
        assert types_of(session.until("Z")) == "12TDCZ"


@pytest.mark.parametrize("data, sqlstate", [
    (bind(statement="none"), "26000"),
    (execute("none"), "34000"),
    (describe("S", "none"), "26000"),
    (describe("P", "none"), "34000"),
    (describe("X", ""), "08P01"),
    (close("X", ""), "42601"),
    (parse("SHOW VERSION; SHOW VERSION"), "42601"),
    (parse("SHOW ATTESTATION $1") + bind(), "42601"),
    (parse("SHOW ATTESTATION $1") + bind([None]), "42601"),
    (parse("SHOW ATTESTATION $1") + bind([b"a\0b"]), "42601"),
    (parse("SHOW VERSION", "s") + parse("SHOW VERSION", "s"), "42P05"),
    (raw.message("B", b"\0"), "26000"),
    (raw.message("P", b"\0"), "42601"),
    (raw.message("E", b"\0"), "08P01"),
    (raw.message("D", b""), "08P01"),
    (raw.message("C", b""), "42601"),
    (raw.message("B", b"\0\0\xff\xff"), "26000"),
    (parse("SHOW VERSION") + raw.message("B", b"\0\0\xff\xff"), "42601"),
    (parse("SHOW VERSION") + raw.message("B", b"\0\0\0\0\0\0\0\1\0\2"), "42601"),
    (parse("SHOW VERSION") + raw.message("B", b"\0\0\0\0\0\0\0\2\0\1\0\1"), "42601"),
    (parse("PAUSE $1", types=[1700]) + raw.message("B", b"\0\0\0\1\0\1\0\1\0\0\0\1x\0\0"), "0A000"),
    (parse("KILL_CLIENT $1", types=[23]) + raw.message("B", b"\0\0\0\1\0\1\0\1\0\0\0\1x\0\0"), "42601"),
])
def test_wrong_messages_are_answered_and_the_session_goes_on(session, data, sqlstate):
    session.send(data, raw.SYNC)
    errors = [message for message in session.until("Z") if message.type == "E"]
    assert [error.sqlstate for error in errors] == [sqlstate]
    assert types_of(session.run("SHOW VERSION")) == "TDCZ"


@pytest.mark.parametrize("data", [
    raw.message("Q", b"SHOW VERSION"),
    raw.message("!", b""),
    raw.message("p", b"password\0"),
    b"Q\0\0\0\3",
    b"Q\x7f\xff\xff\xff",
    b"Q\xff\xff\xff\xff",
])
def test_what_breaks_the_protocol_ends_the_session(session, data):
    error = session.send(data).error()
    assert (error.fields["S"], error.sqlstate) == ("FATAL", "08P01")
    assert session.is_closed()


def test_too_much_ahead_of_an_answer_ends_the_session(pooler, console):
    with pooler.session() as client, pooler.session(user="dba", database="pgvouch") as session:
        client.rows("BEGIN")
        session.send(query("PAUSE"))
        await_condition(lambda: console.row("SHOW STATE", key="paused")["value"] == "yes", "PAUSE to begin")
        session.send(query("x" * 100000) * 3)
        assert session.error().text == "too much has been sent before it could be answered"
        client.rows("COMMIT")
    console.run("RESUME")


def test_binary_results_and_parameters(session):
    binary_format = struct.pack(">HHHH", 1, 1, 1, 1)
    session.send(parse("SHOW LISTS"), raw.message("B", b"\0\0" + struct.pack(">HHHH", 0, 0, 1, 1)), execute(), raw.SYNC)
    first = next(message for message in session.until("Z") if message.type == "D")
    assert first.columns == [b"databases", struct.pack(">q", 2)]
    value = struct.pack(">iq", 8, 999999)
    session.send(parse("KILL_CLIENT $1", types=[20]), raw.message("B", b"\0\0" + binary_format[:6] + value + b"\0\0"),
                 execute(), raw.SYNC)
    assert session.until("Z")[2].text == "client not found"


def test_any_split_of_the_stream_gives_the_same(session):
    data = raw.extended("SHOW VERSION") + query("SHOW VERSION; SHOW STATE") + query("nonsense")
    session.send_one_by_one(data)
    slowly = [session.until("Z") for _ in range(3)]
    session.send(data)
    assert [session.until("Z") for _ in range(3)] == slowly


def test_a_function_call_is_refused(session):
    session.send(raw.message("F", b"\0\0\0\1\0\0\0\0\0\0"))
    answers = session.until("Z")
    assert types_of(answers) == "EZ" and answers[0].sqlstate == "0A000"


def test_copy_data_that_nobody_asked_for_is_ignored(session):
    session.send(raw.message("d", b"x"), raw.message("c"), raw.message("f", b"\0"))
    assert types_of(session.run("SHOW VERSION")) == "TDCZ"
