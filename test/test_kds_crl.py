"""The tool and AMD's revocation lists: when one is fetched, how long it is kept, and what it does to a verdict."""

import datetime
import json
import os

import pytest

from support import kds as service
from support.attested import chip  # noqa: F401: fixture
from support.kds import kds, revocation_list  # noqa: F401: fixture
from support.kds_tool import cache, could_not, fetch, kept, policy, reach, report  # noqa: F401: fixtures
from support.simulated import made, state  # noqa: F401: fixtures
from support.vouch import outcomes, verdict_of

REQUIRED = "  crl: required\n"


def judged(vouch, reach, report, policy, *more, **settings):
    run = vouch("verify", "--report", report, "--policy", policy(REQUIRED), "--json", *more, *reach(**settings))
    status, verdict = verdict_of(run)
    return status, outcomes(verdict)["chain_revocation"], run.stderr


def test_a_list_that_a_policy_requires_is_fetched_and_kept(kds, vouch, reach, report, policy, chip):
    kds.items[kds.crl] = revocation_list(chip)
    assert judged(vouch, reach, report, policy)[:2] == (0, "pass")
    assert judged(vouch, reach, report, policy)[:2] == (0, "pass")
    kds.stop()
    assert judged(vouch, reach, report, policy, "--offline")[:2] == (0, "pass")
    assert kds.count("/crl") == 1


def test_without_a_list_that_a_policy_requires_evidence_is_denied(kds, vouch, reach, report, policy):
    status, revocation, said = judged(vouch, reach, report, policy)
    assert (status, revocation) == (1, "fail")
    assert "revocation list of Milan" in said


def test_no_list_is_fetched_that_no_policy_requires(kds, vouch, reach, report, policy, chip):
    kds.items[kds.crl] = revocation_list(chip)
    assert vouch("verify", "--report", report, "--policy", policy(), *reach()).returncode == 0
    assert kds.count("/crl") == 0


def test_a_list_at_hand_counts_whether_it_is_required_or_not(kds, vouch, fetch, reach, report, policy, chip):
    kds.items[kds.crl] = revocation_list(chip, revoked=[chip.ask])
    assert fetch("--product", "milan", "--crl").returncode == 0
    run = vouch("verify", "--report", report, "--policy", policy(), "--json", *reach())
    assert (run.returncode, outcomes(json.loads(run.stdout))["chain_revocation"]) == (1, "fail")


def test_a_revoked_authority_is_denied(kds, vouch, reach, report, policy, chip):
    kds.items[kds.crl] = revocation_list(chip, revoked=[chip.ask])
    assert judged(vouch, reach, report, policy)[:2] == (1, "fail")


def test_a_list_is_fetched_anew_when_it_is_old_and_an_old_one_has_to_do(kds, vouch, reach, report, policy, chip, cache):
    kds.items[kds.crl] = revocation_list(chip)
    assert judged(vouch, reach, report, policy)[:2] == (0, "pass")
    (path,) = cache.glob("crl-*")
    os.utime(path, (0, 0))
    kds.only, kds.always = "/crl", service.status(500)
    assert judged(vouch, reach, report, policy, timeout=0.5)[:2] == (0, "pass")
    kds.always = None
    kds.items[kds.crl] = revocation_list(chip, revoked=[chip.ask], age=datetime.timedelta(minutes=5))
    assert judged(vouch, reach, report, policy)[:2] == (1, "fail")


def test_an_older_list_does_not_undo_a_newer_one(kds, fetch, vouch, reach, report, policy, chip, cache):
    kds.items[kds.crl] = revocation_list(chip, revoked=[chip.ask])
    assert fetch("--product", "milan", "--crl").returncode == 0
    (path,) = cache.glob("crl-*")
    os.utime(path, (0, 0))
    kds.items[kds.crl] = revocation_list(chip, age=datetime.timedelta(hours=2))
    run = fetch("--product", "milan", "--crl")
    assert "older than the one that is at hand" in run.stderr
    assert judged(vouch, reach, report, policy)[:2] == (1, "fail")


@pytest.mark.parametrize("name", ["expired", "of the future", "a stranger's", "garbage"])
def test_a_list_that_is_no_good_is_refused(kds, fetch, cache, chip, name):
    day = datetime.timedelta(days=1)
    kds.items[kds.crl] = {
        "expired": lambda: revocation_list(chip, age=2 * day, lifetime=day),
        "of the future": lambda: revocation_list(chip, age=-day),
        "a stranger's": lambda: revocation_list(chip.impostor()),
        "garbage": lambda: b"garbage"}[name]()
    could_not(fetch("--product", "milan", "--crl"), "refused")
    assert kept(cache) <= {"chain-vcek-milan.pem"}
