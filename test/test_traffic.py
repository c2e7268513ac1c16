"""What goes through a session once it is there: every kind of message, of any size, both ways."""

import os
import threading

import psycopg
import pytest

from support import raw
from support.process import await_condition
from support.raw import bind, execute, extended, message, parse, query, rows_of, types_of

MB = 1024 * 1024


@pytest.fixture(params=["session", "transaction"])
def mode(request):
    return request.param


@pytest.fixture
def pooler(pgvouch, postgres, database, mode, threads):
    return pgvouch(databases={"app": postgres.target(database)}, pool_mode=mode, default_pool_size=1, threads=threads)


@pytest.fixture
def session(pooler):
    with pooler.session() as session:
        yield session


def resident_kb(pooler):
    with open(f"/proc/{pooler.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


# ---- simple and extended queries ----

def test_several_statements_in_one_query(session):
    messages = session.run("SELECT 1; SELECT 2; CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2); SELECT 3")
    assert rows_of(messages) == [["1"], ["2"], ["3"]]
    assert types_of(messages) == "TDCTDCCCTDCZ"


def test_an_error_ends_a_series_of_statements(session):
    messages = session.run("CREATE TABLE t (a int); SELECT 1/0; SELECT 3")
    assert types_of(messages) == "CEZ"
    assert messages[1].sqlstate == "22012"
    assert session.value("SELECT to_regclass('t') IS NULL") == "t"


def test_an_empty_query(session):
    assert types_of(session.run("")) == "IZ"
    assert types_of(session.run(" -- nothing")) == "IZ"


def test_an_unnamed_statement_with_parameters(session):
    messages = session.send(extended("SELECT $1::int + $2::int, $3::text", [b"40", b"2", None])).until("Z")
    assert rows_of(messages) == [["42", None]]
    assert types_of(messages) == "12TDCZ"


def test_an_error_in_the_extended_protocol_skips_to_sync(session):
    messages = session.send(parse("SELECT nothing FROM nowhere"), bind(), execute(), parse("SELECT 1"), raw.SYNC).until("Z")
    assert types_of(messages) == "EZ"
    assert session.value("SELECT 1") == "1"


def test_flush_brings_answers_without_sync(session):
    session.send(parse("SELECT 1"), raw.describe("S"), raw.FLUSH)
    assert types_of(session.until("T")) == "1tT"
    session.send(bind(), execute(), raw.FLUSH)
    assert types_of(session.until("C")) == "2DC"
    assert types_of(session.send(raw.SYNC).until("Z")) == "Z"


def test_a_portal_read_in_parts(session):
    session.rows("BEGIN")
    session.send(parse("SELECT generate_series(1, 5)"), bind(), execute(rows=2), raw.FLUSH)
    assert types_of(session.until("s")) == "12DDs"
    session.send(execute(rows=2), raw.FLUSH)
    assert types_of(session.until("s")) == "DDs"
    assert types_of(session.send(execute(), raw.SYNC).until("Z")) == "DCZ"
    session.rows("COMMIT")


def test_a_pipeline_of_simple_queries_is_answered_in_order(session):
    count = 200
    session.send(*(query(f"SELECT {i}") for i in range(count)))
    assert [rows_of(session.until("Z"))[0][0] for _ in range(count)] == [str(i) for i in range(count)]


def test_a_pipeline_with_errors_in_it(session):
    session.send(*(extended("SELECT 1 / $1::int", [str(i % 3).encode()]) for i in range(60)))
    for i in range(60):
        assert types_of(session.until("Z")) == ("1EZ" if i % 3 == 0 else "12TDCZ")  # Bind divides constants already


def test_pipelines_of_two_clients_do_not_mix(pgvouch, postgres, database, mode, threads):
    pooler = pgvouch(databases={"app": postgres.target(database)}, pool_mode=mode, threads=threads,
                     default_pool_size=1 if mode == "transaction" else 2)
    with pooler.session() as one, pooler.session() as other:
        one.send(*(extended("SELECT $1::text", [b"one%d" % i]) for i in range(100)))
        other.send(*(extended("SELECT $1::text", [b"other%d" % i]) for i in range(100)))
        assert [rows_of(other.until("Z")) for i in range(100)] == [[[f"other{i}"]] for i in range(100)]
        assert [rows_of(one.until("Z")) for i in range(100)] == [[[f"one{i}"]] for i in range(100)]


def test_psycopg_pipeline_mode(pooler):
    with pooler.connect(autocommit=False) as connection, connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", [i]) for i in range(50)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(50))


def test_a_function_call(session):
    oid = int(session.value("SELECT 'pg_catalog.int4pl'::regproc::oid::int"))
    body = b"".join([oid.to_bytes(4, "big"), b"\0\0", b"\0\2", b"\0\0\0\1", b"2", b"\0\0\0\1", b"3", b"\0\0"])
    messages = session.send(message("F", body)).until("Z")
    assert types_of(messages) == "VZ"
    assert messages[0].body[4:] == b"5"


# ---- notices and notifications ----

def test_a_notice_reaches_its_client(session):
    messages = session.run("DO $$ BEGIN RAISE NOTICE 'look here'; END $$")
    assert types_of(messages) == "NCZ"
    assert messages[0].text == "look here"


def test_a_notification_reaches_an_idle_listener(pgvouch, postgres, database):
    pooler = pgvouch(databases={"app": postgres.target(database)}, pool_mode="session")
    with pooler.session() as listener, pooler.session() as sender:
        listener.rows("LISTEN news")
        sender.rows("NOTIFY news, 'fit to print'")
        got = listener.message()
        assert got.type == "A"
        assert got.body[4:] == b"news\0fit to print\0"


# ---- COPY ----

def test_copy_in(session):
    session.rows("CREATE TABLE t (a int, b text)")
    session.send(query("COPY t FROM STDIN"))
    assert session.message().type == "G"
    session.send(*(message("d", b"%d\trow %d\n" % (i, i)) for i in range(1000)), message("c"))
    assert types_of(session.until("Z")) == "CZ"
    assert session.rows("SELECT count(*), sum(a) FROM t") == [["1000", "499500"]]


def test_copy_in_that_the_client_gives_up(session):
    session.rows("CREATE TABLE t (a int)")
    session.send(query("COPY t FROM STDIN"))
    assert session.message().type == "G"
    session.send(message("d", b"1\n"), message("f", b"never mind\0"))
    messages = session.until("Z")
    assert types_of(messages) == "EZ"
    assert "never mind" in messages[0].text
    assert session.value("SELECT count(*) FROM t") == "0"


def test_copy_in_that_the_server_refuses_halfway(session):
    session.rows("CREATE TABLE t (a int)")
    session.send(query("COPY t FROM STDIN"))
    assert session.message().type == "G"
    session.send(message("d", b"1\nnot a number\n"))
    assert session.message().type == "E"
    session.send(*[message("d", b"2\n")] * 100, message("c"))
    assert types_of(session.until("Z")) == "Z"
    assert session.value("SELECT count(*) FROM t") == "0"


def test_copy_in_by_the_extended_protocol(session):
    session.rows("CREATE TABLE t (a int)")
    session.send(parse("COPY t FROM STDIN"), bind(), execute(), raw.SYNC)
    assert types_of(session.until("G")) == "12G"
    session.send(message("d", b"1\n2\n"), message("c"), raw.SYNC)
    assert types_of(session.until("Z")) == "CZ"
    assert session.value("SELECT count(*) FROM t") == "2"


def test_copy_out(session):
    messages = session.send(query("COPY (SELECT generate_series(1, 1000)) TO STDOUT")).until("Z")
    assert types_of(messages) == "H" + "d" * 1000 + "cCZ"


def test_copy_of_much_data_both_ways(pooler):
    block = os.urandom(MB // 2).hex().encode() + b"\n"
    with pooler.connect() as connection:
        connection.execute("CREATE TABLE t (a text)")
        with connection.cursor() as cursor:
            with cursor.copy("COPY t FROM STDIN") as copy:
                for _ in range(20):
                    copy.write(block)
            with cursor.copy("COPY t TO STDOUT") as copy:
                assert b"".join(bytes(piece) for piece in copy) == block * 20


# ---- sizes ----

def test_a_row_of_40_megabytes(session):
    size = 40 * MB
    assert len(session.value(f"SELECT repeat('x', {size})")) == size
    assert session.value("SELECT 'still here'") == "still here"


def test_a_query_of_40_megabytes(session):
    size = 40 * MB
    assert session.value(f"SELECT length('{'x' * size}')") == str(size)
    assert session.value("SELECT 'still here'") == "still here"


def test_a_parameter_of_40_megabytes_comes_back(session):
    value = os.urandom(20 * MB).hex().encode()
    messages = session.send(extended("SELECT $1::text", [value])).until("Z")
    assert [m for m in messages if m.type == "D"][0].columns == [value]


def test_a_large_row_over_tls(pgvouch, postgres, database, server_identity, authority, threads):
    pooler = pgvouch(databases={"app": postgres.target(database, host="localhost")}, threads=threads,
                     client_tls_sslmode="require", client_tls_cert_file=server_identity.cert_file,
                     client_tls_key_file=server_identity.key_file, server_tls_sslmode="verify-full",
                     server_tls_ca_file=authority.ca_file)
    with pooler.connect(sslmode="require") as connection:
        value = os.urandom(10 * MB).hex()
        assert connection.execute("SELECT %s::text", [value]).fetchone()[0] == value


def test_a_slow_reader_holds_up_neither_memory_nor_others(pgvouch, postgres, database, threads):
    pooler = pgvouch(databases={"app": postgres.target(database)}, pool_mode="transaction", threads=threads)
    with pooler.session() as slow, pooler.session() as other:
        other.rows("SELECT 1")
        before = resident_kb(pooler)
        slow.send(query("SELECT repeat('x', 1000000) FROM generate_series(1, 100)"))
        with postgres.admin() as admin:
            await_condition(lambda: admin.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event = 'ClientWrite'",
                [database]).fetchone()[0] == 1, "the backend to wait for its reader")
        for i in range(20):
            assert other.value(f"SELECT {i}") == str(i)
        assert resident_kb(pooler) - before < 20 * 1024 or os.environ.get("PGVOUCH_TEST_SANITIZER")
        assert types_of(slow.until("Z")) == "T" + "D" * 100 + "CZ"


def test_a_slow_server_holds_up_a_fast_writer(pgvouch, postgres, database):
    pooler = pgvouch(databases={"app": postgres.target(database)}, pool_mode="session")
    with pooler.session() as session, pooler.session() as other:
        session.rows("CREATE TABLE t (a text)")
        other.rows("BEGIN; LOCK TABLE t")
        before = resident_kb(pooler)
        session.send(query("COPY t FROM STDIN"))
        chunk = message("d", b"x" * 60000 + b"\n") * 10
        sent = threading.Event()

        def push():
            session.send(*[chunk] * 100, message("c"))
            sent.set()
        writer = threading.Thread(target=push)
        writer.start()
        assert not sent.wait(0.5)
        assert resident_kb(pooler) - before < 20 * 1024 or os.environ.get("PGVOUCH_TEST_SANITIZER")
        other.rows("COMMIT")
        writer.join(20)
        assert types_of(session.until("Z")) == "GCZ"
        assert session.value("SELECT count(*) FROM t") == "1000"


# ---- messages that cannot be ----

@pytest.mark.parametrize("bad", [
    b"Q\0\0\0\3", b"Q\0\0\0\0", b"Q\x80\0\0\0", b"Q\xff\xff\xff\xff", message("\x01"), message("z", b"x"), message("R", b"\0" * 4),
    message("p", b"\0")])
def test_a_message_that_cannot_be_ends_the_client_with_a_word(pooler, bad):
    with pooler.session() as session:
        assert session.send(bad).error().sqlstate == "08P01"
        assert session.is_closed()
    with pooler.session() as session:
        assert session.value("SELECT 1") == "1"


def test_copy_messages_outside_a_copy_are_ignored(session):
    session.send(message("d", b"1\n"), message("c"), message("f", b"x\0"))
    assert session.value("SELECT 1") == "1"


def test_sync_alone_is_answered(session):
    assert types_of(session.send(raw.SYNC).until("Z")) == "Z"
    assert types_of(session.send(raw.SYNC, raw.SYNC).until("Z")) == "Z"
    assert types_of(session.until("Z")) == "Z"


def test_the_core_of_sql(pgvouch, backend, threads):
    """On every backend: DDL, parametrised statements, a transaction, an error and what comes after it."""
    pooler = pgvouch(databases={"app": backend.target()}, users={backend.user: ""}, pool_mode="transaction", threads=threads)
    with pooler.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS pgvouch_core")
        connection.execute("CREATE TABLE pgvouch_core (id INT PRIMARY KEY, word TEXT)")
        with connection.transaction():
            for i in range(10):
                connection.execute("INSERT INTO pgvouch_core VALUES (%s, %s)", [i, f"word {i}"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO pgvouch_core VALUES (%s, %s)", [1, "again"])
        assert connection.execute("SELECT word FROM pgvouch_core WHERE id = %s", [7]).fetchone() == ("word 7",)
        with pytest.raises(ZeroDivisionError), connection.transaction():
            connection.execute("DELETE FROM pgvouch_core")
            raise ZeroDivisionError
        assert connection.execute("SELECT count(*) FROM pgvouch_core").fetchone() == (10,)
        connection.execute("DROP TABLE pgvouch_core")


def test_a_query_right_before_terminate_is_run(session, postgres, database):
    session.rows("CREATE TABLE last_words (a int)")
    session.send(query("INSERT INTO last_words VALUES (1)"), raw.TERMINATE)
    assert types_of(session.until_closed()) == "CZ"

    def inserted():
        with postgres.admin(database) as admin:
            return admin.execute("SELECT count(*) FROM last_words").fetchone()[0] == 1
    await_condition(inserted, "the row")
