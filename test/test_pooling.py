"""Who gets which link, for how long, and how many there are."""

import os
import threading
import time

import psycopg
import pytest

from support import raw, scratch
from support.pooler import Pooler
from support.process import await_condition
from support.raw import Closed, bind, execute, parse, query, rows_of, types_of
from support.standin import StandIn

MODES = ["session", "transaction", "statement"]


def pooled(pgvouch, postgres, database, **settings):
    return pgvouch(databases={"app": postgres.target(database)}, **settings)


def pid(session):
    return session.value("SELECT pg_backend_pid()")


# ---- the three modes ----

@pytest.mark.parametrize("mode", MODES)
def test_one_link_serves_clients_one_after_another(pgvouch, postgres, database, mode):
    pooler = pooled(pgvouch, postgres, database, pool_mode=mode)
    pids = set()
    for _ in range(5):
        with pooler.session() as session:
            pids.add(pid(session))
            session.send(raw.TERMINATE)
            assert session.is_closed()
    assert len(pids) == 1
    assert postgres.links(database) == 1


def test_a_session_keeps_its_link_to_its_end(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="session")
    with pooler.session() as one, pooler.session() as other:
        pids = [pid(one), pid(other), pid(one), pid(other)]
        assert pids[0] == pids[2] and pids[1] == pids[3] and pids[0] != pids[1]


def test_a_transaction_keeps_its_link_and_gives_it_back(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session() as one, pooler.session() as other:
        one.rows("BEGIN")
        held = pid(one)
        other.send(query("SELECT pg_backend_pid()"))
        assert pid(one) == held
        one.rows("COMMIT")
        assert rows_of(other.until("Z")) == [[held]]
        assert postgres.links(database) == 1


def test_a_failed_transaction_keeps_its_link_until_rollback(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session() as one, pooler.session() as other:
        one.rows("BEGIN")
        assert one.run("SELECT 1/0")[-1].body == b"E"
        other.send(query("SELECT 'served'"))
        assert [m for m in one.run("SELECT 1") if m.type == "E"][0].sqlstate == "25P02"
        one.rows("ROLLBACK")
        assert rows_of(other.until("Z")) == [["served"]]


def test_statement_mode_refuses_transactions(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="statement")
    with pooler.session() as session:
        session.send(query("BEGIN"))
        error = [m for m in iter_until_error(session)][-1]
        assert error.text == "transaction blocks not allowed in statement pooling mode"
        assert session.is_closed()
    with pooler.session() as session:
        assert session.value("SELECT txid_current_if_assigned() IS NULL") == "t"


def iter_until_error(session):
    while True:
        got = session.message()
        yield got
        if got.type == "E":
            return


def test_a_pool_mode_of_the_database_goes_before_the_general_one(pgvouch, postgres, database):
    pooler = pgvouch(databases={"app": postgres.target(database) + " pool_mode=transaction pool_size=1"},
                     pool_mode="session")
    with pooler.session() as one, pooler.session() as other:
        assert pid(one) == pid(other)


def test_any_database_goes_to_the_fallback(pgvouch, postgres, database):
    pooler = pgvouch(databases={"*": f"host=127.0.0.1 port={postgres.port}"})
    with pooler.session(database=database) as session:
        assert session.value("SELECT current_database()") == database


def test_a_database_is_renamed_by_its_entry(pgvouch, postgres, database):
    pooler = pgvouch(databases={"other": postgres.target(database)})
    with pooler.session(database="other") as session:
        assert session.value("SELECT current_database()") == database


# ---- limits ----

def test_many_clients_share_exactly_the_links_there_may_be(pgvouch, postgres, database, threads):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=3, threads=threads)
    sessions = [pooler.session() for _ in range(24)]
    holders, waiters = sessions[:3], sessions[3:]
    for session in holders:
        session.rows("BEGIN")
    assert len({pid(session) for session in holders}) == 3
    for session in waiters:
        session.send(query("SELECT pg_backend_pid()"))
    assert postgres.links(database) == 3
    held = {pid(session) for session in holders}
    for session in holders:
        session.rows("COMMIT")
    assert {rows_of(session.until("Z"))[0][0] for session in waiters} <= held
    assert postgres.links(database) == 3
    for session in sessions:
        session.close()


def test_a_storm_of_clients_never_opens_a_link_too_many(pgvouch, postgres, database, threads):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=4, threads=threads)
    problems, most = [], 0

    def work():
        try:
            for _ in range(5):
                with pooler.session() as session:
                    for _ in range(5):
                        session.rows("SELECT pg_sleep(0.002)")
        except Exception as problem:  # noqa: BLE001 - told by the test
            problems.append(problem)

    workers = [threading.Thread(target=work) for _ in range(16)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        most = max(most, postgres.links(database))
    assert not problems
    assert 1 <= most <= 4
    assert postgres.links(database) <= 4


def test_idle_links_are_found_after_any_order_of_coming_back(pgvouch, postgres, database):
    """Links of one worker come back in every order; afterwards the waiters of all workers still find them."""
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=4, threads=4)
    sessions = [pooler.session() for _ in range(16)]
    for turn in range(40):
        for session in sessions:
            session.send(query("SELECT pg_sleep(0.00%d)" % (turn % 4)))
        for session in sessions:
            assert rows_of(session.until("Z")) == [[""]]
    for _ in range(5):
        for session in sessions:
            assert session.value("SELECT 1") == "1"
    for session in sessions:
        session.close()


def test_a_link_reaches_a_waiter_of_another_thread(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1, threads=4)
    sessions = [pooler.session() for _ in range(16)]
    began = time.monotonic()
    assert len({pid(session) for _ in range(5) for session in sessions}) == 1
    assert time.monotonic() - began < 10
    assert postgres.links(database) == 1
    for session in sessions:
        session.close()


def test_min_pool_size_keeps_links_open(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, min_pool_size=3)
    with pooler.session():
        await_condition(lambda: postgres.links(database) == 3, "three links")


def test_max_db_connections_holds_over_all_users(pgvouch, postgres, database):
    pooler = pgvouch(databases={"app": postgres.target(database)}, users={"app": "", "encrypted": ""},
                     pool_mode="transaction", max_db_connections=2)
    with pooler.session() as one, pooler.session() as two, pooler.session() as three:
        one.rows("BEGIN")
        two.rows("BEGIN")
        three.send(query("SELECT 'served'"))
        assert postgres.links(database) == 2
        one.rows("COMMIT")
        assert rows_of(three.until("Z")) == [["served"]]
        assert postgres.links(database) == 2


def test_max_client_conn_is_exact(pgvouch, threads):
    pooler = pgvouch(max_client_conn=5, threads=threads)
    sessions = [pooler.session() for _ in range(5)]
    for _ in range(3):
        with pooler.raw() as sixth:
            error = sixth.error()
            assert (error.sqlstate, error.text) == ("53300", "no more connections allowed (max_client_conn)")
            assert sixth.is_closed()
    sessions.pop().send(raw.TERMINATE).is_closed()
    with pooler.session() as again:
        assert again.value("SELECT 1") == "1"
    for session in sessions:
        session.close()


def test_query_wait_timeout_ends_who_waits_too_long(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1, query_wait_timeout=1)
    with pooler.session() as holder, pooler.session() as waiter:
        holder.rows("BEGIN")
        assert waiter.send(query("SELECT 1")).error().text == "query_wait_timeout"
        assert waiter.is_closed()
        holder.rows("COMMIT")
        assert holder.value("SELECT 1") == "1"


def test_idle_transaction_timeout_frees_the_link(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1, idle_transaction_timeout=1)
    with pooler.session() as holder, pooler.session() as waiter:
        holder.rows("BEGIN")
        assert waiter.value("SELECT 'served'") == "served"
        assert holder.error().text == "idle transaction timeout"


def test_query_timeout_ends_a_query_that_takes_too_long(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, query_timeout=1)
    with pooler.session() as session:
        assert session.send(query("SELECT pg_sleep(60)")).error().text == "query timeout"
        assert session.is_closed()


def test_client_idle_timeout_ends_an_idle_client(pgvouch):
    pooler = pgvouch(client_idle_timeout=1, pool_mode="transaction")
    with pooler.session() as session:
        assert session.error().text == "client_idle_timeout"


def test_server_idle_timeout_closes_links(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", server_idle_timeout=1)
    with pooler.session() as session:
        session.rows("SELECT 1")
        await_condition(lambda: postgres.links(database) == 0, "the link's end")
        assert session.value("SELECT 2") == "2"


# ---- what a session leaves behind ----

def test_server_reset_query_cleans_a_session_links_state(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="session", default_pool_size=1)
    with pooler.session() as first:
        first.rows("SET search_path = 'elsewhere'; CREATE TEMP TABLE leftover (a int); SET work_mem = '7MB'")
        first.rows("PREPARE leftover AS SELECT 1")
        before = pid(first)
        first.send(raw.TERMINATE)
        assert first.is_closed()
    with pooler.session() as second:
        assert pid(second) == before
        assert second.value("SHOW search_path") != "elsewhere"
        assert second.value("SHOW work_mem") != "7MB"
        assert second.value("SELECT count(*) FROM pg_prepared_statements") == "0"
        assert second.value("SELECT to_regclass('leftover') IS NULL") == "t"


def test_an_empty_server_reset_query_leaves_the_state(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="session", default_pool_size=1, server_reset_query="")
    with pooler.session() as first:
        first.rows("SET work_mem = '7MB'")
        first.send(raw.TERMINATE)
        assert first.is_closed()
    with pooler.session() as second:
        assert second.value("SHOW work_mem") == "7MB"


def test_a_reset_query_that_fails_costs_the_link(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="session", default_pool_size=1, server_reset_query="SELECT 1/0")
    with pooler.session() as first:
        before = pid(first)
        first.send(raw.TERMINATE)
        assert first.is_closed()
    with pooler.session() as second:
        assert pid(second) != before


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_client_that_leaves_in_a_transaction_costs_the_link(pgvouch, postgres, database, mode):
    pooler = pooled(pgvouch, postgres, database, pool_mode=mode, default_pool_size=1)
    with pooler.session() as first:
        first.rows("CREATE TABLE t (a int)")
        first.rows("BEGIN; INSERT INTO t VALUES (1)")
        before = pid(first)
    with pooler.session() as second:
        assert pid(second) != before
        assert second.value("SELECT count(*) FROM t") == "0"


def test_a_client_that_leaves_during_a_query_costs_the_link(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session() as first:
        before = pid(first)
        first.send(query("SELECT pg_sleep(0.2)"))
    with pooler.session() as second:
        assert pid(second) != before


@pytest.mark.parametrize("mode", MODES)
def test_a_client_that_leaves_while_the_server_skips_to_sync_costs_the_link(pgvouch, postgres, database, mode):
    pooler = pooled(pgvouch, postgres, database, pool_mode=mode, default_pool_size=1)
    with pooler.session() as first:
        first.send(raw.parse("SELECT nothing"), raw.FLUSH)
        assert first.error().sqlstate == "42703"
        first.send(raw.TERMINATE)
        assert first.is_closed()
    with pooler.session() as second:
        assert second.value("SELECT 1") == "1"


def test_a_named_statement_while_the_server_skips_to_sync_does_not_take_its_sync(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session() as first:
        first.send(raw.parse("SELECT nothing"), raw.FLUSH)
        assert first.error().sqlstate == "42703"
        first.send(raw.parse("SELECT 1", name="s1"), raw.SYNC).until_closed()
    with pooler.session() as second:
        assert second.value("SELECT 1") == "1"


# ---- parameters follow their client ----

@pytest.mark.parametrize("mode", MODES)
def test_startup_parameters_reach_the_server(pgvouch, postgres, database, mode):
    pooler = pooled(pgvouch, postgres, database, pool_mode=mode)
    with pooler.session(application_name="it's \\ me", client_encoding="LATIN1", DateStyle="German",
                        TimeZone="Asia/Tokyo") as session:
        assert session.value("SHOW application_name") == "it's \\ me"
        assert session.value("SHOW client_encoding") == "LATIN1"
        assert session.value("SHOW DateStyle").startswith("German")
        assert session.value("SHOW TimeZone") == "Asia/Tokyo"


def test_parameters_are_tracked_for_each_client(pgvouch, postgres, database, threads):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1, threads=threads)
    zones = ["UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York"]
    sessions = [pooler.session(application_name=f"client {i}", TimeZone=zone) for i, zone in enumerate(zones)]
    sessions[2].rows("SET TimeZone = 'Africa/Cairo'")
    zones[2] = "Africa/Cairo"
    for _ in range(3):
        for i, session in enumerate(sessions):
            assert session.value("SHOW TimeZone") == zones[i]
            assert session.value("SHOW application_name") == f"client {i}"
    for session in sessions:
        session.close()


def test_a_change_of_parameter_is_reported_to_its_client_alone(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session() as one, pooler.session() as other:
        reports = [m.body for m in one.run("SET DateStyle = 'SQL, DMY'") if m.type == "S"]
        assert reports == [b"DateStyle\0SQL, DMY\0"]
        assert [m for m in other.run("SHOW DateStyle") if m.type == "S"] == []
        assert other.value("SHOW DateStyle") == "ISO, MDY"
        assert one.value("SHOW DateStyle") == "SQL, DMY"


def test_a_parameter_set_in_a_transaction_that_is_rolled_back(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session(TimeZone="UTC") as one, pooler.session(TimeZone="Asia/Tokyo") as other:
        one.rows("BEGIN")
        one.rows("SET TimeZone = 'Africa/Cairo'")
        one.rows("ROLLBACK")
        assert other.value("SHOW TimeZone") == "Asia/Tokyo"
        assert one.value("SHOW TimeZone") == "UTC"


def test_a_parameter_that_the_server_refuses_ends_the_client_not_the_link(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session() as good:
        before = pid(good)
        with pooler.session(TimeZone="Nowhere/Never") as bad:
            assert "Nowhere/Never" in bad.send(query("SELECT 1")).error().text
            assert bad.is_closed()
        assert pid(good) == before


# ---- named statements ----

@pytest.mark.parametrize("message", [raw.parse("SELECT 1", name="s1"), raw.describe("S", "s1"), raw.close("S", "s1")])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_named_statement_is_refused_where_links_change_hands(pgvouch, postgres, database, mode, message):
    pooler = pooled(pgvouch, postgres, database, pool_mode=mode)
    with pooler.session() as session:
        messages = session.send(message, raw.bind(statement="s1"), raw.execute(), raw.SYNC).until("Z")
        assert raw.types_of(messages) == "EZ"
        assert messages[0].sqlstate == "0A000"
        assert "named prepared statements are not supported in this pool mode" in messages[0].text
        assert session.value("SELECT 'still here'") == "still here"


def test_a_named_statement_lives_in_session_mode(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="session")
    with pooler.session() as session:
        assert raw.types_of(session.send(raw.parse("SELECT 5", name="s1"), raw.SYNC).until("Z")) == "1Z"
        assert rows_of(session.send(raw.bind(statement="s1"), raw.execute(), raw.SYNC).until("Z")) == [["5"]]


# ---- backends that fail ----

def test_a_backend_killed_in_a_transaction_ends_its_client(pgvouch, postgres, database, threads):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", threads=threads)
    with pooler.session() as session, pooler.session() as other:
        session.rows("BEGIN")
        victim = pid(session)
        with postgres.admin() as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [int(victim)])
        assert session.error().sqlstate in ("57P01", "08P01")
        with pytest.raises(Closed):
            while session.message():
                pass
        assert other.value("SELECT 1") == "1"


def test_a_backend_killed_while_idle_is_noticed_by_nobody(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session() as session:
        victim = pid(session)
        with postgres.admin() as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [int(victim)])
        await_condition(lambda: postgres.links(database) == 0, "the backend's end")
        assert session.value("SELECT pg_backend_pid()") != victim


def test_an_absent_backend_is_told_at_login(pgvouch, ports):
    pooler = pgvouch(databases={"app": f"host=127.0.0.1 port={ports.take()} dbname=app"})
    with pytest.raises(psycopg.OperationalError, match="refused"):
        pooler.connect()
    with pytest.raises(psycopg.OperationalError, match="server_login_retry"):
        pooler.connect()


def test_a_backend_that_comes_back_serves_who_has_waited(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", server_login_retry=0.2)
    with pooler.session() as session:
        assert session.value("SELECT 1") == "1"
        postgres.stop()
        try:
            session.send(query("SELECT 'back'"))
        finally:
            postgres.start()
        assert rows_of(session.until("Z")) == [["back"]]


def test_a_database_that_the_backend_does_not_have(pgvouch, postgres):
    pooler = pgvouch(databases={"app": postgres.target("absent")})
    with pytest.raises(psycopg.OperationalError, match='database "absent" does not exist'):
        pooler.connect()


# ---- pause, and the end ----

def test_sigterm_waits_for_clients(pgvouch):
    pooler = pgvouch()
    with pooler.session() as session:
        pooler.process.send(15)
        pooler.await_log("got SIGTERM")
        assert session.value("SELECT 1") == "1"
    assert pooler.process.popen.wait(10) == 0
    pooler.stopped = True


def test_sigint_waits_for_transactions(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction")
    with pooler.session() as session:
        session.rows("BEGIN")
        pooler.process.send(2)
        pooler.await_log("got SIGINT")
        assert session.value("SELECT 1") == "1"
        session.rows("COMMIT")
        assert pooler.process.popen.wait(10) == 0
    pooler.stopped = True


def test_sigusr1_pauses_and_sigusr2_resumes(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction")
    with pooler.session() as session:
        assert session.value("SELECT 1") == "1"
        pooler.process.send(10)
        await_condition(lambda: postgres.links(database) == 0, "the links' end")
        session.send(query("SELECT 2"))
        pooler.process.send(12)
        assert rows_of(session.until("Z")) == [["2"]]


def test_reload_changes_a_limit(pgvouch, postgres, database):
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session() as one, pooler.session() as other:
        one.rows("BEGIN")
        other.send(query("SELECT 'served'"))
        pooler.reload(default_pool_size=2)
        assert rows_of(other.until("Z")) == [["served"]]
        assert postgres.links(database) == 2


# ---- one client's answers never reach another ----

def test_an_error_that_may_belong_to_either_of_two_requests_costs_nobody_else_an_answer(pgvouch, postgres, database):
    """A simple query behind a series without Sync: its error is answered, and so is the Sync behind it."""
    pooler = pooled(pgvouch, postgres, database, pool_mode="transaction", default_pool_size=1)
    with pooler.session() as one, pooler.session() as other:
        one.rows("BEGIN")
        other.send(query("SELECT 'for the other'"))
        one.send(parse("COMMIT"), bind(), execute(), query("SELECT 1/0"), raw.SYNC)
        assert types_of(one.until("Z") + one.until("Z")) == "12CEZZ"
        assert one.value("SELECT 'for one'") == "for one"
        one.send(raw.TERMINATE)
        assert one.is_closed()
        assert types_of(messages := other.until("Z")) == "TDCZ"
        assert rows_of(messages) == [["for the other"]]


def test_any_number_of_clients_may_wait_for_the_greeting_of_one_link(pgvouch_program, scratch_folder, ports):
    """On a small stack, which they must not fill. The thread sanitizer keeps most of a MiB of every stack for itself."""
    stack = 1280 if os.environ.get("PGVOUCH_TEST_SANITIZER") else 256
    go = threading.Event()

    class Late(StandIn):
        def _start(self, connection):
            go.wait(120)
            return super()._start(connection)
    wrapper = scratch_folder / "small-stack"
    scratch.write(wrapper, f'#!/bin/sh\nulimit -s {stack}\nexec {pgvouch_program} "$@"\n', 0o700)
    with Late() as server:
        pooler = Pooler(wrapper, scratch_folder / "pooler", ports.take(), {"app": server.target()},
                        settings={"max_client_conn": 1000, "default_pool_size": 1, "server_connect_timeout": 60})
        crowd = [pooler.raw() for _ in range(800)]
        for one in crowd:
            one.send(raw.startup({"user": "app", "database": "app"}))
        await_condition(lambda: pooler.log.count("login attempt") == len(crowd) or not pooler.process.lives,
                        "all logins", seconds=60, pause=0.1)
        assert pooler.process.lives
        go.set()
        for one in crowd:
            one.await_welcome()
            one.close()
        pooler.stop()
