"""The console's commands."""


import psycopg
import pytest

from support import raw
from support.console import Console, console, in_background, local_port, pooler, start  # noqa: F401: fixtures
from support.process import await_condition
from support.raw import query, rows_of, types_of


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
