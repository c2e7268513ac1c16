"""Policies that take their measurements from manifests of reference values (CoRIM): whose are taken, what they allow and
for how long, and every one that is refused."""

import datetime
import json
import os
import select
import shutil
import time
from pathlib import Path

import cbor2
import psycopg
import pytest
from cbor2 import CBORTag
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from support import corim, scratch
from support.process import await_condition
from support.vouch import MEASUREMENT, Vouch, outcomes

GOOD, OTHER = bytes.fromhex(MEASUREMENT), b"\x77" * 48
NOW = int(time.time())
DAY = 86400
TOKENS = Path(os.environ.get("PGVOUCH_VECTORS") or
              Path(__file__).resolve().parent.parent.parent / "shared/vectors") / "other/tokens"
needs_vectors = pytest.mark.skipif(not TOKENS.exists(), reason="genuine CoRIMs are not here: set PGVOUCH_VECTORS")
# RFC 7517 appendix A.1, with which the generic examples are signed.
EXAMPLE_KEY = ec.EllipticCurvePublicNumbers(
    0x30a0424cd21c2944838a2d75c92b37e76ea20d9f00893a3b4eee8a3c0aafec3e,
    0xe04b65e92456d9888b52b379bdfbd51ee869ef1f0fc65b6659695b6cce081723, ec.SECP256R1()).public_key()


def pem_of(public_key):
    return public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def certificate_of(key, not_before=NOW - DAY, not_after=NOW + DAY):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the release team")])
    at = [datetime.datetime.fromtimestamp(moment, datetime.timezone.utc) for moment in (not_before, not_after)]
    return (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(at[0]).not_valid_after(at[1])
            .sign(key, hashes.SHA256())).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def vouch(vouch_program):
    return Vouch(vouch_program)


@pytest.fixture(scope="session")
def key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def state(tmp_path_factory, processor):
    """A simulated processor's keys, belonging to whoever runs the tool."""
    return shutil.copytree(processor, tmp_path_factory.mktemp("corim") / "state")


@pytest.fixture
def policy(state, tmp_path):
    """A policy beside which the manifest and the signers' keys lie."""
    def write(manifest, signers=None, more="  corim_unsigned: allow\n"):
        (tmp_path / "values.corim").write_bytes(manifest)
        for name, content in (signers or {}).items():
            (tmp_path / name).write_bytes(content)
        named = f"  corim_signers: [{', '.join(signers)}]\n" if signers else ""
        path = tmp_path / "policy.yaml"
        path.write_text(f'version: "3"\nmeasurements:\n  corim: [values.corim]\n{named}{more}certificates:\n'
                        f'  allow_simulated: true\n  trusted_arks: ["{state / "ark-milan.pem"}"]\n')
        return path
    return write


@pytest.fixture
def report(vouch, state, tmp_path):
    def make(*more):
        run = vouch("report", "--provider", "simulated", "--state-dir", state, "--out", tmp_path / "report.cmw", *more)
        assert run.returncode == 0, run.stderr
        return tmp_path / "report.cmw"
    return make


@pytest.fixture
def judge(vouch, report):
    """The check `measurement` of a report's verdict by a policy."""
    def judged(path, *more):
        run = vouch("policy", "test", path, report(*more), "--json")
        assert run.stdout, run.stderr
        verdict = json.loads(run.stdout)
        assert (run.returncode, verdict["verdict"]) in ((0, "allow"), (1, "deny"))
        (check,) = (check for check in verdict["checks"] if check["name"] == "measurement")
        failing = [name for name, outcome in outcomes(verdict).items() if outcome == "fail"]
        assert failing == ([] if check["outcome"] == "pass" else ["measurement"])
        return check["outcome"], check["found"]
    return judged


@pytest.fixture
def refused(vouch):
    """What is wrong with a policy, by its manifest."""
    def why(path):
        run = vouch("policy", "check", path)
        assert (run.returncode, run.stdout) == (1, "")
        begin = f'vouch policy: {path}:3: measurements.corim: "values.corim": '
        assert run.stderr.startswith(begin), run.stderr
        assert run.stderr.count("\n") == 1
        return run.stderr.removeprefix(begin).strip()
    return why


# ---- What is allowed ----

def test_a_measurement_of_a_manifest_is_allowed_under_its_tag_id(policy, judge):
    path = policy(corim.of(GOOD))
    assert judge(path) == ("pass", f"{MEASUREMENT} (release 7)")
    assert judge(path, "--measurement", OTHER.hex()) == ("fail", OTHER.hex())


def test_manifests_stand_beside_other_sources(policy, judge):
    path = policy(corim.of(OTHER), more=f'  corim_unsigned: allow\n  expected: "{MEASUREMENT}"\n')
    assert judge(path)[0] == "pass"
    assert judge(path, "--measurement", OTHER.hex())[0] == "pass"
    assert judge(path, "--measurement", "55" * 48)[0] == "fail"


def test_all_comids_and_triples_of_a_manifest_count(policy, judge):
    third = b"\x33" * 48
    manifest = corim.corim(corim.comid(corim.reference(corim.measured(OTHER)), corim.reference(corim.measured(third))),
                           corim.comid(corim.reference(corim.measured(GOOD)), name="release 8"))
    path = policy(manifest)
    assert judge(path)[1] == f"{MEASUREMENT} (release 8)"
    for digest in OTHER, third:
        assert judge(path, "--measurement", digest.hex()) == ("pass", f"{digest.hex()} (release 7)")


def test_a_uuid_is_written_as_text(policy, judge):
    uuid = bytes.fromhex("f659d51036984b529dc639a0dd620998")
    for name in uuid, CBORTag(37, uuid):
        manifest = corim.corim(corim.comid(corim.reference(corim.measured(GOOD)), name=name))
        assert "(f659d510-3698-4b52-9dc6-39a0dd620998)" in judge(policy(manifest))[1]


@pytest.mark.parametrize("validity, outcome, found", [
    (corim.period(NOW - DAY, NOW + DAY), "pass", "(release 7)"),
    (corim.period(not_after=NOW + DAY), "pass", "(release 7)"),
    (corim.period(NOW + DAY, NOW + 2 * DAY), "fail", "(release 7, not before 20"),
    (corim.period(NOW - 2 * DAY, NOW - DAY), "fail", "(release 7, retired since 20"),
    (corim.period(-DAY, NOW - DAY), "fail", "(release 7, retired since 20"),
])
def test_a_manifest_holds_for_its_time(policy, judge, validity, outcome, found):
    told = judge(policy(corim.of(GOOD, validity=validity)))
    assert told[0] == outcome
    assert found in told[1]


@pytest.mark.parametrize("svn, own, outcome, found", [
    (CBORTag(corim.MIN_SVN, 3), 3, "pass", "(release 7)"),
    (CBORTag(corim.MIN_SVN, 3), 4, "pass", "(release 7)"),
    (CBORTag(corim.MIN_SVN, 3), 2, "fail", "(release 7, GUEST_SVN 2, not at least 3)"),
    (CBORTag(corim.SVN, 3), 3, "pass", "(release 7)"),
    (CBORTag(corim.SVN, 3), 4, "fail", "(release 7, GUEST_SVN 4, not 3)"),
    (3, 4, "fail", "(release 7, GUEST_SVN 4, not 3)"),
])
@pytest.mark.parametrize("profile", [corim.PROFILE, corim.LATER_PROFILE, [CBORTag(corim.URI, corim.LATER_PROFILE)]],
                         ids=["2024", "later", "in a list"])
def test_the_guest_s_version_belongs_to_the_measurement(policy, judge, profile, svn, own, outcome, found):
    if profile == corim.PROFILE:
        values = corim.measured(GOOD), {0: corim.GUEST_SVN, 1: {1: svn}}
    else:
        values = ({0: 0, 1: {1: svn, 2: [[7, GOOD]]}},)
    path = policy(corim.corim(corim.comid(corim.reference(*values)), profile=profile))
    assert judge(path, "--set", f"attest_simulated_guest_svn={own}") == (outcome, f"{MEASUREMENT} {found}")


def test_a_measurement_may_be_for_one_chip(policy, judge, state):
    chip = (state / "chip-id").read_bytes()
    for instance, outcome, found in ((chip, "pass", "(release 7)"),
                                     (bytes(63) + b"\1", "fail", "(release 7, on another chip)")):
        environment = {0: {0: corim.CLASS_ID}, 1: CBORTag(corim.BYTES, instance)}
        manifest = corim.corim(corim.comid(corim.reference(corim.measured(GOOD), environment=environment)))
        assert judge(policy(manifest)) == (outcome, f"{MEASUREMENT} {found}")


def test_other_reference_values_are_passed_over(policy, judge):
    values = [corim.measured(GOOD), {0: corim.HOST_DATA, 1: {4: CBORTag(corim.BYTES, b"\x11" * 32)}},
              {0: 647, 1: {1: CBORTag(corim.SVN, 2**64 - 1)}}, {0: 3330, 1: {0: {0: "1.55.8", 1: 16384}}}]
    manifest = corim.corim(corim.comid(corim.reference(*values), more={2: [{0: "somebody", 2: [0]}], -1: [True, None]}),
                           more={5: [{0: "somebody", 2: [1]}], -7: {"any": "thing"}})
    assert judge(policy(manifest))[0] == "pass"


def test_tags_of_other_kinds_are_passed_over(policy, judge):
    good = CBORTag(corim.COMID, cbor2.dumps(corim.comid(corim.reference(corim.measured(GOOD)))))
    assert judge(policy(corim.corim(tags=[CBORTag(505, b"a CoSWID"), good])))[0] == "pass"


@pytest.mark.parametrize("around", [lambda it: b"\xd9\x01\xf4" + it, lambda it: it], ids=["500", "bare"])
def test_earlier_wrappers_are_taken_off(policy, judge, key, around):
    signers = {"team.pem": pem_of(key.public_key())}
    assert judge(policy(around(corim.of(GOOD))))[0] == "pass"
    signed = corim.sign(corim.of(GOOD), key)
    assert judge(policy(around(signed), signers, more=""))[0] == "pass"
    assert judge(policy(around(b"\xd9\x01\xf6" + signed), signers, more=""))[0] == "pass"


def test_policy_check_explains_what_a_manifest_allows(vouch, policy):
    values = corim.measured(GOOD), {0: corim.GUEST_SVN, 1: {1: CBORTag(corim.MIN_SVN, 3)}}
    manifest = corim.corim(corim.comid(corim.reference(*values)), validity=corim.period(1767225600, 1798761600))
    run = vouch("policy", "check", policy(manifest))
    assert run.returncode == 0, run.stderr
    assert (f"the image is {MEASUREMENT} (release 7, from 2026-01-01 00:00:00.000 UTC on, until "
            "2027-01-01 00:00:00.000 UTC, with GUEST_SVN of at least 3); else refused") in run.stdout


# ---- Whose manifests are taken ----

def test_unsigned_manifests_are_taken_only_where_the_policy_says_so(policy, refused):
    for more in "", "  corim_unsigned: refuse\n":
        assert refused(policy(corim.of(GOOD), more=more)) == 'nobody signed it, and corim_unsigned is not "allow"'


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
@pytest.mark.parametrize("by", ["key", "certificate"])
def test_a_signed_manifest_is_taken_from_a_named_signer(policy, judge, curve, by):
    signer = ec.generate_private_key(curve)
    pem = pem_of(signer.public_key()) if by == "key" else certificate_of(signer)
    assert judge(policy(corim.sign(corim.of(GOOD), signer), {"team.pem": pem}, more=""))[0] == "pass"


def test_any_of_several_signers_will_do(policy, judge, key):
    others = [ec.generate_private_key(curve).public_key() for curve in (ec.SECP256R1(), ec.SECP384R1())]
    signers = {"others.pem": b"".join(map(pem_of, others)), "team.pem": pem_of(others[0]) + certificate_of(key)}
    assert judge(policy(corim.sign(corim.of(GOOD), key), signers, more=""))[0] == "pass"


def test_a_signature_counts_only_when_a_signer_is_named(policy, refused, key):
    signed = corim.sign(corim.of(GOOD), key)
    for more in "", "  corim_unsigned: allow\n":
        assert refused(policy(signed, more=more)) == "it is signed, and corim_signers names nobody"


def test_a_signature_of_somebody_else_is_refused(policy, refused, key):
    stranger = ec.generate_private_key(ec.SECP256R1())
    path = policy(corim.sign(corim.of(GOOD), stranger), {"team.pem": pem_of(key.public_key())})
    assert refused(path) == "its signature is not by any of the 1 keys that are named"


def flip(value, at=-1):
    return value[:at] + bytes([value[at] ^ 1]) + (value[at + 1:] if at != -1 else b"")


FORGED = {
    "one bit of the signature": lambda key: corim.sign(corim.of(GOOD), key, spoil=flip),
    "a signature of zeros": lambda key: corim.sign(corim.of(GOOD), key, spoil=lambda it: bytes(len(it))),
    "half a signature": lambda key: corim.sign(corim.of(GOOD), key, spoil=lambda it: it[:32]),
    "no signature": lambda key: corim.sign(corim.of(GOOD), key, spoil=lambda it: b""),
    "another algorithm": lambda key: corim.sign(corim.of(GOOD), key, algorithm=-35),
    "another payload": lambda key: corim.sign(corim.of(OTHER), key).replace(OTHER, GOOD),
    "another header": lambda key: corim.sign(corim.of(GOOD), key).replace(b"key 1", b"key 2"),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_signature_is_refused(policy, refused, key, how):
    path = policy(FORGED[how](key), {"team.pem": pem_of(key.public_key())})
    assert refused(path) == "its signature is not by any of the 1 keys that are named"


UNREADABLE = {
    "an algorithm that is not ours": (dict(algorithm=-8), "signed by the algorithm -8, not ES256, ES384 or ES512"),
    "an algorithm by name": (dict(algorithm="ES256"), "algorithm is not a number"),
    "no algorithm": (dict(header={1: None}), "names no algorithm"),
    "what must be understood": (dict(header={2: [8]}), "header parameters that must be understood"),
    "a parameter in both headers": (dict(unprotected={4: b"key 2"}), "has the header parameter 4 twice"),
    "another content": (dict(header={3: "application/cbor"}), "not a CoRIM by its content type"),
    "no content type": (dict(header={3: None}), "the protected header has no parameter 3"),
    "a meta map that is none": (dict(header={8: b"\x80"}), "meta data is malformed"),
    "a period without end": (dict(signed_for={0: CBORTag(1, 5)}), "signature-validity is malformed"),
}


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_signature_that_cannot_be_read_is_refused(policy, refused, key, how):
    options, why = UNREADABLE[how]
    path = policy(corim.sign(corim.of(GOOD), key, **options), {"team.pem": pem_of(key.public_key())})
    assert why in refused(path)


def test_a_detached_payload_is_refused(policy, refused, key):
    parts = list(cbor2.loads(corim.sign(corim.of(GOOD), key)).value)
    parts[2] = None
    path = policy(cbor2.dumps(CBORTag(18, parts)), {"team.pem": pem_of(key.public_key())})
    assert refused(path) == "the signature's payload is detached"


@pytest.mark.parametrize("signed_for, outcome, found", [
    (corim.period(NOW - DAY, NOW + DAY), "pass", "(release 7)"),
    (corim.period(NOW + DAY, NOW + 2 * DAY), "fail", "not before"),
    (corim.period(not_after=NOW - DAY), "fail", "retired since"),
])
def test_a_signature_holds_for_its_time(policy, judge, key, signed_for, outcome, found):
    path = policy(corim.sign(corim.of(GOOD), key, signed_for), {"team.pem": pem_of(key.public_key())})
    told = judge(path)
    assert told[0] == outcome
    assert found in told[1]


def test_a_signer_s_certificate_bounds_what_it_signs(policy, judge, key):
    expired = {"team.pem": certificate_of(key, NOW - 2 * DAY, NOW - DAY)}
    told = judge(policy(corim.sign(corim.of(GOOD), key), expired))
    assert told[0] == "fail"
    assert "retired since" in told[1]


@pytest.mark.parametrize("content, why", [
    (b"", "neither a certificate nor a public key"),
    (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not of P-256, P-384 or P-521"),
    (b"-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n", "PEM cannot be read"),
    (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate cannot be read"),
], ids=["empty", "no key", "no PEM", "no certificate"])
def test_a_file_of_signers_that_holds_none_is_refused(vouch, policy, key, content, why):
    path = policy(corim.sign(corim.of(GOOD), key), {"team.pem": content})
    run = vouch("policy", "check", path)
    assert (run.returncode, run.stdout) == (1, "")
    assert f'{path}:4: measurements.corim_signers: "team.pem": ' in run.stderr
    assert why in run.stderr


def test_keys_of_other_kinds_and_private_ones_are_refused(vouch, policy, key):
    numbers = rsa.generate_private_key(65537, 2048).public_key()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    for content, why in (pem_of(numbers), "not of P-256"), (private, "something else than certificates and public keys"):
        run = vouch("policy", "check", policy(corim.of(GOOD), {"team.pem": content}))
        assert (run.returncode, run.stdout) == (1, "")
        assert why in run.stderr


# ---- What is wrong with a manifest ----

def changed(**options):
    return corim.of(GOOD, **options)


def with_reference(*measurements, **options):
    return corim.corim(corim.comid(corim.reference(*measurements, **options)))


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


@pytest.mark.parametrize("keys, why", [
    ("  corim: values.corim\n", ":3: measurements.corim: expected a list of files with CoRIMs, found"),
    ("  corim: []\n  corim_signers: []\n", ":2: measurements: name at least one, or set mode: disabled"),
    ("  corim: [{}]\n", ":3: measurements.corim: expected the name of a file, found"),
    ("  corim_signers: team.pem\n", ":3: measurements.corim_signers: expected a list of PEM files"),
    ("  corim_unsigned: true\n", ":3: measurements.corim_unsigned: expected allow or refuse, found"),
    ("  corim_unsigned: allow\n", ":2: measurements: name at least one, or set mode: disabled"),
])
def test_keys_of_the_wrong_kind_are_refused(vouch, tmp_path, keys, why):
    (tmp_path / "policy.yaml").write_text('version: "1"\nmeasurements:\n' + keys)
    run = vouch("policy", "check", tmp_path / "policy.yaml")
    assert (run.returncode, run.stdout) == (1, "")
    assert why in run.stderr


# ---- Genuine ones ----

@needs_vectors
def test_a_genuine_manifest_allows_its_genuine_measurement(policy, judge):
    manifest = (TOKENS / "corim-sevsnp/corim_corim-sevsnp-valid.cbor").read_bytes()
    source = json.loads((TOKENS / "corim-sevsnp/corim_src_comid-sevsnp-refval.json").read_text())
    (triple,) = source["triples"]["reference-values"]
    (digest,) = (one["value"]["digests"][0][1] for one in triple["measurements"] if one["key"]["value"] == 641)
    measurement = __import__("base64").urlsafe_b64decode(digest).hex()
    path = policy(manifest)
    assert judge(path, "--measurement", measurement) == (
        "pass", f"{measurement} ({source['tag-identity']['id']})")
    assert judge(path)[0] == "fail"


@needs_vectors
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


@needs_vectors
@pytest.mark.parametrize("name", ["good-corim", "example-corim", "corim-with-extensions"])
def test_a_genuine_signature_holds_and_the_profile_is_another(policy, refused, name):
    manifest = (TOKENS / f"corim-generic/signed-{name}.cbor").read_bytes()
    assert "profile" in refused(policy(manifest, {"example.pem": pem_of(EXAMPLE_KEY)}))
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert refused(policy(manifest, {"other.pem": pem_of(stranger)})).startswith("its signature is not by any")
    assert refused(policy(flip(manifest), {"example.pem": pem_of(EXAMPLE_KEY)})).startswith("its signature is not by any")


@needs_vectors
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


# ---- vouch show ----

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


def test_a_manifest_is_no_evidence(vouch, policy, tmp_path):
    path = policy(corim.of(GOOD))
    run = vouch("policy", "test", path, tmp_path / "values.corim")
    assert (run.returncode, run.stdout) == (2, "")
    assert "a CoRIM is no evidence" in run.stderr


def test_what_cannot_be_read_of_a_manifest_is_a_problem(vouch, tmp_path):
    (tmp_path / "it").write_bytes(with_reference({1: {}}))
    tree = json.loads(vouch("show", tmp_path / "it", "--json").stdout)
    assert tree["problem"] == "the CoRIM's measurement is malformed"
    (tmp_path / "it").write_bytes(corim.of(GOOD)[:-1])
    run = vouch("show", tmp_path / "it")
    assert (run.returncode, run.stdout) == (2, "")


# ---- The daemon ----

def test_reload_reads_a_changed_manifest(pgvouch, vouch, processor, scratch_folder, scratch_root, tmp_path):
    """The policy stays as it is; its manifest allows another release, and the sessions of the old one end."""
    manifest, path = scratch_folder / "values.corim", scratch_folder / "strict.yaml"

    def endorse(digest):
        manifest.write_bytes(corim.of(digest))
        manifest.chmod(0o644)

    endorse(GOOD)
    scratch.write(path, f'measurements:\n  corim: [values.corim]\n  corim_unsigned: allow\nnonce: {{required: false}}\n'
                        f'certificates:\n  allow_simulated: true\n  trusted_arks: ["{processor / "ark-milan.pem"}"]\n', 0o644)
    made = vouch("cert", "--out", tmp_path / "c", "--state-dir", processor)
    assert made.returncode == 0, made.stderr
    pooler = pgvouch(users={"app": "", "dba": ""}, admin_users="dba", auth_type="hba",
                     hba="hostssl app all 127.0.0.1/32 trust attest=strict\nhost pgvouch all 127.0.0.1/32 trust",
                     sections={"policies": {"strict": path}}, client_tls_sslmode="allow",
                     client_tls_protocols="tlsv1.3", attest_provider="simulated", attest_required=1,
                     attest_san="localhost", attest_state_dir=processor)

    def connect():
        return pooler.connect(sslmode="require", sslcert=tmp_path / "c/client.crt", sslkey=tmp_path / "c/client.key")

    session = connect()
    assert session.execute("SELECT 40 + 2").fetchone() == (42,)
    endorse(OTHER)
    pooler.reload()
    assert select.select([session.fileno()], [], [], 20)[0], "the session goes on"
    with pytest.raises(psycopg.OperationalError, match="attestation is no longer accepted: measurement "):
        session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match=f"measurement {MEASUREMENT} is not allowed by policy"):
        connect()
    manifest.write_bytes(b"nonsense")
    with pytest.raises(psycopg.Error, match=r'measurements.corim: ".*values.corim": the CoRIM '):
        with pooler.connect(user="dba", dbname="pgvouch", sslmode="disable") as console:
            console.execute("RELOAD")
    endorse(GOOD)
    pooler.reload()

    def is_let_in():
        try:
            connect().close()
            return True
        except psycopg.OperationalError:
            return False

    await_condition(is_let_in, "the first release to be let in again")
