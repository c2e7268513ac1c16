"""The tool and AMD's revocation lists: when one is fetched, how long it is kept, and what it does to a verdict."""

import datetime
import json
import os

import cbor2
import pytest

from support import kds as service, oracle
from support.attested import chip  # noqa: F401: fixture
from support.kds import der, kds, revocation_list  # noqa: F401: fixture
from support.kds_tool import cache, could_not, fetch, kept, policy, reach, report  # noqa: F401: fixtures
from support.simulated import made, state  # noqa: F401: fixtures
from support.vlek import VlekProcessor
from support.vouch import MEASUREMENT, outcomes, verdict_of

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


@pytest.mark.parametrize("name", ["a stranger's", "garbage"])
def test_a_list_that_is_no_good_is_refused(kds, fetch, cache, chip, name):
    kds.items[kds.crl] = {"a stranger's": lambda: revocation_list(chip.impostor()), "garbage": lambda: b"garbage"}[name]()
    could_not(fetch("--product", "milan", "--crl"), "refused")
    assert kept(cache) <= {"chain-vcek-milan.pem"}


DAY = datetime.timedelta(days=1)
OUT_OF_FORCE = {"out of date": {"age": 2 * DAY, "lifetime": DAY}, "of the future": {"age": -DAY}}


@pytest.mark.parametrize("said", OUT_OF_FORCE)
def test_a_list_that_is_not_in_force_is_refused_and_kept_for_what_it_revokes(kds, fetch, vouch, reach, report, policy, chip,
                                                                            cache, said):
    fetch_list = ("--product", "milan", "--crl")
    kds.items[kds.crl] = revocation_list(chip, age=3 * DAY)
    assert fetch(*fetch_list).returncode == 0
    (path,) = cache.glob("crl-*")
    os.utime(path, (0, 0))
    kds.items[kds.crl] = revocation_list(chip, revoked=[chip.ask], **OUT_OF_FORCE[said])
    assert f"refused: the revocation list is {said}" in fetch(*fetch_list).stderr
    assert path.read_bytes() == kds.items[kds.crl]
    assert judged(vouch, reach, report, policy)[:2] == (1, "fail")
    could_not(fetch(*fetch_list), f"refused: the revocation list is {said}")
    kds.items[kds.crl] = revocation_list(chip, age=3 * DAY)
    could_not(fetch(*fetch_list), "older than the one that is at hand")


@pytest.mark.parametrize("said", OUT_OF_FORCE)
def test_a_list_that_is_not_in_force_is_due_to_be_fetched(kds, vouch, reach, report, policy, chip, fetch, cache, said):
    kds.items[kds.crl] = revocation_list(chip, **OUT_OF_FORCE[said])
    could_not(fetch("--product", "milan", "--crl"), said)
    assert "crl-vcek-milan.der" in kept(cache)
    newer = OUT_OF_FORCE[said]["age"] - datetime.timedelta(hours=1)
    kds.items[kds.crl] = revocation_list(chip, age=newer, lifetime=30 * DAY)
    run = fetch("--product", "milan", "--crl")
    assert (run.returncode == 0) == (said == "out of date"), run.stderr
    assert (cache / "crl-vcek-milan.der").read_bytes() == kds.items[kds.crl]


# ---- a list that the peer brings ----

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def bringing(chip, made):
    """A CMW whose table of certificates also has a list, or what stands in for one."""
    def make(listed):
        path = made()
        members = cbor2.loads(path.read_bytes())
        members["certs"][1] = oracle.write_table({**oracle.read_table(members["certs"][1]), "crl": Encoded(listed)})
        path.write_bytes(cbor2.dumps(members, canonical=True))
        return path

    return make


class Encoded:
    """Bytes where a certificate would be."""

    def __init__(self, content):
        self.content = content

    def public_bytes(self, _):
        return self.content


def said_of(verdict, name="chain_revocation"):
    return next((check["outcome"], check["found"]) for check in verdict["checks"] if check["name"] == name)


@pytest.mark.parametrize("more, status, outcome, found", [
    (REQUIRED, 1, "fail", "sets no crl_max_age"), ("", 0, "skipped", "sets no crl_max_age"),
    (REQUIRED + "  crl_max_age: 2h\n", 0, "pass", "not on the root's list"),
    (REQUIRED + "  crl_max_age: 30m\n", 1, "fail", "too old"), ("  crl_max_age: 30m\n", 0, "warn", "too old")])
def test_a_list_in_the_evidence_counts_within_the_age_that_policy_sets(vouch, reach, bringing, policy, chip, more,
                                                                       status, outcome, found):
    run = vouch("verify", "--report", bringing(revocation_list(chip, age=HOUR)), "--policy", policy(more), "--json",
                "--offline", *reach())
    said = said_of(json.loads(run.stdout))
    assert (run.returncode, said[0]) == (status, outcome)
    assert found in said[1]


def test_a_list_in_the_evidence_spares_no_request_for_ours(kds, vouch, reach, bringing, policy, chip):
    words = ["verify", "--report", bringing(revocation_list(chip)), "--policy", policy(REQUIRED + "  crl_max_age: 2h\n"),
             "--json", *reach()]
    kds.items[kds.crl] = revocation_list(chip, revoked=[chip.ask])
    status, verdict = verdict_of(vouch(*words))
    assert (status, said_of(verdict)[0], kds.count("/crl")) == (1, "fail", 1)


def test_a_list_in_the_evidence_can_revoke(kds, vouch, reach, bringing, policy, chip):
    kds.items[kds.crl] = revocation_list(chip)
    status, verdict = verdict_of(vouch("verify", "--report", bringing(revocation_list(chip, revoked=[chip.ask])),
                                       "--policy", policy(REQUIRED), "--json", *reach()))
    assert (status, said_of(verdict)) == (1, ("fail", "the root has revoked the intermediate"))


@pytest.mark.parametrize("name, found", [("a stranger's", "not by the root"), ("another's", "of another issuer"),
                                         ("garbage", "malformed")])
def test_what_comes_along_and_is_no_list_is_denied_though_none_is_required(vouch, reach, bringing, policy, chip, name,
                                                                           found):
    listed = {"a stranger's": lambda: revocation_list(chip.impostor()),
              "another's": lambda: revocation_list(issued_by_the_ask(chip)), "garbage": lambda: b"garbage"}[name]()
    run = vouch("verify", "--report", bringing(listed), "--policy", policy(), "--json", "--offline", *reach())
    outcome, said = said_of(json.loads(run.stdout))
    assert (run.returncode, outcome) == (1, "fail")
    assert found in said


def issued_by_the_ask(chip):
    return oracle.Processor((chip.ask, chip.ask_key), (chip.ask, chip.ask_key), (chip.vcek, chip.key), chip.chip_id)


# ---- VLEKs: another authority under the same root, whose lists stand elsewhere ----

VLEK_CRL = "/vlek/v1/Milan/crl"


@pytest.fixture
def cloud(chip):
    return VlekProcessor(chip)


@pytest.fixture
def judged_cloud(vouch, reach, policy, cloud, tmp_path):
    """The verdict on a report that a VLEK signed."""
    files = {"vlek": der(cloud.vcek), "ask": der(cloud.ask), "ark": der(cloud.ark)}
    (tmp_path / "cloud.bin").write_bytes(cloud.report(bytes(64), bytes.fromhex(MEASUREMENT)))
    words = []
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        words += [f"--{name}", tmp_path / name]

    def judge(*more, demand=REQUIRED):
        run = vouch("verify", "--report", tmp_path / "cloud.bin", *words, "--policy", policy(demand), "--json", *more,
                    *reach())
        status, verdict = verdict_of(run)
        failed = [check["name"] for check in verdict["checks"] if check["outcome"] == "fail"]
        assert failed in ([], ["chain_revocation"])
        return status, *said_of(verdict)

    return judge


def test_a_vlek_needs_the_list_of_vleks(kds, judged_cloud, cloud):
    kds.items[VLEK_CRL] = revocation_list(cloud)
    assert judged_cloud() == (0, "pass", "not on the root's list")
    assert set(kds.requests) == {VLEK_CRL}


def test_without_the_list_of_vleks_a_vlek_is_denied_whatever_that_of_vceks_says(kds, fetch, judged_cloud, chip):
    assert judged_cloud() == (1, "fail", "there is no revocation list of this root")
    kds.items[kds.crl] = revocation_list(chip)
    assert fetch("--product", "milan", "--crl").returncode == 0
    assert judged_cloud("--offline") == (1, "fail", "there is no revocation list of this root")
    assert judged_cloud("--offline", demand="") == (0, "skipped", "there is no revocation list of this root")


def test_a_revoked_asvk_is_denied(kds, judged_cloud, cloud):
    kds.items[VLEK_CRL] = revocation_list(cloud, revoked=[cloud.ask])
    assert judged_cloud() == (1, "fail", "the root has revoked the intermediate")


def test_a_revoked_ask_is_no_matter_of_vleks(kds, judged_cloud, cloud, chip):
    kds.items[VLEK_CRL] = revocation_list(cloud, revoked=[chip.ask])
    assert judged_cloud()[:2] == (0, "pass")


def test_the_list_of_vceks_can_revoke_an_asvk(kds, fetch, judged_cloud, cloud):
    kds.items[VLEK_CRL] = revocation_list(cloud)
    kds.items[kds.crl] = revocation_list(cloud, revoked=[cloud.ask])
    assert fetch("--product", "milan", "--crl").returncode == 0
    assert judged_cloud() == (1, "fail", "the root has revoked the intermediate")


def test_a_list_that_says_it_is_of_vceks_is_not_taken_for_that_of_vleks(kds, judged_cloud, cache, cloud):
    kds.items[VLEK_CRL] = revocation_list(cloud, point=f"https://kdsintf.amd.com{kds.crl}")
    assert judged_cloud() == (1, "fail", "there is no revocation list of this root")
    assert kept(cache) == set()


@pytest.mark.parametrize("revoked, status, outcome", [(False, 0, "pass"), (True, 1, "fail")])
def test_a_list_that_is_named_spares_the_request_and_speaks(kds, judged_cloud, cloud, tmp_path, revoked, status, outcome):
    (tmp_path / "crl").write_bytes(revocation_list(cloud, revoked=[cloud.ask] if revoked else []))
    assert judged_cloud("--crl", tmp_path / "crl")[:2] == (status, outcome)
    assert kds.requests == []
