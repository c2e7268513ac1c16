"""Manifests of reference values (CoRIM), good and bad, by another encoder; policies that name one; their verdicts."""

import time

import cbor2
import pytest
from cbor2 import CBORTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .vouch import MEASUREMENT as SIMULATED
from .vouch import failures, verdict_of

PROFILE = "tag:amd.com,2024:snp-corim-profile"
LATER_PROFILE = "http://amd.com/please-permalink-me"
CLASS_ID = CBORTag(111, bytes.fromhex("2b060104019c780301"))  # 1.3.6.1.4.1.3704.3.1
GUEST_SVN, MEASUREMENT, HOST_DATA = 1, 641, 642
URI, TIME, SVN, MIN_SVN, BYTES, CORIM, COMID = 32, 1, 552, 553, 560, 501, 506
ALGORITHMS = {"secp256r1": (-7, hashes.SHA256(), 32), "secp384r1": (-35, hashes.SHA384(), 48),
              "secp521r1": (-36, hashes.SHA512(), 66)}
GOOD, OTHER = bytes.fromhex(SIMULATED), b"\x77" * 48
NOW = int(time.time())
DAY = 86400


def period(not_before=None, not_after=None):
    times = {0: not_before, 1: not_after}
    return {key: CBORTag(TIME, at) for key, at in times.items() if at is not None}


def measured(digest, algorithm=7, key=MEASUREMENT):
    return {0: key, 1: {2: [[algorithm, digest]]}}


def reference(*measurements, environment=None):
    return [{0: {0: CLASS_ID}} if environment is None else environment, list(measurements)]


def comid(*references, name="release 7", keys=None, more=None):
    triples = {0: list(references)} if references else {}
    if keys is not None:
        triples[3] = keys
    return {0: "en-GB", 1: {0: name, 1: 2}, 4: triples, **(more or {})}


def corim(*comids, profile=PROFILE, validity=None, more=None, tags=None):
    body = {0: "a manifest", 1: [CBORTag(COMID, cbor2.dumps(tag)) for tag in comids] if tags is None else tags}
    if profile is not None:
        body[3] = CBORTag(URI, profile) if isinstance(profile, str) else profile
    if validity is not None:
        body[4] = validity
    return cbor2.dumps(CBORTag(CORIM, {**body, **(more or {})}))


def of(digest, **options):
    """An unsigned manifest of one measurement."""
    return corim(comid(reference(measured(digest))), **options)


def with_reference(*measurements, **options):
    return corim(comid(reference(*measurements, **options)))


def sign(payload, key, signed_for=None, header=None, unprotected=None, algorithm=None, spoil=lambda signature: signature):
    own_algorithm, hash_algorithm, half = ALGORITHMS[key.curve.name]
    meta = {0: {0: "the release team"}}
    if signed_for is not None:
        meta[1] = signed_for
    said = {1: own_algorithm if algorithm is None else algorithm, 3: "application/rim+cbor", 4: b"key 1",
            8: cbor2.dumps(meta), **(header or {})}
    protected = cbor2.dumps({label: value for label, value in said.items() if value is not None})
    to_be_signed = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = decode_dss_signature(key.sign(to_be_signed, ec.ECDSA(hash_algorithm)))
    signature = r.to_bytes(half, "big") + s.to_bytes(half, "big")
    return cbor2.dumps(CBORTag(18, [protected, unprotected or {}, payload, spoil(signature)]))


def pem_of(public_key):
    return public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="session")
def key():
    return ec.generate_private_key(ec.SECP256R1())


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
def judge(vouch, made):
    """The check `measurement` of a report's verdict by a policy."""
    def judged(path, *more):
        status, verdict = verdict_of(vouch("policy", "test", path, made(*more), "--json"))
        assert (status, verdict["verdict"]) in ((0, "allow"), (1, "deny"))
        (check,) = (check for check in verdict["checks"] if check["name"] == "measurement")
        assert failures(verdict) == ([] if check["outcome"] == "pass" else ["measurement"])
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
