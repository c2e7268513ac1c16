"""Drivers of every kind read the console, and the protocol it speaks, byte by byte."""

import asyncio
import struct
import subprocess

import asyncpg
import psycopg
import psycopg2
import pytest

from support import raw
from support.console import console, pooler, start  # noqa: F401: fixtures
from support.process import await_condition
from support.raw import bind, close, describe, execute, parse, query, types_of


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
