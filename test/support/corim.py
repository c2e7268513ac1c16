"""Manifests of reference values (CoRIM), good and bad, by another encoder."""

import cbor2
from cbor2 import CBORTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PROFILE = "tag:amd.com,2024:snp-corim-profile"
LATER_PROFILE = "http://amd.com/please-permalink-me"
CLASS_ID = CBORTag(111, bytes.fromhex("2b060104019c780301"))  # 1.3.6.1.4.1.3704.3.1
GUEST_SVN, MEASUREMENT, HOST_DATA = 1, 641, 642
URI, TIME, SVN, MIN_SVN, BYTES, CORIM, COMID = 32, 1, 552, 553, 560, 501, 506
ALGORITHMS = {"secp256r1": (-7, hashes.SHA256(), 32), "secp384r1": (-35, hashes.SHA384(), 48),
              "secp521r1": (-36, hashes.SHA512(), 66)}


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
