"""psycopg 3's part in test_drivers.py."""

import os
import sys

import psycopg

habit = sys.argv[1]
HABITS = {"named": {}, "unnamed": {"prepare_threshold": None}}


def connect():
    return psycopg.connect(autocommit=True, **HABITS[habit])


def count(connection):
    return connection.execute("SELECT count(*) FROM talk").fetchone()[0]


def add(connection, number, word):
    return connection.execute("INSERT INTO talk (id, word) VALUES (%s, %s)", [number, word]).rowcount


with connect() as one:
    assert psycopg.pq.__impl__ == os.environ["PSYCOPG_IMPL"]
    print("connected", one.execute("SELECT 1").fetchone()[0])
    one.execute("CREATE TABLE talk (id int PRIMARY KEY, word text)")
    print("inserted", add(one, 1, "één") + add(one, 2, None))
    words = [one.execute("SELECT word FROM talk WHERE id = %s", [i]).fetchone()[0] for i in (1, 2)]
    print("selected", *(word or "-" for word in words))

    with one.transaction():
        add(one, 3, "committed")
    try:
        with one.transaction():
            add(one, 4, "rolled back")
            raise psycopg.Rollback
    except psycopg.Rollback:
        pass
    print("committed", count(one))

    with one.pipeline():
        batch = [one.execute("INSERT INTO talk (id, word) VALUES (%s, %s)", [i, "batch"]) for i in range(11, 16)]
    print("batch", sum(cursor.rowcount for cursor in batch))

    with one.cursor() as cursor:
        with cursor.copy("COPY talk (id, word) FROM STDIN") as copy:
            for i in range(100, 1100):
                copy.write_row((i, "copied"))
        print("copied in", cursor.rowcount)
        with cursor.copy("COPY talk (id, word) TO STDOUT") as copy:
            print("copied out", sum(1 for _ in copy.rows()))

    try:
        with one.transaction():
            one.execute("SELECT 1 / %s", [0])
    except psycopg.errors.DivisionByZero as error:
        print("failed", error.sqlstate)
    print("recovered", one.execute("SELECT 1").fetchone()[0])

    print("repeated", sum(one.execute("SELECT %s::int", [i]).fetchone()[0] for i in range(1, 11)))
    print("large", len(one.execute("SELECT %s::text", ["x" * 300000]).fetchone()[0]))
    print("named", one.execute("SELECT count(*) > 0 FROM pg_prepared_statements").fetchone()[0])

    with connect() as other:
        print("other", count(other))
    one.execute("DROP TABLE talk")
print("done")
