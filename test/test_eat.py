"""Evidence as entity attestation tokens: made by `vouch`, taken apart and made anew by another encoder, and judged."""

import json
import subprocess
from hashlib import sha512
from types import SimpleNamespace

import cbor2
import pytest

from support import oracle
from support.oracle import CMW_CLAIM, EAT_NONCE, EAT_PROFILE_CLAIM, EAT_TAG, IAT, UEID, canonical, lp
from support.simulated import state  # noqa: F401: fixture
from support.vouch import CMW, certificates_of, outcomes, policy_text

NONCE = "5a" * 32


@pytest.fixture
def report(vouch, state, tmp_path):
    """Makes a simulated report in a file."""
    def make(form, *more):
        path = tmp_path / f"report.{form}"
        run = vouch("report", "--provider", "simulated", "--state-dir", state, "--format", form, "--out", path, *more)
        assert run.returncode == 0, run.stderr
        return path
    return make


@pytest.fixture
def policy(state, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(policy_text(state / "ark-milan.pem") + "formats: [eat]\n")
    return path


def claims_of(token):
    tag = cbor2.loads(token)
    assert tag.tag == EAT_TAG
    assert canonical(tag) == token, "not in deterministic encoding"
    return cbor2.loads(token[3:])  # behind the tag; what stands in one is not to be changed


def test_a_token_says_what_the_profile_says(report):
    claims = claims_of(report("eat", "--nonce", NONCE).read_bytes())
    assert set(claims) == {IAT, EAT_NONCE, UEID, EAT_PROFILE_CLAIM, CMW_CLAIM}
    members = claims[CMW_CLAIM]
    raw = members["snp"][1]
    bind = cbor2.loads(members["bind"][1])
    assert claims[EAT_PROFILE_CLAIM] == "tag:pgvouch,2026:eat/v1"
    assert claims[EAT_NONCE] == bind[5] == bytes.fromhex(NONCE)
    assert claims[IAT] == bind[4]
    assert claims[UEID] == oracle.ueid_of(raw[0x1A0:0x1E0])
    assert (bind[1], bind[2]) == (1, 3)
    due = sha512(lp(b"pgvouch/snp-report/v1") + bind[4].to_bytes(8, "big") + lp(b"") + lp(bind[5])).digest()
    assert raw[0x50:0x90] == due
    made_anew = oracle.eat_claims(raw, members["certs"][1], members["bind"][1],
                                  SimpleNamespace(issued_at=bind[4], nonce=bind[5]))
    assert made_anew == claims


def test_without_a_nonce_there_is_no_such_claim(report):
    assert EAT_NONCE not in claims_of(report("eat").read_bytes())


def test_a_nonce_that_is_too_short_for_a_token_is_refused(vouch, state, tmp_path):
    run = vouch("report", "--provider", "simulated", "--state-dir", state, "--format", "eat", "--nonce", "00" * 7,
                "--out", tmp_path / "none")
    assert (run.returncode, run.stdout) == (2, "")
    assert "a nonce of 7 bytes is too short for an EAT" in run.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("form, words", [("cose", "cmw, eat or raw"), ("EAT", "cmw, eat or raw")])
def test_another_format_is_refused(vouch, form, words):
    run = vouch("report", "--format", form)
    assert (run.returncode, run.stdout) == (2, "")
    assert f'--format "{form}": expected {words}' in run.stderr
    run = vouch("cert", "--out", "d", "--format", "raw")
    assert (run.returncode, run.stdout) == (2, "")
    assert '--format "raw": expected cmw or eat' in run.stderr


@pytest.mark.parametrize("form", ["cmw", "eat", "raw"])
def test_every_format_is_written_and_shown(vouch, report, form):
    path = report(form, "--nonce", NONCE)
    shown = json.loads(vouch("show", path, "--json").stdout)
    assert shown["kind"] == {"cmw": "CMW", "eat": "EAT", "raw": "attestation report"}[form]
    assert shown["report"]["measurement"].startswith("544553545f4d454153")
    assert (shown.get("bind") or {}).get("nonce") == (None if form == "raw" else NONCE)
    if form == "eat":
        claims = claims_of(path.read_bytes())
        assert shown["eat"] == {"eat_profile": "tag:pgvouch,2026:eat/v1", "iat": claims[IAT], "eat_nonce": NONCE,
                                "ueid": claims[UEID].hex()}
        assert "eat_profile  tag:pgvouch,2026:eat/v1" in vouch("show", path).stdout


def test_a_token_is_verified_and_judged(vouch, report, policy):
    path = report("eat", "--nonce", NONCE)
    for command in ("verify", "--report", path, "--policy", policy), ("policy", "test", policy, path):
        run = vouch(*command, "--json")
        verdict = json.loads(run.stdout)
        assert (run.returncode, verdict["verdict"]) == (0, "allow")
        assert outcomes(verdict)["binding"] == "pass"
    denied = json.loads(vouch("verify", "--report", path, "--json").stdout)
    assert (denied["verdict"], outcomes(denied)["chain_root"]) == ("deny", "fail")
    other = report("eat", "--nonce", NONCE, "--measurement", "33" * 48)
    denied = json.loads(vouch("verify", "--report", other, "--policy", policy, "--json").stdout)
    assert (denied["verdict"], outcomes(denied)["measurement"]) == ("deny", "fail")


def test_a_token_over_another_bind_record_is_denied(vouch, report, policy):
    """All claims agree with the bind record; that the report was made over another one, the binding tells."""
    path = report("eat", "--nonce", NONCE)
    claims = claims_of(path.read_bytes())
    bind = cbor2.loads(claims[CMW_CLAIM]["bind"][1])
    bind[4] += 60
    claims[IAT] += 60
    claims[CMW_CLAIM]["bind"][1] = canonical(bind)
    path.write_bytes(oracle.eat(claims))
    run = vouch("verify", "--report", path, "--policy", policy, "--json")
    assert run.returncode == 1
    assert outcomes(json.loads(run.stdout))["binding"] == "fail"


SPOILT = {
    "another time": (lambda claims: claims.update({IAT: claims[IAT] + 1}), "iat is not the bind record's issued_at"),
    "another nonce": (lambda claims: claims.update({EAT_NONCE: bytes(32)}), "eat_nonce is not the bind record's nonce"),
    "no nonce": (lambda claims: claims.pop(EAT_NONCE), "eat_nonce is not the bind record's nonce"),
    "another chip": (lambda claims: claims.update({UEID: b"\x01" + bytes(32)}), "ueid is not that of the report's chip"),
    "no chip": (lambda claims: claims.pop(UEID), "ueid is not that of the report's chip"),
    "another profile": (lambda claims: claims.update({EAT_PROFILE_CLAIM: "tag:else"}), "claim 265"),
    "no profile": (lambda claims: claims.pop(EAT_PROFILE_CLAIM), "lacks the claim 265"),
    "no evidence": (lambda claims: claims.pop(CMW_CLAIM), "lacks the claim 299"),
    "a claim too many": (lambda claims: claims.update({263: 2}), "claim 263, which its profile does not know"),
    "a claim by name": (lambda claims: claims.update({"iss": "me"}), "a claim whose key is no number"),
    "half the evidence": (lambda claims: claims[CMW_CLAIM].pop("certs"), "the CMW is not a collection"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_token_that_says_something_else_is_refused(vouch, report, how):
    spoil, why = SPOILT[how]
    path = report("eat", "--nonce", NONCE)
    claims = claims_of(path.read_bytes())
    spoil(claims)
    path.write_bytes(oracle.eat(claims))
    for command in ("verify", "--report", path), ("show", path):
        run = vouch(*command)
        assert (run.returncode, run.stdout) == (2, "")
        assert why in run.stderr


@pytest.mark.parametrize("spoil", [
    lambda token: token + b"\0", lambda token: token[:-1], lambda token: b"\xd9\x02\x59\xbf" + token[4:] + b"\xff",
    lambda token: token.replace(b"\x06\x1a", b"\x18\x06\x1a", 1),
], ids=["trailing", "cut", "indefinite", "long head"])
def test_a_token_in_another_encoding_is_refused(vouch, report, spoil):
    path = report("eat", "--nonce", NONCE)
    path.write_bytes(spoil(path.read_bytes()))
    run = vouch("verify", "--report", path)
    assert (run.returncode, run.stdout) == (2, "")
    assert "the EAT" in run.stderr


def test_a_certificate_carries_a_token_as_a_record(vouch, state, tmp_path):
    made = vouch("cert", "--out", tmp_path / "c", "--state-dir", state, "--nonce", NONCE, "--format", "eat")
    assert made.returncode == 0, made.stderr
    (leaf,) = certificates_of(tmp_path / "c")
    content = leaf.extensions.get_extension_for_oid(CMW).value.value
    media_type, token, indicator = cbor2.loads(oracle.der_content(0x04, content))
    assert (media_type, indicator) == (oracle.EAT_TYPE, 4)
    claims = claims_of(token)
    members = claims[CMW_CLAIM]
    bind = oracle.Bind.read(members["bind"][1])
    assert members["snp"][1][0x50:0x90] == oracle.report_data(leaf, leaf, bind)
    assert (claims[IAT], claims[EAT_NONCE]) == (bind.issued_at, bind.nonce)
    shown = json.loads(vouch("show", tmp_path / "c/client.crt", "--json").stdout)["evidence"]
    assert (shown["format"], shown["eat"]["eat_nonce"], shown["bind"]["kind"]) == ("eat", NONCE, 1)


def test_policy_says_which_formats_may_come(vouch, state, tmp_path, policy):
    made = vouch("cert", "--out", tmp_path / "c", "--state-dir", state, "--format", "eat")
    assert made.returncode == 0, made.stderr
    default = tmp_path / "default.yaml"
    default.write_text(policy_text(state / "ark-milan.pem"))
    run = vouch("policy", "test", default, tmp_path / "c/client.crt", "--json")
    assert (run.returncode, outcomes(json.loads(run.stdout))["format"]) == (1, "fail")
    run = vouch("policy", "test", policy, tmp_path / "c/client.crt", "--json")
    assert (run.returncode, outcomes(json.loads(run.stdout))["binding"]) == (0, "pass")
    assert "evidence in the format eat; else refused" in vouch("policy", "check", policy).stdout


def test_a_report_goes_to_a_pipe(vouch_program, state):
    run = subprocess.run([vouch_program, "report", "--provider", "simulated", "--state-dir", state, "--format", "eat"],
                         stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert claims_of(run.stdout)
