"""asyncpg's part in test_drivers.py."""

import asyncio
import io
import sys

import asyncpg

HABITS = {"named": {}, "unnamed": {"statement_cache_size": 0}}


async def connect():
    return await asyncpg.connect(timeout=20, command_timeout=20, **HABITS[sys.argv[1]])


def rows_of(status):
    """Of a status like INSERT 0 1."""
    return int(status.split()[-1])


async def add(connection, number, word):
    return rows_of(await connection.execute("INSERT INTO talk (id, word) VALUES ($1, $2)", number, word))


async def count(connection):
    return await connection.fetchval("SELECT count(*) FROM talk")


async def change(one):
    await one.execute("CREATE TABLE talk (id int PRIMARY KEY, word text)")
    print("inserted", await add(one, 1, "één") + await add(one, 2, None))
    words = [await one.fetchval("SELECT word FROM talk WHERE id = $1", i) for i in (1, 2)]
    print("selected", *(word or "-" for word in words))

    async with one.transaction():
        await add(one, 3, "committed")
    undone = one.transaction()
    await undone.start()
    await add(one, 4, "rolled back")
    await undone.rollback()
    print("committed", await count(one))

    await one.executemany("INSERT INTO talk (id, word) VALUES ($1, $2)", [(i, "batch") for i in range(11, 16)])
    print("batch", await one.fetchval("SELECT count(*) FROM talk WHERE word = 'batch'"))
    status = await one.copy_records_to_table("talk", records=[(i, "copied") for i in range(100, 1100)])
    print("copied in", rows_of(status))
    out = io.BytesIO()
    await one.copy_from_table("talk", output=out)
    print("copied out", len(out.getvalue().splitlines()))


async def fail(one):
    try:
        async with one.transaction():
            await one.fetchval("SELECT 1 / $1::int", 0)
    except asyncpg.DivisionByZeroError as error:
        print("failed", error.sqlstate)
    print("recovered", await one.fetchval("SELECT 1"))


async def main():
    one = await connect()
    print("connected", await one.fetchval("SELECT 1"))
    await change(one)
    await fail(one)
    print("repeated", sum([await one.fetchval("SELECT $1::int", i) for i in range(1, 11)]))
    print("large", len(await one.fetchval("SELECT $1::text", "x" * 300000)))
    print("named", await one.fetchval("SELECT count(*) > 0 FROM pg_prepared_statements"))
    other = await connect()
    print("other", await count(other))
    await other.close()
    await one.execute("DROP TABLE talk")
    await one.close()
    print("done")


asyncio.run(main())
