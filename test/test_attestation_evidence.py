"""Evidence that nobody made honestly is refused, with the check that failed named."""

import pytest

from support import oracle
from support.attested import (  # noqa: F401: fixtures
    GOOD, attested, chip, demanding, good, impostor, keep, knock, nonce_of, policy_file, refusal, verdicts,
)
from support.certificates import DAY
from support.oracle import Draft, Evidence, canonical
from support.vouch import shown_by

# Certificates of VCEKs have the serial number 0, as AMD's have.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")


def test_evidence_of_another_key_is_refused(demanding, chip, keep):
    pooler = demanding()
    nonce = nonce_of(pooler)
    honest, thief = Draft(nonce=nonce), Draft(nonce=nonce)
    report = chip.report(honest.report_data(), GOOD)
    thief.bind = honest.bind
    assert refusal(pooler, keep(thief, thief.with_report(report, chip.table()))).startswith("binding: ")
    assert knock(pooler, keep(honest, honest.with_report(report, chip.table()))) is None


@pytest.mark.parametrize("changed", ["name", "validity", "issued_at", "nonce", "digest"])
def test_evidence_for_another_name_time_or_nonce_is_refused(demanding, chip, keep, changed):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler))
    report = chip.report(draft.report_data(), GOOD)
    if changed == "name":
        draft.common_name = "other"
    elif changed == "validity":
        draft.not_after += DAY
    else:
        draft.bind = draft.bind._replace(**{"issued_at": {"issued_at": draft.bind.issued_at - 1},
                                            "nonce": {"nonce": nonce_of(pooler)},
                                            "digest": {"config_digest": b"\x01" * 48}}[changed])
    assert refusal(pooler, keep(draft, draft.with_report(report, chip.table()))).startswith("binding: ")


def test_a_report_over_the_nonce_alone_is_refused(demanding, good):
    pooler = demanding()
    nonce = nonce_of(pooler)
    assert refusal(pooler, good(pooler, nonce=nonce, report_data=nonce.ljust(64, b"\0"))).startswith("binding: ")


def test_the_daemons_own_evidence_is_worth_nothing_under_a_clients_key(demanding, keep):
    pooler = demanding()
    draft = Draft()
    leaf = shown_by("127.0.0.1", pooler.port)
    identity = keep(draft, draft.with_extension(Evidence(leaf).extension))
    assert refusal(pooler, identity).startswith("binding: ")
    failed = {check["name"] for check in verdicts(pooler)[0]["checks"]}
    assert failed == {"binding", "nonce", "nonce_length"}


def test_a_chain_of_another_root_is_refused_also_with_the_trusted_one_beside_it(demanding, chip, impostor, keep):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler))
    assert refusal(pooler, keep(draft, draft.with_evidence(impostor, GOOD))).startswith("chain_root: ")
    table = {"vcek": impostor.vcek, "ask": impostor.ask, "ark": chip.ark}
    mixed = oracle.write_table(table)
    report = impostor.report(draft.report_data(), GOOD)
    assert refusal(pooler, keep(draft, draft.with_report(report, mixed))).startswith("chain")


def test_a_report_signed_by_another_chips_key_is_refused(demanding, chip, impostor, keep):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler))
    report = impostor.report(draft.report_data(), GOOD, chip_id=chip.chip_id)
    assert refusal(pooler, keep(draft, draft.with_report(report, chip.table()))).startswith("report_signature: ")


def test_a_report_with_any_bit_flipped_is_refused(demanding, chip, keep):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler))
    report = chip.report(draft.report_data(), GOOD)
    let_in = []
    for bit in range(0, 8 * oracle.REPORT_SIZE, 97):  # 98 of them, in every field; the unit tests flip all
        flipped = bytearray(report)
        flipped[bit // 8] ^= 1 << bit % 8
        if knock(pooler, keep(draft, draft.with_report(bytes(flipped), chip.table()))) is None:
            let_in.append(bit)
    assert let_in == []
    assert knock(pooler, keep(draft, draft.with_report(report, chip.table()))) is None


@pytest.mark.parametrize("ahead", [301, 10 ** 9])
def test_evidence_from_the_future_is_refused(demanding, good, ahead):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler), lifetime=2 * 10 ** 9)
    draft.bind = draft.bind._replace(issued_at=draft.bind.issued_at + ahead + 60)
    assert refusal(pooler, good(pooler, draft=draft)).startswith("issued_at: ")


def test_a_certificate_that_has_expired_is_refused(demanding, good):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler), lifetime=-1)
    assert refusal(pooler, good(pooler, draft=draft)).startswith("leaf_validity: ")


def pairs_twice(cmw):
    """A map in which "snp" stands twice."""
    pair = canonical("snp") + canonical(cmw["snp"])
    rest = b"".join(canonical(name) + canonical(cmw[name]) for name in ("bind", "certs", "__cmwc_t"))
    return b"\xa5" + pair + pair + rest


def with_value(cmw, name, change):
    """The value of one record changed."""
    media_type, value, indicator = cmw[name]
    return canonical({**cmw, name: [media_type, change(value), indicator]})


MALFORMED = {
    "trailing bytes behind the collection": lambda cmw: canonical(cmw) + b"\0",
    "cut short": lambda cmw: canonical(cmw)[:-1],
    "a key twice": pairs_twice,
    "keys out of order": lambda cmw: oracle.cbor2.dumps(cmw),
    "10000 deep": lambda cmw: b"\x81" * 10000 + b"\0",
    "10000 deep within a record": lambda cmw: b"\xa4" + canonical("snp") + b"\x81" * 10000 + b"\0",
    "4 GiB claimed": lambda cmw: b"\xa4" + canonical("snp") + b"\x5a\xff\xff\xff\xff",
    "2^64 items claimed": lambda cmw: b"\xbb" + b"\xff" * 8,
    "indefinite length": lambda cmw: b"\xbf" + canonical(cmw)[1:] + b"\xff",
    "a long head": lambda cmw: b"\xb8\x04" + canonical(cmw)[1:],
    "a tag": lambda cmw: b"\xc1" + canonical(cmw),
    "another type": lambda cmw: canonical({**cmw, "__cmwc_t": "tag:pgvouch,2026:snp/v2"}),
    "one member more": lambda cmw: canonical({**cmw, "zzzzzzzzz": 1}),
    "one member less": lambda cmw: canonical({name: cmw[name] for name in cmw if name != "certs"}),
    "evidence called an endorsement": lambda cmw: canonical({**cmw, "snp": [*cmw["snp"][:2], 2]}),
    "text where bytes are due": lambda cmw: canonical({**cmw, "bind": [cmw["bind"][0], "text", 4]}),
    "another profile": lambda cmw: with_value(cmw, "bind", lambda record: b"\xa5\x01\x02" + record[3:]),
    "another kind": lambda cmw: with_value(cmw, "bind", lambda record: record[:4] + b"\x02" + record[5:]),
    "trailing bytes behind the bind record": lambda cmw: with_value(cmw, "bind", lambda record: record + b"\0"),
    "a table without end": lambda cmw: with_value(cmw, "certs", lambda table: table[:40]),
    "more than 48 KiB": lambda cmw: with_value(cmw, "certs", lambda table: table + bytes(50000)),
    "nothing": lambda cmw: b"",
}


@pytest.mark.parametrize("way", MALFORMED)
def test_a_malformed_collection_is_refused(demanding, chip, keep, way):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler))
    cmw = oracle.cmw_map(chip.report(draft.report_data(), GOOD), chip.table(), draft.bind.write())
    assert refusal(pooler, keep(draft, draft.with_cbor(MALFORMED[way](cmw)))).startswith("evidence: ")
    assert knock(pooler, keep(draft, draft.with_cbor(canonical(cmw)))) is None


@pytest.mark.parametrize("way", ["twice", "trailing", "another tag", "long length", "JSON", "no DER"])
def test_a_malformed_extension_is_refused(demanding, chip, keep, way):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler))
    collection = canonical(oracle.cmw_map(chip.report(draft.report_data(), GOOD), chip.table(),
                                          draft.bind.write()))
    right = oracle.der(0x04, collection)
    if way == "twice":
        certificate = draft.with_two_extensions(right)
    else:
        certificate = draft.with_extension({
            "trailing": right + b"\0", "another tag": oracle.der(0x03, collection),
            "long length": right[:1] + b"\x83\0" + right[2:], "JSON": oracle.der(0x0C, b"{}"), "no DER": b"\x04"}[way])
    assert refusal(pooler, keep(draft, certificate)).startswith("evidence: ")
    assert knock(pooler, keep(draft, draft.with_extension(right))) is None
