"""CMWs in JSON: the same evidence, made by another encoder, in files, in certificates and for the library."""

import json

import cbor2
import pytest

from support import oracle
from support.attested import (  # noqa: F401: fixtures
    GOOD, attested, chip, demanding, keep, knock, nonce_of, policy_file, refusal)
from support.oracle import Draft
from support.simulated import made, policy, state  # noqa: F401: fixtures
from support.vouch import could_not, failures, outcomes, verdict_of

NONCE = "5a" * 32


def text_of(collection, **changes):
    return json.dumps(oracle.cmw_json({**collection, **changes})).encode()


@pytest.fixture
def collection(made):
    """A CMW about NONCE, as a map."""
    return cbor2.loads(made("--nonce", NONCE).read_bytes())


@pytest.fixture
def write(tmp_path):
    def to(content):
        (tmp_path / "evidence.json").write_bytes(content)
        return tmp_path / "evidence.json"
    return to


def test_a_collection_in_a_file_is_judged_as_in_cbor(vouch, policy, collection, write):
    path = write(b"\n " + text_of(collection))
    for command in ("verify", "--report", path, "--policy", policy()), ("policy", "test", policy(), path):
        status, verdict = verdict_of(vouch(*command, "--nonce", NONCE, "--json"))
        assert (status, outcomes(verdict)["binding"], outcomes(verdict)["format"]) == (0, "pass", "pass")
    shown = json.loads(vouch("show", path, "--json").stdout)
    assert (shown["kind"], shown["bind"]["nonce"]) == ("CMW", NONCE)
    for command in ("verify", "--report", path, "--policy", policy("formats: [eat]\n")), \
            ("policy", "test", policy("formats: [eat]\n"), path):
        status, verdict = verdict_of(vouch(*command, "--json"))
        assert (status, failures(verdict)) == (1, ["format"])


def test_indicators_may_be_absent_and_members_stand_in_any_order(vouch, policy, collection, write):
    members = {name: value if isinstance(value, str) else value[:2] for name, value in reversed(collection.items())}
    assert verdict_of(vouch("verify", "--report", write(text_of(members)), "--policy", policy(), "--json"))[0] == 0


def test_a_record_holds_a_token(vouch, policy, made, write):
    token = made("--format", "eat", name="token").read_bytes()
    path = write(json.dumps(oracle.cmw_json([oracle.EAT_TYPE, token, 4])).encode())
    status, verdict = verdict_of(vouch("policy", "test", policy("formats: [eat]\n"), path, "--json"))
    assert (status, outcomes(verdict)["binding"]) == (0, "pass")
    status, verdict = verdict_of(vouch("policy", "test", policy(), path, "--json"))
    assert (status, failures(verdict)) == (1, ["format"])
    assert json.loads(vouch("show", path, "--json").stdout)["kind"] == "EAT"


def test_another_bind_record_is_denied(vouch, policy, collection, write):
    bind = cbor2.loads(collection["bind"][1])
    bind[4] += 1
    path = write(text_of(collection, bind=[collection["bind"][0], oracle.canonical(bind), 4]))
    status, verdict = verdict_of(vouch("verify", "--report", path, "--policy", policy(), "--json"))
    assert (status, failures(verdict)) == (1, ["binding"])


def spoilt(collection, name, value):
    members = oracle.cmw_json(collection)
    members[name] = value
    return json.dumps(members).encode()


def spoilt_text(collection, old, new):
    text = text_of(collection)
    assert old in text
    return text.replace(old, new, 1)


MALFORMED = {
    "no object": (lambda cmw: b"[]", "a record of the CMW is not"),
    "a list of one": (lambda cmw: b'["a"]', "a record of the CMW is not"),
    "an empty object": (lambda cmw: b"{}", "the CMW is not a collection"),
    "cut": (lambda cmw: text_of(cmw)[:-1], "no JSON without duplicates: line 1: '}' expected near end of file"),
    "a slip in its third line": (lambda cmw: b'{\n"snp": [],\n"bind" []}', "line 3: ':' expected near '['"),
    "a member of another name": (lambda cmw: text_of({{"snp": "zn"}.get(name, name): cmw[name] for name in cmw}),
                                 'the CMW has an unknown member "zn"'),
    "trailing": (lambda cmw: text_of(cmw) + b"{}", "no JSON"),
    "a name twice": (lambda cmw: spoilt_text(cmw, b"{", b'{"snp": ["a", "", 4], '), "no JSON without duplicates"),
    "10000 deep": (lambda cmw: b"[" * 10000, "no JSON"),
    "not UTF-8": (lambda cmw: spoilt_text(cmw, b"application", b"\xff\xfe"), "no JSON"),
    "more than 65535 bytes": (lambda cmw: text_of(cmw) + b" " * 65536, "more than 65535"),
    "another type": (lambda cmw: spoilt(cmw, "__cmwc_t", "tag:else"), "the CMW is not a collection of type"),
    "a member more": (lambda cmw: spoilt(cmw, "zzz", ["a", "", 4]), "the CMW"),
    "17 members": (lambda cmw: json.dumps({str(n): ["a", "", 4] for n in range(17)}).encode(), "more than 16 members"),
    "a collection within": (lambda cmw: spoilt(cmw, "snp", {}), "a record of the CMW is not"),
    "four items": (lambda cmw: spoilt(cmw, "snp", ["a", "", 4, 4]), "a record of the CMW is not"),
    "a number as type": (lambda cmw: spoilt(cmw, "snp", [60, "", 4]), "a record of the CMW is not"),
    "a negative indicator": (lambda cmw: spoilt(cmw, "snp", ["a", "", -4]), "a record of the CMW is not"),
    "no indicator but text": (lambda cmw: spoilt(cmw, "snp", ["a", "", "4"]), "a record of the CMW is not"),
    "evidence called an endorsement": (lambda cmw: text_of(cmw, snp=[*cmw["snp"][:2], 2]), 'the CMW has no member "snp"'),
    "padding": (lambda cmw: spoilt(cmw, "bind", [cmw["bind"][0], "QQ==", 4]),
                'the CMW\'s member "bind": malformed base64url'),
    "plain base64": (lambda cmw: spoilt(cmw, "bind", [cmw["bind"][0], "++//", 4]), "base64url"),
    "one character": (lambda cmw: spoilt(cmw, "bind", [cmw["bind"][0], "Q", 4]),
                      'the CMW\'s member "bind": base64url of 1 characters'),
}


@pytest.mark.parametrize("way", MALFORMED)
def test_a_malformed_cmw_cannot_be_tried(vouch, policy, collection, write, way):
    spoil, said = MALFORMED[way]
    path = write(spoil(collection))
    could_not(vouch("verify", "--report", path, "--policy", policy()), said, "verify")
    could_not(vouch("policy", "test", policy(), path), said, "policy")


def extension(collection):
    return oracle.der(0x0C, text_of(collection))


def test_a_client_whose_certificate_carries_json_is_let_in(demanding, chip, keep):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler))
    cmw = oracle.cmw_map(chip.report(draft.report_data(), GOOD), chip.table(), draft.bind.write())
    assert knock(pooler, keep(draft, draft.with_extension(extension(cmw)))) is None
    thief = Draft()
    assert refusal(pooler, keep(thief, thief.with_extension(extension(cmw)))).startswith("binding: ")


@pytest.mark.parametrize("way", [way for way in MALFORMED if way != "more than 65535 bytes"])  # nor has a certificate
def test_malformed_json_in_a_certificate_is_refused(vouch, processor, policy, tmp_path, way):
    draft, chip = Draft(), oracle.Processor.load(processor)
    cmw = oracle.cmw_map(chip.report(draft.report_data(), GOOD), chip.table(), draft.bind.write())
    content = MALFORMED[way][0](cmw)
    (tmp_path / "leaf.der").write_bytes(draft.with_extension(oracle.der(0x0C, content)))
    status, verdict = verdict_of(vouch("policy", "test", policy(), tmp_path / "leaf.der", "--json"))
    assert (status, failures(verdict)) == (1, ["evidence"])


def test_json_is_not_read_where_nothing_in_it_is_accepted(vouch, processor, policy, tmp_path):
    (tmp_path / "leaf.der").write_bytes(Draft().with_extension(oracle.der(0x0C, b"{")))
    status, verdict = verdict_of(vouch("policy", "test", policy("formats: [dice]\n"), tmp_path / "leaf.der", "--json"))
    assert (status, failures(verdict)) == (1, ["format"])


def test_a_certificate_s_json_is_of_a_format_like_any_other(vouch, processor, policy, tmp_path):
    draft, chip = Draft(), oracle.Processor.load(processor)
    report = chip.report(draft.report_data(), GOOD)
    claims = oracle.eat_claims(report, chip.table(), draft.bind.write(), draft.bind)
    record = json.dumps(oracle.cmw_json([oracle.EAT_TYPE, oracle.eat(claims), 4])).encode()
    (tmp_path / "leaf.der").write_bytes(draft.with_extension(oracle.der(0x0C, record)))
    command = ["policy", "test", policy(measurement=GOOD.hex()), tmp_path / "leaf.der", "--json"]
    status, verdict = verdict_of(vouch(*command))
    assert (status, failures(verdict)) == (1, ["format"])
    command[2] = policy("formats: [eat]\n", measurement=GOOD.hex())
    status, verdict = verdict_of(vouch(*command))
    assert (status, outcomes(verdict)["binding"]) == (0, "pass")
