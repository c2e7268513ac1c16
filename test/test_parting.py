"""Clients that leave before they have been answered, and those who are not let in but stay."""

import os

import pytest

from support import raw
from support.process import await_condition
from support.raw import Raw, bind, execute, extended, parse, query, rows_of, types_of


@pytest.fixture(params=["session", "transaction"])
def pooler(request, pgvouch, postgres, database, threads):
    return pgvouch(databases={"app": postgres.target(database)}, pool_mode=request.param, default_pool_size=1,
                   threads=threads)


# ---- Terminate behind what is not answered yet: a backend reads one message after the other, and so answers first ----

def test_a_query_with_terminate_behind_it_is_answered(pooler):
    with pooler.session() as session:
        answers = session.send(query("SELECT 1 FROM pg_sleep(0.1)"), raw.TERMINATE).until_closed()
    assert types_of(answers) == "TDCZ"


def test_a_pipeline_with_terminate_behind_it_is_answered_to_the_last(pooler):
    with pooler.session() as session:
        answers = session.send(extended("SELECT 1"), query("SELECT 2 FROM pg_sleep(0.1)"), extended("SELECT 3"),
                               raw.TERMINATE).until_closed()
    assert rows_of(answers) == [["1"], ["2"], ["3"]]


def test_terminate_in_a_packet_of_its_own_waits_for_the_answer_too(pooler):
    with pooler.session() as session:
        session.send(query("SELECT pg_sleep(0.2)"))
        answers = session.send(raw.TERMINATE).until_closed()
    assert types_of(answers) == "TDCZ"


def test_a_client_that_waits_for_a_link_is_answered_before_it_leaves(pooler):
    with pooler.session() as first, pooler.session() as second:
        first.run("BEGIN")
        second.send(query("SELECT 2"), raw.TERMINATE)
        first.run("COMMIT")
        first.send(raw.TERMINATE)
        assert types_of(second.until_closed()) == "TDCZ"


def test_a_series_without_sync_does_not_keep_a_client_that_leaves(pooler):
    with pooler.session() as session:
        session.send(parse("SELECT 1"), bind(), execute(), raw.TERMINATE)
        assert "Z" not in types_of(session.until_closed())
    with pooler.session() as next_one:
        assert next_one.value("SELECT 1") == "1"


def test_terminate_within_copy_ends_the_session(pooler):
    with pooler.session() as session:
        session.run("CREATE TABLE t (a int)")
        session.send(query("COPY t FROM STDIN")).until("G")
        session.send(raw.message("d", b"1\n"), raw.TERMINATE).until_closed()
    with pooler.session() as next_one:
        assert next_one.value("SELECT count(*) FROM t") == "0"


def test_what_comes_behind_terminate_is_not_run(pooler):
    with pooler.session() as session:
        session.run("CREATE TABLE t (a int)")
        session.send(query("SELECT 1"), raw.TERMINATE, query("INSERT INTO t VALUES (1)")).until_closed()
    with pooler.session() as next_one:
        assert next_one.value("SELECT count(*) FROM t") == "0"


# ---- those who are turned away ----

def open_files(pooler):
    return len(os.listdir(f"/proc/{pooler.process.pid}/fd"))


def test_clients_turned_away_who_do_not_go_take_no_descriptors(pgvouch, threads):
    pooler = pgvouch(threads=threads, max_client_conn=1)
    crowd = []
    with pooler.session():
        before = open_files(pooler)
        for _ in range(600):
            crowd.append(Raw(pooler.host, pooler.port))
        assert all("max_client_conn" in one.error().text for one in crowd)
        await_condition(lambda: open_files(pooler) <= before + 64 * threads, "the others to be let go", seconds=2)
    for one in crowd:
        one.close()


def test_clients_refused_who_do_not_go_take_no_descriptors(pgvouch, threads):
    pooler = pgvouch(threads=threads)
    crowd = []
    before = open_files(pooler)
    for _ in range(600):
        crowd.append(Raw(pooler.host, pooler.port))
        crowd[-1].send(raw.startup({"user": "app", "database": "nowhere"}))
        assert "no such database" in crowd[-1].error().text
    await_condition(lambda: open_files(pooler) <= before + 64 * threads, "the others to be let go", seconds=2)
    for one in crowd:
        one.close()
    await_condition(lambda: open_files(pooler) <= before, "the last of them to be let go")
