"""psycopg2's part in test_drivers.py. It fills in parameters itself and names no statements."""

import io

import psycopg2
import psycopg2.extras


def run(connection, sql, parameters=None):
    """The number of rows, and the first of them."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.rowcount, cursor.fetchone() if cursor.description else None


def value(connection, sql, parameters=None):
    return run(connection, sql, parameters)[1][0]


def count(connection):
    return value(connection, "SELECT count(*) FROM talk")


def add(connection, number, word):
    return run(connection, "INSERT INTO talk (id, word) VALUES (%s, %s)", [number, word])[0]


one = psycopg2.connect("")
one.autocommit = True
print("connected", value(one, "SELECT 1"))
run(one, "CREATE TABLE talk (id int PRIMARY KEY, word text)")
print("inserted", add(one, 1, "één") + add(one, 2, None))
print("selected", *(value(one, "SELECT word FROM talk WHERE id = %s", [i]) or "-" for i in (1, 2)))

one.autocommit = False
add(one, 3, "committed")
one.commit()
add(one, 4, "rolled back")
one.rollback()
print("committed", count(one))

with one.cursor() as cursor:
    psycopg2.extras.execute_values(cursor, "INSERT INTO talk (id, word) VALUES %s",
                                   [(i, "batch") for i in range(11, 16)])
    print("batch", cursor.rowcount)
    cursor.copy_expert("COPY talk (id, word) FROM STDIN", io.StringIO("".join(f"{i}\tcopied\n" for i in range(100, 1100))))
    print("copied in", cursor.rowcount)
    out = io.StringIO()
    cursor.copy_expert("COPY talk (id, word) TO STDOUT", out)
    print("copied out", len(out.getvalue().splitlines()))
one.commit()

try:
    run(one, "SELECT 1 / %s", [0])
except psycopg2.errors.DivisionByZero as error:
    print("failed", error.pgcode)
one.rollback()
print("recovered", value(one, "SELECT 1"))

with one.cursor("portal") as cursor:  # a portal of the server's, read in pieces
    cursor.itersize = 3
    cursor.execute("SELECT id FROM talk WHERE id <= 15 ORDER BY id")
    assert [row[0] for row in cursor] == [1, 2, 3, 11, 12, 13, 14, 15]
print("repeated", sum(value(one, "SELECT %s::int", [i]) for i in range(1, 11)))
print("large", len(value(one, "SELECT %s::text", ["x" * 300000])))
print("named", value(one, "SELECT count(*) > 0 FROM pg_prepared_statements"))
one.commit()

other = psycopg2.connect("")
print("other", count(other))
other.close()
one.autocommit = True
run(one, "DROP TABLE talk")
one.close()
print("done")
