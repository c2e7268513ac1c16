"""`vouch policy init`: what a policy pins that is made from evidence. Each of its demands is seen to refuse."""

import re
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from support.attested import attested  # noqa: F401: fixture
from support.oracle import TCB, Draft, Processor
from support.simulated import certificate, made, state  # noqa: F401: fixtures
from support.vectors import expectations, genuine, needs_vectors
from support.vouch import MEASUREMENT, StandIn, could_not, failures, shows, verdict_of

pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

TOP = Path(__file__).resolve().parent.parent
GOOD = bytes.fromhex(MEASUREMENT)
NEWER = bytes([4, 1, 0, 0, 0, 0, 24, 219])  # than what the VCEK is made for

# A report in which every field says something.
FULL = {"version": 5, "guest_svn": 7, "policy": 0x120137, "vmpl": 1, "platform_info": 0x26, "key_info": 1,
        "current_tcb": NEWER, "committed_tcb": NEWER, "launch_tcb": NEWER, "host_data": b"\x11" * 32,
        "family_id": b"\x22" * 16, "image_id": b"\x33" * 16, "id_key_digest": b"\x44" * 48,
        "author_key_digest": b"\x55" * 48, "report_id": b"\x66" * 32, "launch_mit_vector": 0xb,
        "current_mit_vector": 0xf}


def lower(tcb, at):
    return bytes(byte - (i == at) for i, byte in enumerate(tcb))


def each_component(name, alone=()):
    """One case for each component of a TCB."""
    return [({name: lower(NEWER, at)}, {f"tcb_min_{name[:-4]}", *alone}) for at in (0, 1, 6, 7)]


# What is changed in that report, and the checks that must fail then, and no others. Of a report that is older than its
# certificate, or has another current firmware than committed, further checks fail by themselves.
CHANGES = {
    "measurements.expected": [({"measurement": b"\x77" * 48}, {"measurement"})],
    "tcb.min_version": [({"committed": bytes([28, 55, 1])}, {"tcb_min_version", "provisional_firmware"}),
                        ({"committed": bytes([29, 54, 1])}, {"tcb_min_version", "provisional_firmware"})],
    "tcb.min_current_version": [({"current": bytes([28, 55, 1]), "committed": bytes([28, 55, 1])},
                                 {"tcb_min_version", "tcb_min_current_version"})],
    "tcb.min_reported": [({"reported_tcb": lower(TCB, at)}, {"tcb_min_reported", "certificate_tcb"})
                         for at in (0, 6, 7)],
    "tcb.min_current": [({"current_tcb": lower(NEWER, 1), "committed_tcb": lower(NEWER, 1)},
                         {"tcb_min_current", "tcb_min_committed"})],
    "tcb.min_committed": each_component("committed_tcb", ["provisional_firmware"]),
    "tcb.min_launch": each_component("launch_tcb"),
    "tcb.allow_provisional": [({"current": bytes([30, 55, 1])}, {"provisional_firmware"}),
                              ({"current_tcb": bytes([5, *NEWER[1:]])}, {"provisional_firmware"})],
    "tcb.launch_mitigations": [({"launch_mit_vector": 0xa}, {"launch_mitigations"})],
    "tcb.current_mitigations": [({"current_mit_vector": 0x7}, {"current_mitigations"})],
    "guest.debug_disabled": [({"policy": 0x1a0137}, {"debug", "policy_forbidden"})],
    "guest.smt_disabled": [({"policy": 0x130137}, {"smt", "policy_forbidden"}),
                           ({"platform_info": 0x27}, {"smt", "platform_forbidden"})],
    "guest.min_guest_svn": [({"guest_svn": 6}, {"guest_svn"})],
    "guest.policy_required": [({"policy": 0x020137}, {"policy_required"}), ({"policy": 0x100137}, {"policy_required"})],
    "guest.policy_forbidden": [({"policy": 0x120137 | 1 << bit}, {"policy_forbidden"}) for bit in (18, 21)],
    "guest.policy_exact": [({"policy": 0x120137 | 1 << bit}, {"policy_exact"}) for bit in (26, 63)],
    "guest.min_abi": [({"policy": 0x120136}, {"min_abi"}), ({"policy": 0x1200ff}, {"min_abi"})],
    "guest.min_vmpl": [({"vmpl": 0}, {"min_vmpl"})],
    "guest.max_vmpl": [({"vmpl": 2}, {"max_vmpl"})],
    "platform.required": [({"platform_info": 0x26 & ~(1 << bit)}, {"platform_required"}) for bit in (1, 2, 5)],
    "platform.forbidden": [({"platform_info": 0x26 | 1 << 7}, {"platform_forbidden"})],
    "platform.unknown_bits": [({"platform_info": 0x126}, {"platform_unknown_bits"})],
    "launch.host_data": [({"host_data": bytes(32)}, {"host_data"})],
    "launch.family_id": [({"family_id": bytes(16)}, {"family_id"})],
    "launch.image_id": [({"image_id": bytes(16)}, {"image_id"})],
    "launch.id_key_digest": [({"id_key_digest": b"\x45" * 48}, {"id_key_digest"})],
    "launch.id_key_required": [({"id_key_digest": bytes(48)}, {"id_key_digest", "id_key_required"})],
    "launch.author_key_digest": [({"author_key_digest": b"\x45" * 48}, {"author_key_digest"})],
    "launch.author_key_required": [({"key_info": 0}, {"author_key_required"})],
}
# What stands ready in comments.
COMMENTED = {
    "tcb.min_build": [({"committed": bytes([28, 56, 1]), "current": bytes([29, 56, 1])},
                       {"tcb_min_build", "provisional_firmware"})],
    "tcb.min_current_build": [({"committed": bytes([28, 56, 1]), "current": bytes([28, 56, 1])},
                               {"tcb_min_build", "tcb_min_current_build"})],
    "tcb.min_platform_version": [({"current_tcb": lower(NEWER, 1), "committed_tcb": lower(NEWER, 1)},
                                  {"tcb_min_platform_version", "tcb_min_current", "tcb_min_committed"})],
    "launch.report_id": [({"report_id": b"\x67" * 32}, {"report_id"})],
    "chip.chip_ids_allowed": [({"chip_id": b"\x68" * 64}, {"chip_id", "chip_id_allowed"})],
}
# Other tests of this file see these refuse: they need other evidence than a changed report.
ELSEWHERE = {"formats", "chip.products_allowed", "chip.key_kinds", "chip.csp_ids", "launch.tpm_pcrs"}
# No evidence shows them: what others may not have, and how old evidence may be.
NOT_SHOWN = {"chip.products_denied", "chip.chip_ids_denied", "evidence.max_age"}


def demands_of(text):
    policy = yaml.safe_load(text)
    return {f"{group}.{key}" for group, keys in policy.items() if isinstance(keys, dict) for key in keys
            if group not in ("certificates", "nonce")}


def uncommented(text):
    return re.sub(r"^( *)#(\w+:)", r"\1\2", text, flags=re.M)


@pytest.fixture(scope="module")
def chip(state):
    return Processor.load(state)


@pytest.fixture
def evidence(tmp_path):
    """Files of a report that the chip signs, and of its certificates, as the words of a command."""
    def write(chip, name="report.bin", **changes):
        (tmp_path / name).write_bytes(chip.report(b"\x99" * 64, changes.pop("measurement", GOOD), **changes))
        words = [tmp_path / name]
        for certificate, flag in ((chip.vcek, chip.kind), (chip.ask, "ask"), (chip.ark, "ark")):
            path = tmp_path / f"{flag}.der"
            path.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
            words += [f"--{flag}", path]
        return words
    return write


@pytest.fixture
def pin(vouch, tmp_path):
    """The file and the text of the policy that is made."""
    def make(*words, name="pinned.yaml"):
        run = vouch("policy", "init", "--from", *words)
        assert (run.returncode, run.stderr) == (0, ""), run.stderr
        (tmp_path / name).write_text(run.stdout)
        return tmp_path / name, run.stdout
    return make


@pytest.fixture
def judged(vouch):
    """The verdict of a policy, and the checks that failed."""
    def judge(policy, *words):
        _, verdict = verdict_of(vouch("policy", "test", policy, *words, "--json"))
        return verdict["verdict"], set(failures(verdict))
    return judge


@pytest.fixture
def warnings(vouch):
    def check(policy):
        run = vouch("policy", "check", policy)
        assert (run.returncode, run.stderr) == (0, ""), run.stderr
        return re.findall(r"^warning  (.*)", run.stdout, re.M)
    return check


def each_of(table):
    return pytest.mark.parametrize("changes, expected", [
        pytest.param(*case, id=f"{key}-{number}") for key, cases in table.items() for number, case in enumerate(cases)])


SIMULATED = ["simulated attestation protects nothing"]


def test_every_demand_that_a_policy_can_make_is_pinned(chip, evidence, pin):
    rows = re.findall(r'^    \{(\w+), "(\w+)", read_\w+, [^\n]*?(?:,\s+)?JUDGE_CHECK_',
                      (TOP / "src/attest/policy_keys.c").read_text(), re.M)
    rows += re.findall(r'^    \{(\w+), "(\w+)", read_\w+, FIELD\([\w.]+\),\s*JUDGE_CHECK_',
                       (TOP / "src/attest/policy_keys.c").read_text(), re.M)
    known = {f"{group.lower()}.{key}" for group, key in rows}
    assert len(known) > 35
    _, text = pin(*evidence(chip, **FULL))
    assert demands_of(text) | {"chip.csp_ids", "launch.tpm_pcrs"} == set(CHANGES) | ELSEWHERE - {"formats"}
    assert demands_of(uncommented(text)) | {"chip.csp_ids", "launch.tpm_pcrs"} | NOT_SHOWN == known


def test_the_evidence_itself_is_allowed_and_nothing_is_warned_of(chip, evidence, pin, judged, warnings, tmp_path):
    words = evidence(chip, **FULL)
    path, text = pin(*words)
    assert judged(path, *words) == ("allow", set())
    assert warnings(path) == SIMULATED
    path.write_text(uncommented(text))
    assert judged(path, *words) == ("allow", set())
    assert warnings(path) == SIMULATED


def test_a_report_by_itself_shows_no_format(chip, evidence, pin):
    _, text = pin(*evidence(chip))
    assert "formats" not in yaml.safe_load(text)
    assert "was not seen: a report by itself is in no format. The default:\n#formats: [cmw]\n" in text


@each_of(CHANGES)
def test_evidence_that_differs_in_one_field_is_refused(chip, evidence, pin, judged, changes, expected):
    path, _ = pin(*evidence(chip, **FULL))
    assert judged(path, *evidence(chip, "other.bin", **FULL | changes)) == ("deny", expected)


@each_of(COMMENTED)
def test_what_stands_in_comments_holds_when_it_is_wanted(chip, evidence, pin, judged, changes, expected):
    path, text = pin(*evidence(chip, **FULL))
    other = evidence(chip, "other.bin", **FULL | changes)
    assert not judged(path, *other)[1] & {check for check in expected if check.startswith(
        ("tcb_min_build", "tcb_min_current_build", "tcb_min_platform", "report_id", "chip_id_allowed"))}
    path.write_text(uncommented(text))
    assert judged(path, *other) == ("deny", expected)


@pytest.mark.parametrize("changes", [
    {"guest_svn": 8}, {"policy": 0x120138}, {"policy": 0x120200},
    {"current": bytes([1, 56, 1]), "committed": bytes([1, 56, 1])},
    {"current_tcb": b"\xff" * 8, "committed_tcb": b"\xff" * 8}, {"launch_mit_vector": 0x1b, "current_mit_vector": 0xff},
    {"report_id": b"\x67" * 32}, *({"policy": 0x120137 | 1 << bit} for bit in range(22, 26)),
    *({"platform_info": 0x26 | 1 << bit} for bit in (3, 4, 6)), {"policy": 0x3d20137, "platform_info": 0x7e}])
def test_what_is_newer_or_started_anew_is_let_in(chip, evidence, pin, judged, changes):
    path, _ = pin(*evidence(chip, **FULL))
    assert judged(path, *evidence(chip, "other.bin", **FULL | changes)) == ("allow", set())


def test_protections_that_were_off_are_named_for_whoever_wants_them(chip, evidence, pin, judged):
    bare = FULL | {"policy": 0x020137, "platform_info": 0}
    path, text = pin(*evidence(chip, **bare))
    guest = "single_socket, aes_256_xts, rapl_dis, ciphertext_hiding, page_swap_disable"
    machine = "tsme, ecc, rapl_dis, ciphertext_hiding, alias_check_complete, iommu_write_safe"
    assert f"add it to `policy_required`:\n  # {guest}\n" in text
    assert f"add it to `required`:\n  # {machine}\n" in text
    made = yaml.safe_load(text)
    assert made["guest"]["policy_forbidden"] == ["smt", "migrate_ma", "debug", "cxl"]
    assert (made["platform"]["forbidden"], "required" in made["platform"]) == (["smt", "tio"], False)
    path.write_text(text.replace("platform:\n", f"platform:\n  required: [{machine}]\n"))
    assert judged(path, *evidence(chip, **bare)) == ("deny", {"platform_required"})
    assert judged(path, *evidence(chip, **bare | {"platform_info": 0x7e})) == ("allow", set())


def test_a_guest_that_demands_less_is_not_refused_for_being_stricter(chip, evidence, pin, judged):
    """A weak guest's policy asks for no weakness."""
    weak = FULL | {"policy": 0x3f0137, "platform_info": 0xa7}
    path, text = pin(*evidence(chip, **weak))
    assert "debug_disabled: false  # its host may look" in text
    assert "smt_disabled: false" in text
    stronger = weak | {"policy": 0x120137, "platform_info": 0x26}
    assert judged(path, *evidence(chip, "other.bin", **stronger))[0] == "allow"


def test_what_a_report_does_not_show_is_not_pinned(chip, evidence, pin, judged, warnings):
    """Of version 3, with no keys, firmware that is not committed, and a bit without a name."""
    plain = {"current": bytes([30, 55, 1]), "platform_info": 0x126}
    path, text = pin(*evidence(chip, **plain))
    assert not {"tcb.launch_mitigations", "tcb.current_mitigations", "launch.id_key_digest",
                "launch.author_key_digest"} & demands_of(text)
    for line in ("id_key_required: false", "author_key_required: false", "allow_provisional: true",
                 "unknown_bits: allow"):
        assert f"  {line}\n" in text
    assert judged(path, *evidence(chip, **plain))[0] == "allow"
    assert warnings(path) == SIMULATED


def test_a_digest_is_no_author_key_where_the_report_says_there_is_none(chip, evidence, pin, judged):
    fields = FULL | {"key_info": 0}
    path, text = pin(*evidence(chip, **fields))
    assert "  author_key_required: false\n" in text
    assert judged(path, *evidence(chip, **fields))[0] == "allow"


def test_a_clouds_key_is_pinned_with_its_provider(chip, evidence, pin, judged, warnings):
    cloud = chip.cloud('a "cloud" \\ of mine')
    words = evidence(cloud)
    path, text = pin(*words)
    assert yaml.safe_load(text)["chip"] == {"products_allowed": ["milan"], "key_kinds": ["vlek"],
                                            "csp_ids": ['a "cloud" \\ of mine']}
    assert "chip_ids_allowed" not in text
    assert judged(path, *words) == ("allow", set())
    assert warnings(path) == SIMULATED
    assert judged(path, *evidence(chip.cloud("another"), "other.bin")) == ("deny", {"csp_id_allowed"})
    assert judged(path, *evidence(chip, "other.bin")) == ("deny", {"csp_id_allowed", "key_kind_allowed"})


def test_a_vcek_is_pinned_against_clouds_keys(chip, evidence, pin, judged):
    path, _ = pin(*evidence(chip))
    assert judged(path, *evidence(chip.cloud("a cloud"), "other.bin")) == ("deny", {"key_kind_allowed"})


def test_the_name_of_a_provider_that_a_policy_cannot_hold_is_left_out(chip, evidence, pin, judged):
    words = evidence(chip.cloud("c" * 65))
    path, text = pin(*words)
    assert "  # The name of its provider cannot be written here.\n" in text
    assert judged(path, *words)[0] == "allow"


def test_a_report_that_hides_its_chip_is_pinned_as_such(chip, evidence, pin, judged):
    words = evidence(chip, chip_id=bytes(64), key_info=2)
    path, text = pin(*words)
    assert "allow_masked_chip_id: true" in text
    assert judged(path, *words)[0] == "allow"


def test_a_report_that_no_guest_asked_for_is_not_pinned(vouch, chip, evidence):
    run = vouch("policy", "init", "--from", *evidence(chip, vmpl=0xffffffff))
    assert (run.returncode, run.stdout) == (1, "")
    assert "no guest asked for this report: its VMPL is 4294967295" in run.stderr


@pytest.mark.parametrize("product", ["milan", "genoa", "turin"])
def test_each_product_is_pinned_against_the_others(made, pin, judged, warnings, product):
    path, text = pin(made("--product", product))
    assert yaml.safe_load(text)["chip"]["products_allowed"] == [product]
    assert ("fmc: " in text) == (product == "turin")
    assert judged(path, made("--product", product, name="again.cmw")) == ("allow", set())
    assert warnings(path) == SIMULATED
    for other in {"milan", "genoa", "turin"} - {product}:
        verdict, failed = judged(path, made("--product", other, name="other.cmw"))
        assert verdict == "deny"
        assert failed >= {"product_allowed", "tcb_min_reported", "tcb_min_current", "tcb_min_committed",
                          "tcb_min_launch"}


@pytest.mark.parametrize("form", ["cmw", "eat"])
def test_the_format_is_pinned_alone_and_in_a_certificate(made, certificate, pin, judged, warnings, form):
    for number, words in enumerate((made("--format", form, name=form), certificate("--format", form))):
        path, text = pin(words)
        assert yaml.safe_load(text)["formats"] == [form]
        assert judged(path, words) == ("allow", set())
        assert warnings(path) == SIMULATED
    other = {"cmw": "eat", "eat": "cmw"}[form]
    assert judged(path, certificate("--format", other)) == ("deny", {"format"})


@pytest.fixture
def bare(chip, tmp_path):
    """A certificate in a format that carries no certificates of the chip, and what has to be given beside it."""
    def make(form, name="bare.crt", **changes):
        draft = Draft()
        (tmp_path / name).write_bytes({"dice": draft.with_dice, "raw": draft.with_raw}[form](chip, GOOD, **changes))
        words = [tmp_path / name]
        for certificate, flag in ((chip.vcek, "vcek"), (chip.ask, "ask"), (chip.ark, "ark")):
            path = tmp_path / f"{flag}.pem"
            path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
            words += [f"--{flag}", path]
        return words
    return make


@pytest.mark.parametrize("form, more", [("dice", []), ("raw", ["a client may show evidence that it made long ago, by its "
                                                               "own clock"])])
def test_a_format_without_certificates_is_pinned_with_the_one_given(vouch, bare, pin, judged, warnings, tmp_path, form,
                                                                    more):
    words = bare(form)
    path, text = pin(*words)
    made = yaml.safe_load(text)
    assert made["formats"] == [form]
    assert made["certificates"]["veks"] == [str(tmp_path / "vcek.pem")]
    assert made.get("nonce") == ({"required": False} if form == "raw" else None)
    assert judged(path, *words) == ("allow", set())
    assert warnings(path) == SIMULATED + more
    assert judged(path, *bare(form, "other.crt", guest_svn=0)) == ("deny", {"guest_svn"})
    bare(form)
    run = vouch("policy", "init", "--from", words[0])
    assert (run.returncode, run.stdout) == (1, "")
    assert "vek_certificate" in run.stderr


def test_a_list_that_is_given_beside_such_a_certificate_must_be_one(vouch, bare, tmp_path):
    (tmp_path / "crl").write_bytes(b"none")
    run = vouch("policy", "init", "--from", *bare("dice"), "--crl", tmp_path / "crl")
    assert (run.returncode, run.stdout) == (2, "")
    assert "--crl" in run.stderr


def test_certificates_are_not_given_beside_evidence_that_brings_them(vouch, certificate, chip, tmp_path):
    (tmp_path / "vcek.der").write_bytes(chip.vcek.public_bytes(serialization.Encoding.DER))
    run = vouch("policy", "init", "--from", certificate(), "--vcek", tmp_path / "vcek.der")
    assert (run.returncode, run.stdout) == (2, "")
    assert "brings its own certificates" in run.stderr


# ---- servers ----

def test_what_a_server_shows_is_pinned(attested, vouch, pin, warnings):
    pooler = attested()
    path, text = pin(f"localhost:{pooler.port}")
    assert yaml.safe_load(text)["formats"] == ["cmw"]
    assert warnings(path) == SIMULATED
    status, verdict = vouch.verify(f"localhost:{pooler.port}", path)
    assert (status, verdict["verdict"]) == (0, "allow")


def test_a_server_may_begin_with_tls_and_be_waited_for_no_longer_than_told(vouch, certificate, pin):
    path = certificate()
    with shows(path, path.parent / "client.key", direct=True) as server:
        _, text = pin(server.address, "--direct-tls", "--timeout", "10s")
    assert MEASUREMENT in text
    with StandIn(lambda peer: peer.recv(1024) and peer.recv(1)) as silent:
        run = vouch("policy", "init", "--from", silent.address, "--timeout", "200ms")
    assert (run.returncode, run.stdout) == (2, "")
    assert "200 ms" in run.stderr or "0.2 s" in run.stderr, run.stderr


def test_a_server_without_evidence_is_not_pinned(vouch, server_identity):
    with shows(server_identity.cert_file, server_identity.key_file) as server:
        run = vouch("policy", "init", "--from", server.address)
    assert (run.returncode, run.stdout) == (1, "")
    assert "the certificate carries no evidence" in run.stderr


@pytest.mark.parametrize("words, said", [
    (["init", "--from", "no-such-file"], "no-such-file"), (["init", "--from", "no/such:1"], "no/such:1"),
    (["init", "--from", "127.0.0.1:none"], "127.0.0.1:none"), (["init", "--from", "127.0.0.1:1"], "127.0.0.1"),
    (["check", "p", "--timeout", "1s"], "--timeout belongs to vouch policy init"),
    (["test", "p", "e", "--direct-tls"], "--direct-tls belongs to vouch policy init"),
    (["init", "--from", "h:1", "--timeout", "soon"], "timeout"),
])
def test_what_is_neither_a_file_nor_a_server_ends_with_2(vouch, words, said):
    could_not(vouch("policy", *words), said, "policy")


# ---- genuine ----

def products_of(row):
    """Those that the report may be of: one of version 2 does not tell Genoa from Siena and Bergamo."""
    untold = row["product"] == "genoa" and row["report_version"] == "2"
    return {"genoa", "sienabergamo"} if untold else {row["product"]}


GENUINE = [case for case in expectations() if case.values[0] is None or case.values[0]["verdict"] == "allow"]


@needs_vectors
@pytest.mark.parametrize("row", GENUINE)
def test_genuine_evidence_of_each_product_is_pinned(row, pin, judged, warnings):
    folder, kind = genuine(row["name"])
    words = [folder / "report.bin", f"--{kind}", folder / f"{kind}.der", "--at", row["at"]]
    path, text = pin(*words)
    assert "certificates:" not in text
    assert judged(path, *words) == ("allow", set())
    debug = "debug_disabled: false" in text
    assert debug == (row["name"] == "milan-v2-gosevguest-1")
    assert warnings(path) == (["a guest that its host may look into is let in"] if debug else [])
    for other in (case.values[0] for case in GENUINE):
        folder, kind = genuine(other["name"])
        verdict, failed = judged(path, folder / "report.bin", f"--{kind}", folder / f"{kind}.der", "--at", other["at"])
        assert (verdict == "allow") == (other["name"] == row["name"])
        assert bool(failed & {"product_allowed", "product_denied"}) == (not products_of(other) <= products_of(row))
    path.write_text(uncommented(text))
    assert judged(path, *words) == ("allow", set())
