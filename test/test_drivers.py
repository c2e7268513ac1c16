"""Each driver leads a conversation through pgvouch, over TLS that it verifies in full and after SCRAM. See
support/drivers.py."""

import os
import re
import shutil
import subprocess

import psycopg
import pytest

from support.drivers import DRIVERS, TOP, python

PASSWORD = "an open sésame"
REFUSAL = "named prepared statements are not supported in this pool mode"


@pytest.fixture(params=DRIVERS.values(), ids=DRIVERS)
def driver(request):
    return request.param


def each_habit(wanted):
    """Parameters: each driver with each of its habits that are wanted, on each number of threads."""
    cases = [(driver, habit, threads) for driver in DRIVERS.values() for habit in driver.habits if wanted(habit)
             for threads in driver.threads]
    ids = [f"{driver.name}-{habit}-threads{threads}" for driver, habit, threads in cases]
    return pytest.mark.parametrize(("driver", "habit", "threads"), cases, ids=ids)


on_postgres = pytest.mark.parametrize("backend", ["postgres"], indirect=True)


@pytest.fixture
def home(backend, numbers):
    """An empty database of the backend's, which its user may fill."""
    name = f"talk_{os.getpid()}_{next(numbers)}"
    with backend.admin() as admin:
        admin.execute(f"CREATE DATABASE {name}" + (f" OWNER {backend.user}" if backend.kind == "postgres" else ""))
    yield name
    with backend.admin() as admin:
        admin.execute(f"DROP DATABASE {name}")


@pytest.fixture
def serve(home, pgvouch, backend, server_identity):
    """Starts pgvouch before the backend, for clients with TLS and the password."""
    certificate = {"client_tls_key_file": server_identity.key_file, "client_tls_cert_file": server_identity.cert_file}

    def start(**settings):
        shown = {} if "attest_provider" in settings else certificate
        return pgvouch(databases={"app": backend.target(home)}, users={backend.user: PASSWORD},
                       auth_type="scram-sha-256", client_tls_sslmode="require", **shown, **settings)

    return start


# ---- conversations ----

@each_habit(lambda habit: True)
def test_a_driver_is_served_in_session_mode(serve, authority, driver, habit, threads):
    pooler = serve(pool_mode="session", threads=threads)
    assert driver.talk(pooler, PASSWORD, authority.ca_file, habit) == driver.conversation(named=habit == "named")


@each_habit(lambda habit: habit != "named")
def test_a_driver_is_served_in_transaction_mode(serve, authority, driver, habit, threads):
    # One link: the second connection of the conversation can only be served by the link that the first gave back.
    pooler = serve(pool_mode="transaction", default_pool_size=1, threads=threads)
    assert driver.talk(pooler, PASSWORD, authority.ca_file, habit) == driver.conversation(named=False)


@on_postgres
@pytest.mark.parametrize("driver", [driver for driver in DRIVERS.values() if driver.names_statements and
                                    "named" in driver.habits], ids=lambda driver: driver.name)
def test_a_driver_that_names_statements_is_told_so_in_transaction_mode(serve, authority, driver):
    pooler = serve(pool_mode="transaction")
    done = driver.run(pooler, PASSWORD, authority.ca_file, "named")
    assert done.returncode != 0
    assert REFUSAL in done.stderr


@on_postgres
def test_a_session_goes_on_after_a_named_statement_was_refused(serve):
    pooler = serve(pool_mode="transaction")
    with pooler.connect(password=PASSWORD, sslmode="require") as session:
        session.prepare_threshold = 0
        with pytest.raises(psycopg.errors.FeatureNotSupported, match=REFUSAL):
            session.execute("SELECT %s::int", [1])
        session.prepare_threshold = None
        assert session.execute("SELECT %s::int", [2]).fetchone() == (2,)


# ---- who is believed ----

@on_postgres
def test_a_driver_refuses_a_certificate_of_a_stranger(serve, stranger, driver):
    pooler = serve()
    done = driver.run(pooler, PASSWORD, stranger.ca_file, "unnamed")
    assert done.returncode != 0 and done.stdout == ""
    assert "certificate" in done.stderr.lower() or "certification path" in done.stderr


@on_postgres
def test_a_driver_with_a_wrong_password_is_refused(serve, authority, driver):
    pooler = serve()
    done = driver.run(pooler, "a shut sésame", authority.ca_file, "unnamed")
    assert done.returncode != 0 and done.stdout == ""
    assert "authentication failed" in done.stderr


@on_postgres
@pytest.mark.parametrize("name", ["psycopg-binary", "jdbc"])
def test_a_driver_is_served_over_direct_tls(serve, authority, name):
    driver = DRIVERS[name]
    lines = driver.talk(serve(), PASSWORD, authority.ca_file, "named", PGSSLNEGOTIATION="direct")
    assert lines == driver.conversation(named=True)


@on_postgres
def test_a_driver_is_served_by_an_attested_daemon(serve, processor, scratch_folder, driver):
    ca_file = scratch_folder / "ca.pem"
    pooler = serve(attest_provider="simulated", attest_required=1, attest_state_dir=processor,
                   attest_san="localhost,127.0.0.1", attest_ca_file=ca_file)
    habit = driver.habits[0]
    assert driver.talk(pooler, PASSWORD, ca_file, habit) == driver.conversation(named=habit == "named")


# ---- script/test-deps ----

@pytest.mark.parametrize(("name", "called"), [("node-pg", "node-pg"), ("pgx", "pgx"), ("jdbc", "JDBC")])
def test_a_missing_driver_fails_the_test_and_says_what_to_run(tmp_path, name, called):
    with pytest.raises(pytest.fail.Exception) as failure:
        DRIVERS[name].command("unnamed", tmp_path)
    assert re.fullmatch(rf"{called} is missing \(.*\): run script/test-deps", str(failure.value))


def test_a_missing_python_driver_fails_the_test_and_says_what_to_run(tmp_path):
    with pytest.raises(pytest.fail.Exception, match=r"no_such_driver is missing in .*: run script/test-deps"):
        python("no_such_driver", "talk_psycopg.py")("unnamed", tmp_path)


# In place of what fetches: writes down its name, and makes what test-deps looks for.
TOOL = """#!/bin/sh
tool=$(basename "$0")
echo "$tool" >>"$CALLS"
test "$tool" != "$BROKEN" || exit 1
case $tool in
    python3) mkdir -p "$3/bin" && cp "$0" "$3/bin/pip" ;;
    pip) touch "$(dirname "$0")/pytest" ;;
    npm) mkdir -p "$CACHE/node/node_modules/pg" ;;
    go) touch "$CACHE/go/pgx-driver" ;;
    mvn) touch "$CACHE/java/postgresql-1.jar" ;;
esac
"""


class Dependencies:
    """script/test-deps in a copy of the source tree, among tools that fetch nothing."""

    def __init__(self, top):
        self.top = top
        shutil.copytree(TOP / "script", top / "script")
        shutil.copytree(TOP / "test" / "drivers", top / "test" / "drivers")
        shutil.copy(TOP / "test" / "requirements.txt", top / "test")
        (top / "tools").mkdir()
        for name in ("python3", "npm", "go", "mvn"):
            (top / "tools" / name).write_text(TOOL)
            (top / "tools" / name).chmod(0o755)

    def fetch(self, broken=""):
        """The exit status, and the tools that were called."""
        calls = self.top / "calls"
        calls.write_text("")
        env = {**os.environ, "PATH": f"{self.top}/tools:{os.environ['PATH']}", "CALLS": str(calls), "BROKEN": broken,
               "CACHE": str(self.top / ".cache")}
        done = subprocess.run([self.top / "script" / "test-deps"], env=env, capture_output=True, timeout=60, check=False)
        return done.returncode, calls.read_text().split()


@pytest.fixture
def dependencies(tmp_path):
    return Dependencies(tmp_path)


def test_dependencies_are_fetched_once(dependencies):
    assert dependencies.fetch() == (0, ["python3", "pip", "npm", "go", "mvn"])
    assert dependencies.fetch() == (0, [])


def test_a_changed_pin_and_a_lost_driver_are_fetched_again(dependencies):
    dependencies.fetch()
    with open(dependencies.top / "test" / "requirements.txt", "a", encoding="utf-8") as pins:
        pins.write("another==1\n")
    assert dependencies.fetch() == (0, ["python3", "pip"])
    (dependencies.top / ".cache" / "go" / "pgx-driver").unlink()
    assert dependencies.fetch() == (0, ["go"])


def test_a_fetch_that_failed_is_told_and_tried_again(dependencies):
    assert dependencies.fetch(broken="npm") == (1, ["python3", "pip", "npm"])
    assert dependencies.fetch() == (0, ["npm", "go", "mvn"])
