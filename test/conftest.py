"""Fixtures: servers that live as long as the suite's worker, and pgvouch as long as a test. See README.md."""

import fcntl
import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support import cockroach as cockroach_module
from support import scratch
from support.certificates import Authority
from support.cockroach import Cockroach
from support.machine import Machine
from support.oracle import Processor
from support.pooler import Pooler
from support.postgres import Postgres
from support.process import run, unprivileged
from support.vouch import MEASUREMENT, Vouch

TOP = Path(__file__).resolve().parent.parent
POOLERS = pytest.StashKey[list]()


# ---- the scratch directory: the controller makes it and, whatever becomes of its workers, removes it ----

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        config.scratch = Path(config.workerinput["scratch"])
    elif not config.option.collectonly:
        config.scratch = scratch.make_root()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["scratch"] = str(node.config.scratch)


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput") and hasattr(config, "scratch"):
        scratch.remove(config.scratch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for pooler in item.stash.get(POOLERS, []):
            report.sections.append((f"log of pgvouch on port {pooler.port}", pooler.log[-20000:]))
    return report


@pytest.fixture(scope="session")
def worker_number(request):
    name = getattr(request.config, "workerinput", {}).get("workerid", "gw0")
    return int(name.removeprefix("gw"))


@pytest.fixture(scope="session")
def ports(worker_number):
    taken = scratch.Ports(worker_number)
    yield taken
    taken.close()


@pytest.fixture(scope="session")
def scratch_root(request, worker_number):
    return scratch.make_folder(request.config.scratch / f"w{worker_number}")


@pytest.fixture
def scratch_folder(scratch_root, numbers):
    """An empty directory that servers may write to."""
    return scratch.make_folder(scratch_root / f"t{next(numbers)}")


@pytest.fixture(scope="session")
def numbers():
    return itertools.count(1)


# ---- programs ----

@pytest.fixture(scope="session")
def build():
    """The build directory under test."""
    return Path(os.environ.get("PGVOUCH_BUILD", TOP / "build"))


def installed(build, scratch_root, name):
    """A copy that the servers' user can reach, wherever the build stands."""
    if not (build / name).exists():
        pytest.skip(f"{build} has no program {name}")
    copy = scratch_root / name
    shutil.copy(build / name, copy)
    copy.chmod(0o755)
    return copy


@pytest.fixture(scope="session")
def pgvouch_program(build, scratch_root):
    return installed(build, scratch_root, "pgvouch")


@pytest.fixture(scope="session")
def vouch_program(build, scratch_root):
    return installed(build, scratch_root, "vouch")


@pytest.fixture(scope="session")
def vouch(vouch_program):
    return Vouch(vouch_program)


# ---- certificates and backends ----

@pytest.fixture(scope="session")
def authority(scratch_root):
    """The CA of everything in the suite that is trusted."""
    return Authority(scratch_root, "ca")


@pytest.fixture(scope="session")
def stranger(scratch_root):
    """A CA that nobody trusts."""
    return Authority(scratch_root, "stranger")


@pytest.fixture(scope="session")
def server_identity(authority):
    """The certificate that pgvouch shows to clients."""
    return authority.issue("localhost", names=("localhost", "127.0.0.1"), file="pgvouch")


@pytest.fixture(scope="session")
def postgres(scratch_root, ports, authority):
    server = Postgres(scratch_root / "postgres", ports.take(), authority)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cockroach(scratch_root):
    if not cockroach_module.available():
        pytest.skip(cockroach_module.WHERE)
    server = Cockroach(scratch_root / "cockroach")
    yield server
    server.stop()


@pytest.fixture(params=["postgres", "cockroach"])
def backend(request):
    """Each database server that pgvouch is to work with."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def database(postgres, numbers):
    """A database of PostgreSQL that no other test has connections to."""
    name = f"db{next(numbers)}"
    with postgres.admin() as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER app")
    yield name
    with postgres.admin() as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def processor(request, vouch_program, scratch_root):
    """An attest_state_dir that holds a simulated processor's keys. They take long to make: the first worker that needs them
    makes them for all."""
    made = request.config.scratch / "processor"
    with open(request.config.scratch / "processor.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            beside = scratch.make_folder(request.config.scratch / "processor.new")
            run([vouch_program, "cert", "--out", beside, "--cn", "maker"])
            beside.rename(made)
    folder = scratch.make_folder(scratch_root / "processor")
    for file in made.iterdir():
        scratch.write(folder / file.name, file.read_bytes(), file.stat().st_mode & 0o777)
    return folder


@pytest.fixture(scope="session")
def preload(request, build, scratch_root):
    """The library by which a program meets a Machine, built by the first worker that needs it."""
    with open(request.config.scratch / "preload.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["make", "--silent", "-C", build, "test/preload/snp_guest.so"], check=True, capture_output=True)
    copy = scratch_root / "snp_guest.so"
    shutil.copy(build / "test/preload/snp_guest.so", copy)
    copy.chmod(0o755)
    return copy


@pytest.fixture
def machine(preload, processor, scratch_folder):
    """An imagined SEV-SNP guest: programs started with machine.env are in it."""
    imagined = Machine(scratch_folder, preload, Processor.load(processor), bytes.fromhex(MEASUREMENT))
    yield imagined
    imagined.close()


@pytest.fixture(params=[1, 4], ids=["threads1", "threads4"])
def threads(request):
    return request.param


# ---- pgvouch ----

@pytest.fixture
def pgvouch(request, pgvouch_program, scratch_root, ports, numbers):
    """Starts pgvouch: pgvouch(databases={name: target}, users={name: secret}, hba=text, ident=text, sections={name: {}},
    setting=value...). By default one database `app` on the scratch PostgreSQL and its user `app`, trusted."""
    poolers = request.node.stash.setdefault(POOLERS, [])

    def start(databases=None, users=None, hba=None, ident=None, sections=None, env=None, flags=(),
              privileges=unprivileged, **settings):
        if databases is None:
            databases = {"app": request.getfixturevalue("postgres").target()}
        pooler = Pooler(pgvouch_program, scratch_root / f"p{next(numbers)}", ports.take(), databases, settings=settings,
                        users=users, hba=hba, ident=ident, sections=sections, env=env, flags=flags,
                        privileges=privileges)
        poolers.append(pooler)
        return pooler

    yield start
    problems = []
    for pooler in poolers:
        try:
            pooler.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "; ".join(problems)
