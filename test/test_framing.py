"""However a stream of bytes is cut into pieces, the result is the same; and no bytes at all bring the daemon down."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import raw
from support.raw import Closed, bind, execute, extended, message, parse, query, send_pieces, startup
from support.standin import READY, StandIn, error, row

STARTUP = startup({"user": "app", "database": "app", "application_name": "framing"})
STREAM = STARTUP + b"".join([
    query("SELECT 'first'"),
    extended("SELECT $1::text || 'x', NULL", [b"second"]),
    query("BEGIN; CREATE TEMP TABLE t (a int, b text) ON COMMIT DROP"),
    query("COPY t FROM STDIN"), *(message("d", b"%d\tword\n" % i) for i in range(20)), message("c"),
    parse("SELECT nothing"), bind(), execute(), raw.SYNC,
    query("ROLLBACK"),
    query("SELECT '" + "y" * 20000 + "'"),
    message("d", b"outside of a COPY"),
    raw.SYNC,
    query("DO $$ BEGIN RAISE NOTICE 'eighth'; END $$; SELECT 9"),
])
ANSWERS = 10
REPLY = b"".join([message("S", b"TimeZone\0Asia/Tokyo\0"), row("one", "z" * 9000),
                  message("N", b"SNOTICE\0C00000\0Mhello\0\0"), row("two"), error("late", "40001"), READY])

fuzzed = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def cut(data, places):
    edges = [0, *sorted({place % len(data) for place in places}), len(data)]
    return [data[a:b] for a, b in zip(edges, edges[1:]) if a < b]


def places():
    return st.one_of(st.lists(st.integers(0, len(STREAM) - 1), max_size=30),
                     st.lists(st.integers(0, 1500), max_size=200))


def answers(connection):
    """What comes up to the last answer, without what differs from one session to the next."""
    got = [m for _ in range(ANSWERS) for m in connection.until("Z") if m.type != "K"]
    connection.send(raw.TERMINATE)
    assert connection.is_closed()
    return got


@pytest.fixture(params=["session", "transaction"])
def pooler(request, pgvouch, postgres, database, threads):
    return pgvouch(databases={"app": postgres.target(database)}, pool_mode=request.param, default_pool_size=1,
                   threads=threads, log_connections=0, log_disconnections=0)


def test_any_split_of_what_the_client_sends_gives_the_same_result(pooler):
    def conversation(pieces):
        with pooler.raw() as connection:
            send_pieces(connection.socket, pieces)
            return answers(connection)

    whole = conversation([STREAM])
    assert raw.types_of(whole).lstrip("RS") == "ZTDCZ12TDCZCCZGCZEZCZTDCZZNCTDCZ"

    @fuzzed
    @given(places())
    def check(at):
        assert conversation(cut(STREAM, at)) == whole
    check()


def test_any_split_inside_tls_gives_the_same_result(pgvouch, postgres, database, server_identity):
    pooler = pgvouch(databases={"app": postgres.target(database)}, pool_mode="transaction", default_pool_size=1,
                     client_tls_sslmode="require", client_tls_cert_file=server_identity.cert_file,
                     client_tls_key_file=server_identity.key_file, log_connections=0, log_disconnections=0)

    def conversation(pieces):
        with pooler.raw() as connection:
            connection.secure()
            for piece in pieces:
                connection.send(piece)
            return answers(connection)

    whole = conversation([STREAM])

    @settings(fuzzed, max_examples=20)
    @given(places())
    def check(at):
        assert conversation(cut(STREAM, at)) == whole
    check()


def test_any_split_of_what_the_server_sends_gives_the_same_result(pgvouch):
    plan = [[REPLY]]
    with StandIn(lambda sql: plan[-1] if "go" in sql else row("1") + READY) as server:
        pooler = pgvouch(databases={"app": server.target()}, pool_mode="transaction", default_pool_size=1)
        with pooler.session() as session:
            whole = session.run("go")

            @fuzzed
            @given(st.lists(st.integers(0, len(REPLY) - 1), max_size=40))
            def check(at):
                plan.append(cut(REPLY, at))
                assert session.run("go") == whole
            check()
        assert len(server.startups) == 1


def exchange(connection, data):
    """Sends bytes and an end, and reads to the end."""
    try:
        connection.send(data).end_sending()
        while connection.receive(1):
            pass
    except (Closed, OSError):
        pass


# Lengths that say much, little or nothing, in front of anything.
NOISE = st.one_of(st.binary(max_size=300), st.tuples(
    st.sampled_from([0, 4, 8, 9, 100, 9999, 2**31, 2**32 - 1]),
    st.sampled_from([196608, 196610, 80877102, 80877103, 80877104, 80880685, 0]),
    st.binary(max_size=120)).map(lambda t: t[0].to_bytes(4, "big") + t[1].to_bytes(4, "big") + t[2]))


def test_no_bytes_before_login_bring_the_daemon_down(pgvouch, server_identity):
    pooler = pgvouch(client_tls_sslmode="allow", client_tls_cert_file=server_identity.cert_file,
                     client_tls_key_file=server_identity.key_file, log_pooler_errors=0, log_disconnections=0)

    @settings(fuzzed, max_examples=200)
    @given(st.lists(NOISE, min_size=1, max_size=3).map(b"".join))
    def check(data):
        with pooler.raw() as connection:
            exchange(connection, data)
    check()
    with pooler.session() as session:
        assert session.value("SELECT 1") == "1"


def test_no_messages_after_login_bring_the_daemon_down(pgvouch, postgres, database, threads):
    pooler = pgvouch(databases={"app": postgres.target(database)}, pool_mode="transaction", default_pool_size=2,
                     threads=threads, log_pooler_errors=0, log_disconnections=0)
    types = st.sampled_from("QPBEDCSHFdcfXp")
    bodies = st.one_of(st.binary(max_size=60), st.sampled_from(
        [b"SELECT 1\0", b"\0SELECT 1\0\0\0", b"\0\0\0\0\0\0\0\0", b"\0\0\0\0\0", b"S\0", b"P\0", b"s1\0SELECT 1\0\0\0", b""]))
    noise = st.lists(st.tuples(types, bodies).map(lambda t: message(*t)), max_size=12).map(b"".join)

    @settings(fuzzed, max_examples=100)
    @given(noise)
    def check(data):
        with pooler.raw() as connection:
            exchange(connection, STARTUP + data)
    check()
    with pooler.session() as session:
        assert session.value("SELECT 1") == "1"
