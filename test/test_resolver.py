"""Host names of backends, where the name server does not answer."""

import os
import subprocess
import threading

import psycopg
import pytest

from support import scratch
from support.process import await_condition
from support.postgres import PASSWORD

# Looks names that begin with "slow" up for as long as a file is there.
RESOLVER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    while (node && strncmp(node, "slow", 4) == 0 && access(getenv("SLOW_WHILE"), F_OK) == 0)
        usleep(1000);
    return real(node && strncmp(node, "slow", 4) == 0 ? "localhost" : node, service, hints, out);
}
"""


@pytest.fixture
def silence(scratch_folder):
    """A file: while it is there, slow names find no answer."""
    file = scratch_folder / "silence"
    scratch.write(file, "")
    yield file
    file.unlink(missing_ok=True)


@pytest.fixture
def slow_resolver(scratch_folder, silence):
    """The environment of a process whose resolver is slow."""
    library = scratch_folder / "resolver.so"
    scratch.write(scratch_folder / "resolver.c", RESOLVER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, scratch_folder / "resolver.c", "-ldl"], check=True)
    library.chmod(0o755)
    return {"LD_PRELOAD": str(library), "SLOW_WHILE": str(silence),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


def slow_target(postgres, number):
    return postgres.target(host=f"slow{number}.example")


def greet(pooler, postgres, database, results):
    with psycopg.connect(**pooler.arguments(user="salted", password=PASSWORD, dbname=database)) as session:
        results.append(session.execute("SELECT 1").fetchone())


def test_names_that_are_not_answered_hold_up_no_login(pgvouch, postgres, slow_resolver, silence):
    slow = {f"slow{n}": slow_target(postgres, n) for n in range(8)}
    pooler = pgvouch(databases={"app": postgres.target(), **slow}, users={"salted": PASSWORD},
                     auth_type="scram-sha-256", env=slow_resolver)
    results = []
    waiting = [threading.Thread(target=greet, args=(pooler, postgres, name, results)) for name in slow]
    for one in waiting:
        one.start()
    await_condition(lambda: pooler.log.count("login attempt") == 8, "the clients that wait for a name")
    with pooler.connect(user="salted", password=PASSWORD) as quick:
        assert quick.execute("SELECT 1").fetchone() == (1,)
    assert not results
    silence.unlink()
    for one in waiting:
        one.join(20)
    assert results == [(1,)] * 8
