"""The console as tests see it: fixtures, and a session on it."""

import os
import socket
import threading

import psycopg
import pytest

USERS = {"app": "", "dba": "", "watcher": ""}


@pytest.fixture
def start(pgvouch):
    def start(**settings):
        return pgvouch(**{"users": USERS, "admin_users": "dba", "stats_users": "watcher", **settings})
    return start


@pytest.fixture
def pooler(start, threads):
    return start(threads=threads, pool_mode="transaction")


class Console:
    """A session of psycopg 3 on the console, simple protocol."""

    def __init__(self, pooler, user="dba", dbname="pgvouch"):
        self.connection = psycopg.connect(pooler.conninfo(user=user, dbname=dbname), autocommit=True,
                                          cursor_factory=psycopg.ClientCursor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def run(self, sql):
        return self.connection.execute(sql)

    def table(self, sql):
        """Rows as dicts."""
        cursor = self.run(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def row(self, sql, **wanted):
        """The one row that has these values."""
        found = [row for row in self.table(sql) if all(row[name] == value for name, value in wanted.items())]
        assert len(found) == 1, f"{sql}: {len(found)} rows have {wanted}"
        return found[0]

    def refusal(self, sql):
        with pytest.raises(psycopg.Error) as error:
            self.run(sql)
        return error.value.sqlstate, error.value.diag.message_primary


def local_port(console):
    with socket.socket(fileno=os.dup(console.connection.fileno())) as copy:
        return copy.getsockname()[1]


@pytest.fixture
def console(pooler):
    with Console(pooler) as console:
        yield console


def in_background(task):
    """Runs it on a thread; join() gives its value or raises what it raised."""
    outcome = {}

    def run():
        try:
            outcome["value"] = task()
        except Exception as error:  # noqa: BLE001: raised again below
            outcome["error"] = error

    thread = threading.Thread(target=run)
    thread.start()

    def join(seconds=20):
        thread.join(seconds)
        assert not thread.is_alive(), "it still waits"
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]
    return join
