"""Manifests of reference values (CoRIM) with one thing wrong: each is refused, with one reason."""

import cbor2
import pytest
from cbor2 import CBORTag

from support import corim
from support.corim import GOOD, NOW, OTHER, policy, refused, with_reference  # noqa: F401: fixtures
from support.simulated import state  # noqa: F401: fixture
from support.vectors import TOKENS, needs_tokens


def changed(**options):
    return corim.of(GOOD, **options)


def in_environment(environment):
    return with_reference(corim.measured(GOOD), environment=environment)


ANCHOR = [CBORTag(554, "a key")]
WRONG = {
    "nothing": (b"", "is truncated"),
    "no CBOR": (b"measurement", "the CoRIM "),
    "no tag": (changed()[3:], "not under the tag 501"),
    "another tag": (b"\xd9\x01\xf7" + changed()[3:], "not under the tag 501"),
    "a CoMID by itself": (cbor2.dumps(CBORTag(506, b"\xa0")), "not under the tag 501"),
    "cut": (changed()[:-1], "the CoRIM "),
    "trailing bytes": (changed() + b"\0", "trailing"),
    "10,000 deep": (corim.corim(tags=[], more={-1: 0})[:-1] + b"\x81" * 10000 + b"\0", "nested too deeply"),
    "10,000 tags": (b"\xc1" * 10000 + b"\0", "nested too deeply"),
    "4 GiB claimed": (b"\xd9\x01\xf5\xa1\x00\x7a\xff\xff\xff\xff", "longer than the input"),
    "2^32 members claimed": (b"\xd9\x01\xf5\xba\xff\xff\xff\xff", "more items than the input"),
    "an indefinite length": (b"\xd9\x01\xf5\xbf\x00\x61a\xff", "indefinite length"),
    "a key twice": (b"\xd9\x01\xf5\xa2\x00\x61a\x00\x61b", "map key twice"),
    "a long head": (b"\xd9\x01\xf5\xa1\x18\x00\x61a", "shortest form"),
    "a float": (changed(more={-1: 1.5}), "float"),
    "no map": (cbor2.dumps(CBORTag(501, [])), "the CoRIM's map is malformed"),
    "no id": (changed(more={0: ""}), "id is neither a UUID nor a text"),
    "an id that cannot be printed": (changed(more={0: "a\nb"}), "id is neither a UUID nor a text"),
    "an id that is too long": (changed(more={0: "x" * 129}), "id is neither a UUID nor a text"),
    "an id that is a number": (changed(more={0: 7}), "id is neither a UUID nor a text"),
    "no tags": (corim.corim(tags=[]), "the CoRIM has no tags"),
    "tags that are no list": (changed(more={1: {}}), "list of tags is malformed"),
    "no profile": (changed(profile=None), "names no profile"),
    "another profile": (changed(profile="http://example.com/psa"),
                        'of the profile "http://example.com/psa", not of SEV-SNP\'s'),
    "two profiles": (changed(profile=[CBORTag(32, corim.PROFILE)] * 2), "has not one profile"),
    "a profile by OID": (changed(profile=CBORTag(111, b"\x2b")), "profile is not a URI"),
    "a period without end": (changed(validity=corim.period(NOW)), "rim-validity is malformed"),
    "a period that ends first": (changed(validity=corim.period(NOW, NOW - 1)), "ends before it begins"),
    "a time without tag": (changed(validity={1: NOW}), "not a whole number under tag 1"),
    "a time by text": (changed(validity={1: CBORTag(0, "2026-01-01T00:00:00Z")}), "not a whole number under tag 1"),
    "a CoMID that is none": (corim.corim(tags=[CBORTag(506, b"\x80")]), "CoMID is malformed"),
    "a CoMID that is not wrapped": (corim.corim(tags=[CBORTag(506, {1: {0: "x"}})]), "CoMID is malformed"),
    "a CoMID with trailing bytes": (corim.corim(tags=[CBORTag(506, b"\xa0\0")]), "trailing"),
    "a CoMID 10,000 deep": (corim.corim(tags=[CBORTag(506, b"\xa1\x04" + b"\x81" * 10000 + b"\0")]),
                            "the CoMID is nested too deeply"),
    "a CoMID with a key twice": (corim.corim(tags=[CBORTag(506, b"\xa2\x04\xa0\x04\xa0")]),
                                 "the CoMID has a map key twice"),
    "a CoMID without name": (corim.corim(tags=[CBORTag(506, b"\xa1\x04\xa0")]), "has no tag-id"),
    "no measurement": (with_reference({0: 647, 1: {1: 7}}), "no reference value for a launch measurement"),
    "no triples": (corim.corim(corim.comid()), "no reference value for a launch measurement"),
    "an empty triple": (corim.corim(corim.comid([{0: {0: corim.CLASS_ID}}, []])), "reference value is malformed"),
    "half a triple": (corim.corim(corim.comid([{0: {0: corim.CLASS_ID}}])), "reference value is malformed"),
    "no key": (with_reference({1: {2: [[7, GOOD]]}}), "has no measurement key"),
    "a key that is no number": (with_reference({0: "641", 1: {2: [[7, GOOD]]}}), "a measurement key that is not a number"),
    "no values": (with_reference({0: 641}), "measurement is malformed"),
    "empty values": (with_reference({0: 641, 1: {}}), "measurement is malformed"),
    "no digest": (with_reference({0: 641, 1: {1: 7}}), "a measurement has no digest by SHA-384"),
    "a digest by another hash": (with_reference(corim.measured(b"\x11" * 32, 1)), "no digest by SHA-384"),
    "a digest that is too short": (with_reference(corim.measured(GOOD[:47])), "has 47 bytes, not 48"),
    "a digest that is too long": (with_reference(corim.measured(GOOD + b"\0")), "has 49 bytes, not 48"),
    "two digests by one hash": (with_reference({0: 641, 1: {2: [[7, GOOD], [7, OTHER]]}}), "two digests by SHA-384"),
    "a digest that is none": (with_reference({0: 641, 1: {2: [GOOD]}}), "digest is malformed"),
    "two versions of the guest": (with_reference(corim.measured(GOOD), {0: 1, 1: {1: 1}}, {0: 1, 1: {1: 2}}),
                                  "has two GUEST_SVN"),
    "a version that is none": (with_reference(corim.measured(GOOD), {0: 1, 1: {1: CBORTag(554, 1)}}),
                               "svn is malformed"),
    "flags beside a digest": (with_reference({0: 641, 1: {2: [[7, GOOD]], 3: {3: False}}}), "stands beside values"),
    "a raw value beside a digest": (with_reference({0: 641, 1: {2: [[7, GOOD]], 11: "image", 4: CBORTag(560, b"x")}}),
                                    "stands beside values"),
    "an authority of a digest": (with_reference({0: 641, 1: {2: [[7, GOOD]]}, 2: ANCHOR}), "stands beside values"),
    "no environment": (in_environment({}), "environment is malformed"),
    "no class": (in_environment({1: CBORTag(560, bytes(64))}), "has no class-id"),
    "another class": (in_environment({0: {0: CBORTag(560, b"psa")}}), "not of a SEV-SNP report's class"),
    "a class that says more": (in_environment({0: {0: corim.CLASS_ID, 2: "Milan"}}), "says more than its class-id"),
    "a class with a layer": (in_environment({0: {0: corim.CLASS_ID, 3: 1}}), "says more than its class-id"),
    "a group": (in_environment({0: {0: corim.CLASS_ID}, 2: CBORTag(37, bytes(16))}), "names a group"),
    "another instance": (in_environment({0: {0: corim.CLASS_ID}, 1: CBORTag(560, b"my cloud")}),
                         "neither a chip nor its measurement"),
    "another measurement as instance": (in_environment({0: {0: corim.CLASS_ID}, 1: CBORTag(560, OTHER)}),
                                        "neither a chip nor its measurement"),
    "an anchor without vendor": (corim.corim(corim.comid(corim.reference(corim.measured(GOOD)),
                                                         keys=[[{0: {2: "ARK"}}, ANCHOR]])), "names no vendor"),
    "an anchor without model": (corim.corim(corim.comid(corim.reference(corim.measured(GOOD)),
                                                        keys=[[{0: {1: "AMD"}}, ANCHOR]])), "names no model"),
    "an anchor without key": (corim.corim(corim.comid(corim.reference(corim.measured(GOOD)),
                                                      keys=[[{0: {1: "AMD", 2: "ARK"}}, []]])),
                              "attestation key is malformed"),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_manifest_that_is_wrong_is_refused_with_one_reason(policy, refused, how):
    manifest, why = WRONG[how]
    assert why in refused(policy(manifest))


def test_a_manifest_that_is_too_large_or_missing_is_refused(vouch, policy):
    path = policy(bytes(1024 * 1024 + 1))
    assert "larger than" in vouch("policy", "check", path).stderr
    (path.parent / "values.corim").unlink()
    run = vouch("policy", "check", path)
    assert (run.returncode, run.stdout) == (1, "")
    assert f"{path}:3: measurements.corim: " in run.stderr
    assert "No such file" in run.stderr


@needs_tokens
@pytest.mark.parametrize("name, why", [
    ("refval-key", "a reference value has a measurement key that is not a number"),
    ("refval-no-key", "a reference value has no measurement key"),
    ("ta-no-model", "the environment of a trust anchor names no model"),
    ("ta-no-vendor", "the environment of a trust anchor names no vendor"),
])
def test_a_genuine_bad_manifest_is_refused(policy, refused, name, why):
    found = refused(policy((TOKENS / f"corim-sevsnp/corim_corim-sevsnp-bad-{name}.cbor").read_bytes()))
    assert found.endswith(why)
    assert found.startswith("CoMID ")
