"""Whose manifests of reference values (CoRIM) a policy takes: signers, signatures, and those that are forged."""

import datetime

import cbor2
import pytest
from cbor2 import CBORTag
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from support import corim
from support.corim import DAY, GOOD, NOW, OTHER, judge, key, pem_of, policy, refused  # noqa: F401: fixtures
from support.simulated import made, state  # noqa: F401: fixtures
from support.vectors import TOKENS, needs_tokens

# RFC 7517 appendix A.1, with which the generic examples are signed.
EXAMPLE_KEY = ec.EllipticCurvePublicNumbers(
    0x30a0424cd21c2944838a2d75c92b37e76ea20d9f00893a3b4eee8a3c0aafec3e,
    0xe04b65e92456d9888b52b379bdfbd51ee869ef1f0fc65b6659695b6cce081723, ec.SECP256R1()).public_key()


def certificate_of(key, not_before=NOW - DAY, not_after=NOW + DAY):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the release team")])
    at = [datetime.datetime.fromtimestamp(moment, datetime.timezone.utc) for moment in (not_before, not_after)]
    return (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(at[0]).not_valid_after(at[1])
            .sign(key, hashes.SHA256())).public_bytes(serialization.Encoding.PEM)


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


OLD, NEW, NEXT = (NOW - 3 * DAY, NOW - DAY), (NOW - 2 * DAY, NOW + DAY), (NOW + 2 * DAY, NOW + 3 * DAY)


@pytest.mark.parametrize("terms, outcome, found", [
    ((OLD, NEW), "pass", "(release 7)"), ((NEW, OLD), "pass", "(release 7)"), ((NEW, NEXT), "pass", "(release 7)"),
    ((NEXT, NEW, OLD), "pass", "(release 7)"), ((OLD, NEXT), "fail", "")])
def test_of_the_certificates_of_one_key_any_that_is_valid_will_do(policy, judge, key, terms, outcome, found):
    team = {f"team{i}.pem": certificate_of(key, *term) for i, term in enumerate(terms)}
    told = judge(policy(corim.sign(corim.of(GOOD), key), team))
    assert told[0] == outcome
    assert found in told[1]


def test_a_renewed_certificate_of_one_signer_is_none_of_another_s(policy, judge, key):
    other = ec.generate_private_key(ec.SECP256R1())
    team = {"team.pem": certificate_of(key, *OLD), "other.pem": certificate_of(other, *NEW)}
    assert judge(policy(corim.sign(corim.of(GOOD), key), team))[0] == "fail"


def test_what_certificates_of_one_key_bound_is_bound_by_the_manifest_too(policy, judge, key):
    team = {"old.pem": certificate_of(key, *OLD), "new.pem": certificate_of(key, *NEW)}
    told = judge(policy(corim.sign(corim.of(GOOD), key, corim.period(not_after=NOW - DAY)), team))
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


@needs_tokens
@pytest.mark.parametrize("name", ["good-corim", "example-corim", "corim-with-extensions"])
def test_a_genuine_signature_holds_and_the_profile_is_another(policy, refused, name):
    manifest = (TOKENS / f"corim-generic/signed-{name}.cbor").read_bytes()
    assert "profile" in refused(policy(manifest, {"example.pem": pem_of(EXAMPLE_KEY)}))
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert refused(policy(manifest, {"other.pem": pem_of(stranger)})).startswith("its signature is not by any")
    assert refused(policy(flip(manifest), {"example.pem": pem_of(EXAMPLE_KEY)})).startswith("its signature is not by any")
