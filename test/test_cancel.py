"""A cancel request reaches the query that it is meant for, and no other."""

import threading
import time

import pytest

from support import raw
from support.process import await_condition
from support.raw import PROTOCOL_3_0, PROTOCOL_3_2, query, rows_of, types_of
from support.standin import READY, StandIn, row

SLEEP = query("SELECT pg_sleep(30)")


def active(postgres, database, count):
    """Waits until so many queries run in the database."""
    await_condition(lambda: postgres.links(database, "state = 'active'") == count, f"{count} running queries")


def send_cancel(pooler, key, tls=False):
    with pooler.raw() as connection:
        if tls:
            connection.secure()
        connection.send(raw.cancel(key))
        assert connection.is_closed()


@pytest.fixture(params=["session", "transaction"])
def pooler(request, pgvouch, postgres, database, threads, server_identity):
    return pgvouch(databases={"app": postgres.target(database)}, pool_mode=request.param, threads=threads,
                   client_tls_sslmode="allow", client_tls_cert_file=server_identity.cert_file,
                   client_tls_key_file=server_identity.key_file)


@pytest.mark.parametrize("version", [PROTOCOL_3_0, PROTOCOL_3_2], ids=["3.0", "3.2"])
def test_a_running_query_is_cancelled(pooler, postgres, database, version):
    with pooler.session(version=version) as session:
        session.send(SLEEP)
        active(postgres, database, 1)
        send_cancel(pooler, session.key)
        messages = session.until("Z")
        assert [m.sqlstate for m in messages if m.type == "E"] == ["57014"]
        assert session.value("SELECT 'still here'") == "still here"


def test_a_running_query_is_cancelled_over_tls(pooler, postgres, database):
    with pooler.session() as session:
        session.send(SLEEP)
        active(postgres, database, 1)
        send_cancel(pooler, session.key, tls=True)
        assert [m.sqlstate for m in session.until("Z") if m.type == "E"] == ["57014"]


def test_of_many_queries_only_the_one_meant_is_cancelled(pooler, postgres, database):
    sessions = [pooler.session() for _ in range(8)]
    for session in sessions:
        session.send(SLEEP)
    active(postgres, database, 8)
    for left in range(8, 0, -1):
        session = sessions.pop(3 % left)
        send_cancel(pooler, session.key)
        assert [m.sqlstate for m in session.until("Z") if m.type == "E"] == ["57014"]
        assert postgres.links(database, "state = 'active'") == left - 1
        session.close()


def test_a_key_with_one_bit_flipped_cancels_nothing(pooler, postgres, database):
    with pooler.session() as session:
        session.send(query("SELECT pg_sleep(1), 'done'"))
        active(postgres, database, 1)
        for bit in range(64):
            key = bytearray(session.key)
            key[bit // 8] ^= 1 << bit % 8
            send_cancel(pooler, bytes(key))
        assert rows_of(session.until("Z")) == [["", "done"]]


@pytest.mark.parametrize("key", [b"\0" * 8, b"\xff" * 8, b"\0" * 260])
def test_a_key_that_nobody_has_is_ignored(pooler, key):
    send_cancel(pooler, key)
    with pooler.session() as session:
        assert session.value("SELECT 1") == "1"


@pytest.mark.parametrize("key", [b"", b"\0" * 7, b"\0" * 261])
def test_a_cancel_request_of_the_wrong_length_is_refused(pooler, key):
    with pooler.raw() as connection:
        assert connection.send(raw.cancel(key)).error().sqlstate == "08P01"


def test_the_key_of_an_idle_client_does_not_reach_who_has_its_link_now(pgvouch, postgres, database, threads):
    pooler = pgvouch(databases={"app": postgres.target(database)}, pool_mode="transaction", default_pool_size=1,
                     threads=threads)
    with pooler.session() as before, pooler.session() as now:
        assert before.value("SELECT 1") == "1"
        now.send(query("SELECT pg_sleep(0.5), 'done'"))
        active(postgres, database, 1)
        for _ in range(5):
            send_cancel(pooler, before.key)
        assert rows_of(now.until("Z")) == [["", "done"]]


def test_a_query_that_waits_for_a_link_is_cancelled_in_its_place(pgvouch, postgres, database, threads):
    pooler = pgvouch(databases={"app": postgres.target(database)}, pool_mode="transaction", default_pool_size=1,
                     threads=threads)
    with pooler.session() as holder, pooler.session() as waiter:
        holder.rows("BEGIN")
        waiter.send(query("SELECT 1"))
        send_again = [0]

        def cancelled():
            send_again[0] += 1
            send_cancel(pooler, waiter.key)
            waiter.socket.settimeout(0.2)
            try:
                return waiter.socket.recv(1) == b"E"
            except TimeoutError:
                return False
        await_condition(cancelled, "the waiting query's end")
        rest = waiter.receive(4)
        waiter.receive(int.from_bytes(rest, "big") - 4)
        assert waiter.message().type == "Z"
        assert holder.value("SELECT 'untouched'") == "untouched"
        holder.rows("COMMIT")
        assert waiter.value("SELECT 'served'") == "served"


def test_the_cancel_that_comes_late_hits_nobody(pgvouch, postgres, database, threads):
    """Cancels race with the end of their queries; every query of the neighbour must succeed."""
    pooler = pgvouch(databases={"app": postgres.target(database)}, pool_mode="transaction", default_pool_size=1,
                     threads=threads)
    with pooler.session() as racer, pooler.session() as neighbour:
        for i in range(100):
            racer.send(query("SELECT pg_sleep(0.0005)"))
            neighbour.send(query(f"SELECT {i}"))
            with pooler.raw() as connection:
                connection.send(raw.cancel(racer.key))
                assert types_of(racer.until("Z")) in ("TDCZ", "EZ", "TEZ")
                assert rows_of(neighbour.until("Z")) == [[str(i)]]
                assert connection.is_closed()


def test_a_backend_without_a_key_is_sent_no_cancel(pgvouch):
    ready = []

    def answer(sql):
        if "slow" not in sql:
            return row("1") + READY
        await_condition(lambda: ready, "the cancel request to be over")
        return row("done") + READY
    with StandIn(answer, key=None) as server:
        pooler = pgvouch(databases={"app": server.target()})
        with pooler.session() as session:
            assert len(session.key) == 8
            session.send(query("SELECT slow"))
            await_condition(lambda: "SELECT slow" in server.queries, "the query to arrive")
            send_cancel(pooler, session.key)
            ready.append(time.monotonic())
            assert rows_of(session.until("Z")) == [["done"]]
            assert server.cancels == []


def test_a_backend_is_sent_its_own_key(pgvouch):
    def answer(sql):
        if "slow" in sql:
            await_condition(lambda: server.cancels, "the cancel request")
        return row("1") + READY
    with StandIn(answer) as server:
        pooler = pgvouch(databases={"app": server.target()})
        with pooler.session() as session:
            assert session.key != b"\0\0\x12\x67\0\0\x30\x39"
            session.send(query("SELECT slow"))
            await_condition(lambda: "SELECT slow" in server.queries, "the query to arrive")
            send_cancel(pooler, session.key)
            session.until("Z")
            assert server.cancels == [(4711).to_bytes(4, "big") + (12345).to_bytes(4, "big")]


def test_a_cancel_request_that_nobody_took_in_time_costs_the_link(pgvouch):
    """It may still reach the server, and would hit the link's next user."""
    over = threading.Event()

    class Deaf(StandIn):
        def _start(self, connection):
            more = super()._start(connection)
            if not more:
                over.wait(20)
            return more

    def answer(sql):
        if "slow" in sql:
            await_condition(lambda: server.cancels, "the cancel request")
        return row("1") + READY
    with Deaf(answer) as server:
        pooler = pgvouch(databases={"app": server.target()}, pool_mode="transaction", default_pool_size=1,
                         cancel_wait_timeout=0.3)
        with pooler.session() as session, pooler.session() as other:
            session.send(query("SELECT slow"))
            await_condition(lambda: "SELECT slow" in server.queries, "the query to arrive")
            send_cancel(pooler, session.key)
            assert types_of(session.until("Z")) == "TDCZ"
            assert other.value("SELECT 1") == "1"
            assert len(server.startups) == 2
        over.set()
