"""The drivers that script/test-deps brings. Each has a program that leads the same conversation (see CONVERSATION) with
the server that PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE and PGSSLROOTCERT name, in a process of its own."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
PROGRAMS = TOP / "test" / "drivers"
CACHE = TOP / ".cache"

CONVERSATION = """\
connected 1
inserted 2
selected één -
committed 3
batch 5
copied in 1000
copied out 1008
failed 22012
recovered 1
repeated 55
large 300000
named {named}
other 1008
done
"""


def in_place(path, driver):
    """The path, which script/test-deps made; its absence fails the test: a driver left out is a driver untested."""
    found = next(iter(sorted(path.parent.glob(path.name))), None)
    if found is None:
        pytest.fail(f"{driver} is missing ({path}): run script/test-deps", pytrace=False)
    return found


def in_path(program, driver):
    found = shutil.which(program)
    if not found:
        pytest.fail(f"{driver} is missing (no {program} in PATH): install it, then run script/test-deps", pytrace=False)
    return found


def python(module, program):
    def command(habit, _):
        if importlib.util.find_spec(module) is None:
            pytest.fail(f"{module} is missing in {sys.prefix}: run script/test-deps", pytrace=False)
        return [sys.executable, PROGRAMS / "python" / program, habit]
    return command


def psql(habit, _):
    return [in_path("psql", "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", f"named={habit == 'named'}",
            "-f", PROGRAMS / "psql" / "talk.sql"]


def node(habit, cache):
    modules = cache / "node" / "node_modules"
    in_place(modules / "pg", "node-pg")
    return [in_path("node", "node-pg"), PROGRAMS / "node" / "talk.js", habit, modules]


def pgx(habit, cache):
    return [in_place(cache / "go" / "pgx-driver", "pgx"), habit]


def jdbc(habit, cache):
    jar = in_place(cache / "java" / "postgresql-*.jar", "JDBC")
    return [in_path("java", "JDBC"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData",
            "-Dfile.encoding=UTF-8", "-cp", jar, PROGRAMS / "java" / "Talk.java", habit]


class Driver:
    """`habits`: how it can be told to deal with prepared statements, all but "named" fit for transaction mode.
    `names_statements`: whether "named" means names in the protocol, not in SQL. `threads`: how many pgvouch has."""

    def __init__(self, name, command, habits=("named", "unnamed"), env=None, names_statements=True, copies=True,
                 threads=(1, 4)):
        self.name = name
        self.command = command
        self.habits = habits
        self.env = env or {}
        self.names_statements = names_statements
        self.copies = copies
        self.threads = threads

    def conversation(self, named):
        """What a conversation that went well prints."""
        lines = CONVERSATION.format(named=str(named).lower()).splitlines()
        return [line for line in lines if self.copies or not line.startswith("copied")]

    def run(self, pooler, password, ca_file, habit, cache=CACHE, **env):
        """The finished process."""
        env = {"PGHOST": "localhost", "PGPORT": str(pooler.port), "PGUSER": pooler.user, "PGPASSWORD": password,
               "PGDATABASE": pooler.database, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(ca_file),
               "PGCONNECT_TIMEOUT": "20", "PGCLIENTENCODING": "UTF8", "PYTHONIOENCODING": "utf-8", **self.env, **env}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PSYCOPG"))}
        return subprocess.run([str(word) for word in self.command(habit, cache)], stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8", timeout=60, env={**kept, **env}, check=False)

    def talk(self, pooler, password, ca_file, habit, **env):
        """What it printed, line by line; a failure fails the test."""
        done = self.run(pooler, password, ca_file, habit, **env)
        assert done.returncode == 0, f"{self.name} failed after {done.stdout.splitlines()[-1:]}: {done.stderr}"
        return done.stdout.replace("True", "true").replace("False", "false").splitlines()


DRIVERS = {driver.name: driver for driver in (
    Driver("psql", psql, names_statements=False),
    Driver("psycopg-binary", python("psycopg", "talk_psycopg.py"), env={"PSYCOPG_IMPL": "binary"}),
    Driver("psycopg-system", python("psycopg", "talk_psycopg.py"), env={"PSYCOPG_IMPL": "python"}),
    Driver("psycopg2", python("psycopg2", "talk_psycopg2.py"), habits=("unnamed",)),
    Driver("asyncpg", python("asyncpg", "talk_asyncpg.py")),
    Driver("node-pg", node, copies=False),
    Driver("pgx", pgx, habits=("named", "unnamed", "simple")),
    Driver("jdbc", jdbc, habits=("named", "unnamed", "simple"), threads=(4,)),  # compiling takes seconds
)}
