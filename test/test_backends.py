"""Servers that are old, odd, or break the protocol."""

import contextlib
import struct
import threading

import psycopg
import pytest

from support import raw
from support.process import await_condition
from support.raw import message, query, rows_of
from support.standin import READY, StandIn, error, row

OK = message("R", struct.pack(">I", 0))


def worker_of(session):
    """The upper bits of the process id in its key (pool/clientele.h)."""
    return struct.unpack(">I", session.key[:4])[0] >> 22


def refused(pooler):
    with pytest.raises(psycopg.OperationalError) as caught:
        pooler.connect()
    return str(caught.value)


@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
def test_a_server_without_keys_and_v_fields_as_old_cockroachdb(pgvouch, mode):
    """No BackendKeyData, no ParameterStatus after SET, errors without the V field, no statement but simple ones."""
    def answer(sql):
        if "SET " in sql or "DISCARD" in sql:
            return message("C", b"SET\0") * max(sql.count(";"), 1) + READY
        if "fail" in sql:
            return error("it failed", "XXUUU", with_v=False) + READY
        return (row(sql) if sql else message("I")) + READY
    with StandIn(answer, key=None, parameters={"server_version": "9.5.0", "crdb_version": "old"}) as server:
        pooler = pgvouch(databases={"app": server.target()}, pool_mode=mode, default_pool_size=1)
        for _ in range(2):
            with pooler.session(application_name="mine") as session:
                assert session.parameters["crdb_version"] == "old"
                assert session.value("SELECT 1") == "SELECT 1"
                messages = session.run("fail")
                assert messages[0].text == "it failed" and "V" not in messages[0].fields
                assert session.value("SELECT 2") == "SELECT 2"
                session.send(raw.TERMINATE)
                assert session.is_closed()
        assert len(server.startups) == 1
        assert any("application_name='mine'" in sql for sql in server.queries)


def test_a_server_that_refuses_says_why_to_the_client(pgvouch):
    with StandIn(greeting=error("sorry, too many clients already", "53300", "FATAL")) as server:
        pooler = pgvouch(databases={"app": server.target()})
        assert "server login failed: FATAL: sorry, too many clients already" in refused(pooler)


def test_a_server_that_refuses_without_the_v_field(pgvouch):
    with StandIn(greeting=error("no such luck", "28000", "FATAL", with_v=False)) as server:
        pooler = pgvouch(databases={"app": server.target()})
        assert "server login failed: FATAL: no such luck" in refused(pooler)


def test_a_failed_login_is_tried_again_after_server_login_retry(pgvouch):
    with StandIn(greeting=error("not now", "57P03", "FATAL")) as server:
        pooler = pgvouch(databases={"app": server.target()}, server_login_retry=0.2)
        assert "not now" in refused(pooler)
        server.greeting = OK + READY

        def admitted():
            try:
                pooler.connect().close()
            except psycopg.OperationalError:
                return False
            return True
        await_condition(admitted, "the next try")


@pytest.mark.parametrize("greeting", [
    b"", b"HTTP/1.0 400 Bad Request\r\n\r\n", message("Z", b"I"), OK + OK, message("R", b"\0\0\0\x63"), message("R", b""),
    b"R\0\0\0\0", b"R\xff\xff\xff\xff", OK + message("K", b"\0"), OK + message("S", b"no terminator"), OK + message("D", b"\0\0")])
def test_a_server_that_breaks_the_protocol_at_login_is_not_used(pgvouch, greeting):
    with StandIn(greeting=greeting) as server:
        pooler = pgvouch(databases={"app": server.target()}, server_connect_timeout=1)
        assert refused(pooler)


@pytest.mark.parametrize("reply", [
    b"Z\0\0\0\0", message("Z", b"?"), message("Z", b""), b"D\xff\xff\xff\xff", None])
def test_a_server_that_breaks_the_protocol_in_a_session_costs_the_client_its_link(pgvouch, reply):
    with StandIn(lambda sql: reply if "bad" in sql else row("1") + READY) as server:
        pooler = pgvouch(databases={"app": server.target()}, pool_mode="transaction", default_pool_size=1)
        with pooler.session() as session:
            session.send(query("bad"))
            error = session.until_closed()[-1]
            assert (error.type, error.fields["S"]) == ("E", "FATAL")
        with pooler.session() as session:
            assert session.value("SELECT 1") == "1"
        assert len(server.startups) == 2


def test_a_server_that_never_answers_is_given_up(pgvouch):
    with StandIn(greeting=b"") as server:
        pooler = pgvouch(databases={"app": server.target()}, server_connect_timeout=0.5)
        assert "connect timeout" in refused(pooler)
        assert len(server.startups) == 1


def test_a_server_without_tls_is_used_plain_only_where_that_is_allowed(pgvouch):
    with StandIn() as server:
        plain = pgvouch(databases={"app": server.target()}, server_tls_sslmode="prefer")
        with plain.session() as session:
            assert session.value("SELECT 1") == "1"
        strict = pgvouch(databases={"app": server.target()}, server_tls_sslmode="require")
        assert refused(strict)
        assert len(server.startups) == 1


def test_bytes_behind_the_answer_to_ssl_request_are_not_believed(pgvouch):
    with StandIn(tls_answer=b"S" + OK + READY) as server:
        pooler = pgvouch(databases={"app": server.target()}, server_tls_sslmode="require", server_connect_timeout=1)
        assert refused(pooler)
        assert server.startups == []


def test_an_error_instead_of_an_answer_to_ssl_request(pgvouch):
    with StandIn(tls_answer=error("what?", with_v=False)) as server:
        pooler = pgvouch(databases={"app": server.target()}, server_tls_sslmode="require", server_connect_timeout=1)
        assert refused(pooler)


def test_unasked_messages_on_an_idle_link_cost_the_link_or_are_dropped(pgvouch):
    """A notice, a parameter or a notification between two queries belongs to no client in transaction mode."""
    with StandIn() as server:
        pooler = pgvouch(databases={"app": server.target()}, pool_mode="transaction", default_pool_size=1)
        with pooler.session() as session:
            assert session.value("SELECT 1") == "1"
            for link in server.connections:
                link.sendall(message("N", b"SNOTICE\0C00000\0Mhello\0\0") + message("S", b"TimeZone\0Asia/Tokyo\0"))
            assert rows_of(session.run("SELECT 2")) == [["1"]]


def test_links_use_the_databases_own_settings(pgvouch):
    with StandIn() as server:
        pooler = pgvouch(databases={"app": server.target("real") + " user=owner client_encoding=LATIN1 "
                                    "timezone=Asia/Tokyo datestyle=German application_name=pool connect_query='SELECT 42'"})
        with pooler.session():
            words = server.startups[0][:-2].split(b"\0")
            assert dict(zip(words[::2], words[1::2])) == {
                b"user": b"owner", b"database": b"real", b"client_encoding": b"LATIN1", b"TimeZone": b"Asia/Tokyo",
                b"DateStyle": b"German", b"application_name": b"pool"}
            assert server.queries[0] == "SELECT 42"


@pytest.mark.parametrize("reply", [None, message("G", b"\0\0\0")], ids=["closes", "breaks the protocol"])
def test_a_link_that_ends_while_it_learns_a_sessions_parameters_ends_the_session(pgvouch, reply):
    with StandIn(lambda sql: reply if "mine" in sql else row("1") + READY) as server:
        pooler = pgvouch(databases={"app": server.target()}, pool_mode="transaction", default_pool_size=1)
        with pooler.session(application_name="mine") as session:
            session.send(query("SELECT 1"))
            error = session.error()
            assert (error.fields["S"], error.sqlstate) == ("FATAL", "08P01")
            assert session.is_closed()
        with pooler.session() as session:
            assert session.value("SELECT 1") == "1"


def test_a_reload_that_ends_tls_to_servers_leaves_what_is_being_opened_alone(pgvouch):
    asked, answer = threading.Event(), threading.Event()

    class Slow(StandIn):
        def _start(self, connection):
            assert self._receive(connection, 8)[4:] == struct.pack(">I", 80877103)
            asked.set()
            answer.wait(20)
            connection.sendall(b"S")
            return False

    with Slow() as server:
        pooler = pgvouch(databases={"app": server.target()}, server_tls_sslmode="require", admin_users="app")
        with pooler.session(database="pgvouch") as console, pooler.raw() as client:
            client.send(raw.startup({"user": "app", "database": "app"}))
            assert asked.wait(20)
            pooler.settings["server_tls_sslmode"] = "disable"
            pooler.write_configuration()
            assert console.run("RELOAD")[0].type == "C"
            answer.set()
            assert "TLS to the server failed" in client.until("E")[-1].text


def test_what_a_server_says_behind_its_greeting_is_not_lost(pgvouch):
    """The greeting's last packet ends within a message: framing goes on where the login left it."""
    notice = message("N", b"SNOTICE\0C00000\0Mwelcome\0\0")
    with StandIn(greeting=OK + READY + notice[:9]) as server:
        pooler = pgvouch(databases={"app": server.target()}, pool_mode="transaction", default_pool_size=1)
        with pooler.session() as session:
            server.connections[0].sendall(notice[9:])
            assert session.value("SELECT 1") == "1"
        assert len(server.startups) == 1


def test_half_a_message_on_an_idle_link_holds_up_no_worker(pgvouch):
    """The link cannot move to the worker of who waits while the rest is due; its own worker must go on and read the rest."""
    notice = message("N", b"SNOTICE\0C00000\0Mhello\0\0")
    go, rest_sent = threading.Event(), threading.Event()

    def answer(sql):
        if "first" in sql:
            go.wait(20)
            return row("1") + READY + notice[:9]
        rest_sent.wait(20)
        return row("1") + READY

    with StandIn(answer) as server:
        pooler = pgvouch(databases={"app": server.target()}, pool_mode="transaction", default_pool_size=1, threads=4,
                         admin_users="app")
        with pooler.session() as first, pooler.session(database="pgvouch") as console, contextlib.ExitStack() as stack:
            crowd = [stack.enter_context(pooler.session()) for _ in range(16)]
            waiting = [one for one in crowd if worker_of(one) != worker_of(first)]
            first.send(query("SELECT 'first'"))
            await_condition(lambda: server.queries, "the first query to arrive")
            for one in waiting:
                one.send(query("SELECT 1"))
            await_condition(lambda: [pool[3] for pool in console.rows("SHOW POOLS") if pool[0] == "app"] ==
                            [str(len(waiting))], "all to wait")
            go.set()
            assert rows_of(first.until("Z")) == [["1"]]
            server.connections[0].sendall(notice[9:])
            rest_sent.set()
            for one in waiting:
                assert rows_of(one.until("Z")) == [["1"]]
        assert len(server.startups) == 1
