"""`vouch show` of manifests of reference values (CoRIM)."""

import json

import cbor2
from cbor2 import CBORTag

from support import corim
from support.corim import GOOD, key, with_reference  # noqa: F401: fixture
from support.vectors import TOKENS, needs_tokens
from support.vouch import MEASUREMENT


def test_a_manifest_is_shown(vouch, tmp_path, key):
    path = tmp_path / "it"
    values = corim.measured(GOOD), {0: 1, 1: {1: CBORTag(corim.MIN_SVN, 3)}}, {0: 3, 1: {4: CBORTag(560, b"\xaa" * 16)}}
    manifest = corim.corim(corim.comid(corim.reference(*values)), validity=corim.period(1767225600, 1798761600))
    path.write_bytes(corim.sign(manifest, key, corim.period(not_after=1798761600)))
    tree = json.loads(vouch("show", path, "--json").stdout)
    assert tree["signature"] == {"algorithm": "ES256", "key_id": b"key 1".hex(), "signer": "the release team",
                                 "not_after": "2027-01-01 00:00:00.000 UTC"}
    assert (tree["id"], tree["profile"], tree["not_before"]) == ("a manifest", corim.PROFILE,
                                                                 "2026-01-01 00:00:00.000 UTC")
    (tag,) = tree["comids"]
    (triple,) = tag["reference_values"]
    assert (tag["tag_id"], tag["tag_version"], triple["class_id"]) == ("release 7", 2, "1.3.6.1.4.1.3704.3.1")
    assert triple["measurements"] == [
        {"key": 641, "name": "MEASUREMENT", "digests": [{"algorithm": 7, "value": MEASUREMENT}]},
        {"key": 1, "name": "GUEST_SVN", "min_svn": 3}, {"key": 3, "name": "FAMILY_ID", "raw_value": "aa" * 16}]
    text = vouch("show", path).stdout
    assert "signer     the release team" in text
    assert text.endswith("Decoded, not verified.\n")


def test_texts_of_a_manifest_do_not_play_with_the_terminal(vouch, tmp_path, key):
    path = tmp_path / "it"
    path.write_bytes(corim.sign(corim.of(GOOD, profile="tag:\x1b[2Jx"), key,
                                header={8: cbor2.dumps({0: {0: "\x1b]0;x\x07"}})}))
    for run in vouch("show", path), vouch("show", path, "--json"):
        assert run.returncode == 0
        assert "\x1b" not in run.stdout


def test_what_cannot_be_read_of_a_manifest_is_a_problem(vouch, tmp_path):
    (tmp_path / "it").write_bytes(with_reference({1: {}}))
    tree = json.loads(vouch("show", tmp_path / "it", "--json").stdout)
    assert tree["problem"] == "the CoRIM's measurement is malformed"
    (tmp_path / "it").write_bytes(corim.of(GOOD)[:-1])
    run = vouch("show", tmp_path / "it")
    assert (run.returncode, run.stdout) == (2, "")


@needs_tokens
def test_every_genuine_manifest_is_shown(vouch):
    shown = 0
    for path in sorted(TOKENS.glob("corim-*/*corim*.cbor")):
        run = vouch("show", path, "--json")
        assert run.returncode == 0, run.stderr
        tree = json.loads(run.stdout)
        assert (tree["kind"], tree["signed"]) == ("CoRIM", path.name.startswith("signed"))
        assert tree["comids"] and "problem" not in tree
        shown += 1
    assert shown >= 10
