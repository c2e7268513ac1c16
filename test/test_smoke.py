"""A session goes through, on every backend and number of threads."""


def test_a_query_goes_through(pgvouch, backend, threads):
    pooler = pgvouch(databases={"app": backend.target()}, users={backend.user: ""}, threads=threads)
    with pooler.connect() as session:
        assert session.execute("SELECT 1 + 1").fetchone() == (2,)
