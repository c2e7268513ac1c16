"""Policies that take their measurements from manifests of reference values (CoRIM): what these allow, for how long, and
what a reload makes of it."""

import base64
import json
import select

import cbor2
import psycopg
import pytest
from cbor2 import CBORTag

from support import corim, scratch
from support.corim import DAY, GOOD, NOW, OTHER, judge, key, pem_of, policy  # noqa: F401: fixtures
from support.process import await_condition
from support.simulated import made, state  # noqa: F401: fixtures
from support.vectors import TOKENS, needs_tokens
from support.vouch import MEASUREMENT


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


def test_a_measurement_may_have_a_name(policy, judge):
    manifest = corim.with_reference({0: 641, 1: {2: [[7, GOOD]], 11: "image"}})
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


@needs_tokens
def test_a_genuine_manifest_allows_its_genuine_measurement(policy, judge):
    manifest = (TOKENS / "corim-sevsnp/corim_corim-sevsnp-valid.cbor").read_bytes()
    source = json.loads((TOKENS / "corim-sevsnp/corim_src_comid-sevsnp-refval.json").read_text())
    (triple,) = source["triples"]["reference-values"]
    (digest,) = (one["value"]["digests"][0][1] for one in triple["measurements"] if one["key"]["value"] == 641)
    measurement = base64.urlsafe_b64decode(digest).hex()
    path = policy(manifest)
    assert judge(path, "--measurement", measurement) == (
        "pass", f"{measurement} ({source['tag-identity']['id']})")
    assert judge(path)[0] == "fail"


# ---- What is refused ----

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


def test_a_manifest_is_no_evidence(vouch, policy, tmp_path):
    path = policy(corim.of(GOOD))
    run = vouch("policy", "test", path, tmp_path / "values.corim")
    assert (run.returncode, run.stdout) == (2, "")
    assert "a CoRIM is no evidence" in run.stderr


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
