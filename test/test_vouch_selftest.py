"""`vouch selftest`: what it says of a machine that gives reports, or none."""

import json
from pathlib import Path

import pytest

from support.simulated import state  # noqa: F401: fixture
from support.vouch import could_not, failures, outcomes


def test_a_machine_that_gives_no_reports_is_told_what_is_missing(vouch):
    if Path("/dev/sev-guest").exists() or Path("/sys/kernel/config/tsm/report").exists():
        pytest.skip("this machine has a provider")
    run = vouch("selftest", "--json")
    document = json.loads(run.stdout)
    assert (run.returncode, document["attests"], document["provider"]) == (1, False, None)
    assert {"device", "provider", "report"} <= set(failures(document))
    run = vouch("selftest")
    assert run.returncode == 1
    assert "/dev/sev-guest" in run.stdout
    assert run.stdout.endswith("This machine gives no evidence that others believe.\n")


def test_a_simulated_processor_passes_and_is_said_to_protect_nothing(vouch, state):
    words = ["selftest", "--provider", "simulated", "--state-dir", state]
    run = vouch(*words, "--json")
    document = json.loads(run.stdout)
    assert (run.returncode, document["attests"], document["provider"]) == (0, True, "simulated")
    found = outcomes(document)
    assert (found["provider"], found["report"], found["speed"], found["cpu"]) == ("warn", "pass", "pass", "skipped")
    assert (found["certificates"], found["signature"]) == ("pass", "pass")  # up to its own root
    assert "it protects nothing" in vouch(*words).stdout


def test_without_a_certificate_nothing_is_verified(vouch, state):
    run = vouch("selftest", "--provider", "simulated", "--state-dir", state, "--set", "attest_simulated_certificates=0",
                "--json")
    document = json.loads(run.stdout)
    found = outcomes(document)
    assert (run.returncode, document["attests"]) == (1, False)
    assert (found["report"], found["certificates"], found["signature"]) == ("pass", "warn", "skipped")


def test_a_slow_processor_is_said_to_be_throttled_and_left_alone(vouch, state):
    run = vouch("selftest", "--provider", "simulated", "--state-dir", state, "--set", "attest_simulated_latency=1100ms",
                "--json")
    document = json.loads(run.stdout)
    speed, = (check for check in document["checks"] if check["name"] == "speed")
    assert (run.returncode, speed["outcome"]) == (0, "warn")
    assert "throttled" in speed["found"]


@pytest.mark.parametrize("words, said", [
    (["now"], "is no option"), (["--provider", "simulated"], "--state-dir DIR is missing"), (["--jsn"], "unknown option"),
])
def test_a_wrong_line_for_selftest_ends_with_2(vouch, words, said):
    could_not(vouch("selftest", *words), said, "selftest")
