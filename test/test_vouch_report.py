"""`vouch report`: what the reports bind that it makes, and when it makes none."""

import subprocess
from hashlib import sha512

import cbor2
import pytest

from support.simulated import made, policy, state  # noqa: F401: fixtures
from support.vouch import MEASUREMENT, could_not, failures, outcomes, verdict_of


def test_a_report_binds_nonce_and_time_and_holds(vouch, made, policy):
    path = made("--nonce", "00ff")
    bind = cbor2.loads(cbor2.loads(path.read_bytes())["bind"][1])
    assert (bind[1], bind[2], bind[3], bind[5]) == (1, 3, b"", bytes.fromhex("00ff"))
    status, verdict = verdict_of(vouch("verify", "--report", path, "--policy", policy(), "--json"))
    assert (status, verdict["verdict"]) == (0, "allow")
    assert outcomes(verdict)["binding"] == "pass"


def test_report_data_is_what_the_profile_says(made):
    members = cbor2.loads(made("--nonce", "aa" * 64).read_bytes())
    bind = cbor2.loads(members["bind"][1])

    def lp(value):
        return len(value).to_bytes(2, "big") + value

    due = sha512(lp(b"pgvouch/snp-report/v1") + bind[4].to_bytes(8, "big") + lp(b"") + lp(bind[5])).digest()
    assert members["snp"][1][0x50:0x90] == due


@pytest.mark.parametrize("key, value", [(4, 1), (5, b"another")])
def test_a_report_under_another_bind_record_is_denied(vouch, made, policy, key, value):
    path = made("--nonce", "00ff")
    members = cbor2.loads(path.read_bytes())
    bind = cbor2.loads(members["bind"][1])
    bind[key] = value
    members["bind"][1] = cbor2.dumps(bind, canonical=True)
    path.write_bytes(cbor2.dumps(members, canonical=True))
    status, verdict = verdict_of(vouch("verify", "--report", path, "--policy", policy(), "--json"))
    assert (status, failures(verdict)) == (1, ["binding"])


def test_a_raw_report_is_its_bytes_and_goes_to_standard_output(vouch, state):
    run = subprocess.run([vouch.program, "report", "--provider", "simulated", "--state-dir", state, "--format", "raw"],
                         stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    assert len(run.stdout) == 1184
    assert bytes.fromhex(MEASUREMENT) == run.stdout[0x90:0xC0]
    assert run.stdout[0x50:0x90].hex() in run.stderr.decode()


def test_nobody_can_choose_report_data(vouch, state):
    could_not(vouch("report", "--provider", "simulated", "--state-dir", state, "--report-data", "00" * 64),
              "unknown option --report-data", "report")


@pytest.mark.parametrize("words, said", [
    (["--provider", "simulated"], "--state-dir DIR is missing"),
    (["--provider", "none"], "--provider"),
    (["--format", "jwt"], "expected cmw, eat or raw"),
    (["--nonce", "0"], "nonce"),
    (["--nonce", "00" * 65], "nonce"),
    (["out"], "is no option"),
])
def test_a_report_that_cannot_be_made_ends_with_2(vouch, state, tmp_path, words, said):
    more = [] if "--provider" in words else ["--provider", "simulated", "--state-dir", state]
    could_not(vouch("report", "--out", tmp_path / "r", *more, *words), said, "report")
    assert not (tmp_path / "r").exists()


def test_a_report_that_cannot_be_written_ends_with_2(vouch, state, tmp_path):
    could_not(vouch("report", "--provider", "simulated", "--state-dir", state, "--out", tmp_path / "no/r"),
              "no/r", "report")
