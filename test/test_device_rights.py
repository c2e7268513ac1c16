"""Whose the devices are: root's, as Linux makes them. The daemon opens one, becomes its user, and renews by it."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from support import scratch
from support.machine import DEVICE, ROOT
from support.process import as_root, await_condition, unprivileged
from support.vouch import outcomes, shown_by

UNIT = (Path(__file__).resolve().parent.parent / "etc/pgvouch.service.in").read_text()
ALLOWED, = re.findall(r"^CapabilityBoundingSet=(.*)$", UNIT, re.MULTILINE)
FLAGS, = re.findall(r"^ExecStart=!@bindir@/pgvouch (.*) @sysconfdir@/pgvouch/pgvouch.ini$", UNIT, re.MULTILINE)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the suite does not run as root")


@pytest.fixture(params=["tsm", "sev-guest"])
def provider(request):
    return request.param


@pytest.fixture
def start(machine, pgvouch, scratch_folder):
    """Starts the daemon in the imagined guest, which outlives it: as the servers' user unless told otherwise."""
    def begin(**settings):
        return pgvouch(**{"env": machine.env, "client_tls_sslmode": "allow", "attest_required": 1,
                          "attest_report_rate": 20, "attest_san": "localhost",
                          "attest_ca_file": scratch_folder / "ca.pem", **settings})
    return begin


@pytest.fixture
def start_as_the_unit_does(start):
    """With the unit's capabilities and flags; the user is one of this machine's."""
    flags = FLAGS.replace("pgvouch", scratch.service_user()).split()
    return lambda **settings: start(privileges=as_root(ALLOWED), flags=flags, **settings)


def status_of(pid, *names):
    lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    return {name: lines[name].split() for name in names}


def renewed(pooler):
    """Waits for another leaf than the one in force."""
    before = shown_by("127.0.0.1", pooler.port)
    await_condition(lambda: shown_by("127.0.0.1", pooler.port) != before, "a renewal")


# ---- Started as root ----

@needs_root
def test_the_unit_has_the_rights_to_start_and_renews_as_its_user(start_as_the_unit_does, machine, provider):
    pooler = start_as_the_unit_does(attest_provider=provider, attest_max_age=3)
    uid, gid = scratch.service_ids()
    assert status_of(pooler.process.pid, "Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs") == {
        "Uid": [str(uid)] * 4, "Gid": [str(gid)] * 4, "CapInh": ["0" * 16], "CapPrm": ["0" * 16], "CapEff": ["0" * 16],
        "CapAmb": ["0" * 16], "NoNewPrivs": ["1"]}
    assert status_of(pooler.process.pid, "Groups")["Groups"] == [
        str(group) for group in sorted(os.getgrouplist(scratch.service_user(), gid))]
    renewed(pooler)
    renewed(pooler)
    assert "cannot be renewed" not in pooler.log
    assert len(machine.driver.began) >= 3


@needs_root
def test_user_in_the_configuration_does_as_well(start, provider):
    renewed(start(privileges=as_root(ALLOWED), user=scratch.service_user(), attest_provider=provider, attest_max_age=3))


@needs_root
@pytest.mark.parametrize("missing", ALLOWED.split())
def test_the_unit_allows_nothing_that_is_not_needed(start, missing):
    less = " ".join(name for name in ALLOWED.split() if name != missing)
    with pytest.raises(RuntimeError, match="Operation not permitted|Permission denied"):
        start(privileges=as_root(less), user=scratch.service_user(), attest_provider="tsm")


@needs_root
def test_securebits_that_keep_capabilities_keep_none(start, provider):
    def keeping(command, death_signal="KILL"):
        return ["setpriv", "--pdeathsig", death_signal, "--securebits=+no_setuid_fixup", *map(str, command)]
    pooler = start(privileges=keeping, user=scratch.service_user(), attest_provider=provider)
    assert status_of(pooler.process.pid, "CapPrm", "CapEff") == {"CapPrm": ["0" * 16], "CapEff": ["0" * 16]}


# ---- Started as anybody else ----

@pytest.mark.parametrize("name, said", [
    ("auto", f"may not make an entry in {ROOT}"), ("tsm", f"may not make an entry in {ROOT}"),
    ("sev-guest", f"may not open {DEVICE}")])
def test_without_the_right_the_daemon_says_which_and_what_to_do(start, name, said):
    with pytest.raises(RuntimeError) as told:
        start(attest_provider=name)
    line, = (line for line in str(told.value).splitlines() if said in line)
    assert f"user {scratch.service_ids()[0]} {said}, which is root's: start as root" in line
    assert line.endswith("or give that user the right")


def test_vouch_says_so_too(vouch_program, machine, provider):
    run = subprocess.run(unprivileged([vouch_program, "selftest", "--provider", provider, "--json"]), text=True,
                         timeout=60, env={**os.environ, **machine.env}, capture_output=True, check=False)
    found = {check["name"]: check for check in json.loads(run.stdout)["checks"]}
    assert run.returncode == 1 and outcomes({"checks": found.values()})["provider"] == "fail"
    assert "start as root" in found["provider"]["found"]


def test_auto_takes_the_device_that_its_user_may_open(start, machine):
    machine.inodes[DEVICE].uid = scratch.service_ids()[0]
    pooler = start(attest_provider="auto")
    assert "provider tsm cannot be used, sev-guest is" in pooler.log


# ---- Entries in configfs ----

@needs_root
def test_an_entry_that_was_left_behind_is_taken_and_a_live_one_is_not(start_as_the_unit_does, machine):
    def lives(name):
        return machine.tsm.entries[name].inodes[""].locked_by is not None

    first = start_as_the_unit_does(attest_provider="tsm", attest_max_age=3)
    second = start_as_the_unit_does(attest_provider="tsm", attest_max_age=3)
    assert sorted(machine.tsm.entries) == ["pgvouch-0", "pgvouch-1"]
    first.stop()
    await_condition(lambda: not lives("pgvouch-0"), "the end of the lock")
    left = machine.tsm.entries["pgvouch-0"]
    third = start_as_the_unit_does(attest_provider="tsm", attest_max_age=3)
    assert sorted(machine.tsm.entries) == ["pgvouch-0", "pgvouch-1"]
    assert machine.tsm.entries["pgvouch-0"] is not left
    renewed(second)
    renewed(third)


def test_an_entry_of_a_daemon_that_was_killed_is_taken(start, machine):
    machine.let_in(scratch.service_ids()[0])
    killed = start(attest_provider="tsm")
    killed.process.stop(signal.SIGKILL)
    killed.stopped = True
    await_condition(lambda: machine.tsm.entries["pgvouch-0"].inodes[""].locked_by is None, "the end of the lock")
    start(attest_provider="tsm")
    assert list(machine.tsm.entries) == ["pgvouch-0"]


def test_an_entry_that_somebody_removed_is_made_anew_with_the_right_to(start, machine):
    machine.let_in(scratch.service_ids()[0])
    pooler = start(attest_provider="tsm", attest_max_age=3)
    machine.tsm.entries.clear()
    renewed(pooler)
    assert list(machine.tsm.entries) == ["pgvouch-0"]
    assert "cannot be renewed" not in pooler.log


@needs_root
def test_an_entry_that_somebody_removed_is_said_to_be_gone_without_the_right(start_as_the_unit_does, machine):
    pooler = start_as_the_unit_does(attest_provider="tsm", attest_max_age=3)
    machine.tsm.entries.clear()
    said = "somebody removed our entry from configfs-tsm, and there is no other: start anew: user " \
           f"{scratch.service_ids()[0]} may not make an entry in {ROOT}"
    await_condition(lambda: pooler.log.count(said) >= 2, "two attempts")
    assert "Bad file descriptor" not in pooler.log


# ---- A driver that is unloaded ----

def test_an_unloaded_driver_is_no_lost_key_and_loaded_again_it_serves(start, machine):
    machine.let_in(scratch.service_ids()[0])
    pooler = start(attest_provider="tsm", attest_max_age=3)
    machine.unload()
    pooler.await_log("no driver stands behind")
    assert "KEY TO THE PROCESSOR IS LOST" not in pooler.log
    machine.load()
    renewed(pooler)
    assert machine.tsm.oopses == 0


def test_where_the_driver_cannot_be_seen_both_causes_are_named(start, machine):
    machine.let_in(scratch.service_ids()[0])
    machine.present.discard(DEVICE)
    pooler = start(attest_provider="tsm", attest_max_age=3)
    machine.unload()
    pooler.await_log("KEY TO THE PROCESSOR IS LOST")
    assert "unless the driver sev-guest was unloaded" in pooler.log


# ---- The unit ----

@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_understands_the_unit(pgvouch_program, tmp_path):
    unit = tmp_path / "pgvouch.service"
    unit.write_text(UNIT.replace("@bindir@", str(pgvouch_program.parent)).replace("@sysconfdir@", "/etc"))
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60,
                         check=False)
    assert (run.returncode, "pgvouch.service" in run.stderr) == (0, False), run.stderr
