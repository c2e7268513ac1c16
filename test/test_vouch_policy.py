"""`vouch policy`: policies explained, tried on evidence, and made from it."""

import re
from pathlib import Path

import cbor2
import pytest

from support.simulated import certificate, made, policy, proofs, state  # noqa: F401: fixtures
from support.vectors import AT, genuine, needs_vectors
from support.vouch import MEASUREMENT, could_not, failures, outcomes, verdict_of

TOP = Path(__file__).resolve().parent.parent


def test_a_policy_is_explained_in_plain_words(vouch, policy):
    run = vouch("policy", "check", policy('tcb: {min_version: "1.51.0", mode: warn}\n'))
    assert (run.returncode, run.stderr) == (0, "")
    assert f"the image is {MEASUREMENT}; else refused" in run.stdout
    assert "1.51.0 or newer; else let in with a warning" in run.stdout
    assert "warning  simulated attestation protects nothing" in run.stdout


def test_every_demand_of_a_policy_is_explained(vouch, policy):
    run = vouch("policy", "check", policy("chip: {products_denied: [milan]}\nplatform: {required: [ecc], mode: warn}\n"
                                          "launch: {id_key_required: true, mode: disabled}\n"))
    assert re.search(r"^  chip.products_denied +product: none of: milan; else refused$", run.stdout, re.M)
    assert re.search(r"^  platform.required +bits of PLATFORM_INFO: set: ecc; else let in with a warning$", run.stdout, re.M)
    assert re.search(r"^  launch.id_key_required +not looked at: mode is disabled$", run.stdout, re.M)


def test_what_a_policy_leaves_open_is_warned_of(vouch, tmp_path):
    (tmp_path / "open.yaml").write_text("guest: {mode: disabled}\nnonce: {source: any}\n"
                                        "certificates: {verify_signature: false}\n")
    run = vouch("policy", "check", tmp_path / "open.yaml")
    assert run.returncode == 0
    for part in ("any image", "not looked at: mode is disabled", "anybody can make it", "its host may look into",
                 "known holes", "by its own clock"):
        assert part in run.stdout


def explained(run, key):
    assert (run.returncode, run.stderr) == (0, "")
    return re.search(rf"^  {re.escape(key)} +(.*)$", run.stdout, re.M)[1]


@pytest.mark.parametrize("crl, said", [
    ("required", "; it is at most 3600 s old"), ("if-available", "; one older than 3600 s is let pass with a warning"),
    ("off", "not looked at")])
def test_what_becomes_of_an_old_list_is_explained(vouch, tmp_path, crl, said):
    (tmp_path / "p.yaml").write_text(f"certificates: {{crl: {crl}, crl_max_age: 1h}}\n")
    assert explained(vouch("policy", "check", tmp_path / "p.yaml"), "certificates.crl").endswith(said)


def test_without_a_chain_nothing_is_said_to_rest_on_it(vouch, tmp_path):
    (tmp_path / "p.yaml").write_text("certificates: {crl: required, verify_chain: false}\n")
    run = vouch("policy", "check", tmp_path / "p.yaml")
    assert "only warned of" in explained(run, "certificates.crl")
    assert "not told from others" in explained(run, "certificates.allow_simulated")


@pytest.mark.parametrize("key", ["min_version", "min_current_version", "min_build", "min_current_build",
                                 "min_platform_version", "min_launch"])
def test_no_old_firmware_is_warned_of_where_a_minimum_is_set(vouch, tmp_path, key):
    value = '"1.51.0"' if key.endswith("t_version") or key == "min_version" else "{milan: {snp: 5}}" if key == "min_launch" else "7"
    (tmp_path / "p.yaml").write_text(f"tcb: {{{key}: {value}}}\n")
    assert "known holes" not in vouch("policy", "check", tmp_path / "p.yaml").stdout


def test_files_that_nobody_signs_are_warned_of(vouch, policy):
    assert "decides what may run" in vouch("policy", "check", policy("", mode="strict\n  corim_unsigned: allow")).stdout


@pytest.mark.parametrize("mode, status", [("strict", 1), ("warn", 0), ("disabled", 0)])
def test_proof_is_made_decoration_by_its_mode_and_every_verdict_says_so(vouch, made, tmp_path, mode, status):
    """Of a processor in which nobody trusts."""
    (tmp_path / "p.yaml").write_text(f"nonce: {{required: false}}\nguest: {{mode: disabled}}\ncertificates: {{mode: {mode}}}\n")
    found, verdict = verdict_of(vouch("policy", "test", tmp_path / "p.yaml", made(), "--json"))
    outcome = outcomes(verdict)
    assert (found, verdict["verdict"]) == (status, "deny" if status else "warn")
    assert outcome["chain_root"] == ("fail" if status else "warn")
    assert [outcome.get(name) for name in ("verify_chain", "verify_signature")] == [None if status else "warn"] * 2
    told = vouch("policy", "check", tmp_path / "p.yaml").stdout
    assert ("warning  evidence that no processor signed is let in" in told) == (status == 0)


def test_every_key_of_a_policy_is_explained():
    """Groups whose keys are told together stand as the group. What demands something of a report is told by its row."""
    rows = re.findall(r'^    \{(\w+), "(\w+)", read_\w+, .*NO_DEMAND\}', (TOP / "src/attest/policy_keys.c").read_text(),
                      re.M)
    keys = [("" if group == "TOP" else group.lower(), key) for group, key in rows]
    told = set(re.findall(r'^    \{"([\w.]+)", explain_\w+\}', (TOP / "src/app/vouch_explain.c").read_text(), re.M))
    assert len(keys) > 20
    silent = {"version", "mode", "cache_duration", "crl_max_age"}  # in the heading, and within other sentences
    missing = {f"{group}.{key}" if group else key for group, key in keys
               if key not in silent and not {group, key, f"{group}.{key}"} & told}
    assert missing == set()


def test_a_policy_that_is_wrong_is_not_valid(vouch, tmp_path):
    (tmp_path / "bad.yaml").write_text("version: \"1\"\nmeasurments: {}\n")
    run = vouch("policy", "check", tmp_path / "bad.yaml")
    assert (run.returncode, run.stdout) == (1, "")
    assert f"{tmp_path}/bad.yaml:2" in run.stderr


@pytest.mark.parametrize("text, said", [
    ("formats: [dice]\nlaunch: {mode: warn, tpm_pcrs: {4: %s}}\n" % ("aa" * 32), "launch.tpm_pcrs: only the format azure"),
    ("formats: [dice]\nevidence: {mode: warn, max_age: 1h}\n", "evidence.max_age: no format that is accepted says when"),
    ("guest: {mode: warn, policy_required: [smt]}\n", "guest.policy_required: smt is required"),
    ("chip: {mode: warn, products_allowed: [genoa]}\ntcb: {min_reported: {milan: {microcode: 1}}}\n",
     "tcb.min_reported: no product that chip lets in"),
    ("chip: {mode: warn, csp_ids: [x], chip_ids_denied: [%s]}\n" % ("aa" * 64), "chip.csp_ids: VLEKs alone"),
    ("guest: {max_vmpl: 15}\n", "guest.max_vmpl is more than 3"),
    ("nonce: {min_length: 64}\n", "nonce.min_length is more than 32"),
    ("chip: {chip_ids_denied: [%s]}\n" % ("00" * 64), "chip: an id of zeros is no chip's")])
def test_what_something_can_meet_loads_with_a_warning(vouch, policy, text, said):
    run = vouch("policy", "check", policy(text))
    assert (run.returncode, run.stderr) == (0, "")
    assert f"\nwarning  {said}" in run.stdout


def test_evidence_meets_a_contradiction_that_only_warns(vouch, policy, made):
    asked = "guest: {policy_required: [smt]%s}\n"
    status, verdict = verdict_of(vouch("policy", "test", policy(asked % ", mode: warn"), made(), "--json"))
    assert (status, verdict["verdict"], failures(verdict)) == (0, "warn", [])
    run = vouch("policy", "check", policy(asked % ""))
    assert (run.returncode, run.stdout) == (1, "")
    assert "guest.policy_required: smt is required, which smt_disabled" in run.stderr


def test_a_report_that_anybody_could_show_for_ever_is_not_let_in(vouch, tmp_path):
    path = tmp_path / "p.yaml"
    text = "formats: [go-eat]\ncertificates: {allow_unbound: true}\nnonce: {required: %s, source: any}\n"
    path.write_text(text % "false")
    run = vouch("policy", "check", path)
    assert (run.returncode, run.stdout) == (1, "")
    assert f"{path}:3: nonce.source: go-eat, which allow_unbound lets in, binds nothing but its nonce" in run.stderr
    path.write_text(text % "true")
    assert vouch("policy", "check", path).returncode == 0


def test_a_policy_is_tried_on_a_report_and_on_a_certificate(vouch, policy, made, certificate):
    for evidence in made(), certificate():
        status, verdict = verdict_of(vouch("policy", "test", policy(), evidence, "--json"))
        assert (status, verdict["verdict"]) == (0, "allow")
        status, verdict = verdict_of(vouch("policy", "test", policy(measurement="11" * 48), evidence, "--json"))
        assert (status, failures(verdict)) == (1, ["measurement"])
    run = vouch("policy", "test", policy(mode="warn", measurement="11" * 48), made())
    assert run.returncode == 0
    assert "verdict  warn" in run.stdout
    assert f"file     {made()}" in run.stdout


@pytest.mark.parametrize("formats, form, outcome", [
    ("[dice]", "cmw", "fail"), ("[dice]", "eat", "fail"), (None, "eat", "fail"), ("[cmw, eat]", "eat", "pass"),
    (None, "cmw", "pass"), ("[eat]", "cmw", "fail"), ("[dice]", "raw", "skipped")])
def test_the_format_is_demanded_of_files(vouch, policy, made, proofs, formats, form, outcome):
    evidence = made("--format", form, name="evidence")
    words = proofs(made()) if form == "raw" else []  # it travels alone
    text = policy(f"formats: {formats}\n" if formats else "")
    for command in ("policy", "test", text, evidence), ("verify", "--offline", "--report", evidence, "--policy", text):
        status, verdict = verdict_of(vouch(*command, *words, "--json"))
        assert outcomes(verdict)["format"] == outcome
        assert (status, failures(verdict)) == ((1, ["format"]) if outcome == "fail" else (0, []))


def test_a_policy_made_from_an_eat_accepts_it(vouch, made, tmp_path):
    evidence = made("--format", "eat", name="report.eat")
    run = vouch("policy", "init", "--from", evidence)
    assert (run.returncode, run.stderr) == (0, "")
    assert "\nformats: [eat]\n" in run.stdout
    (tmp_path / "p.yaml").write_text(run.stdout)
    assert verdict_of(vouch("policy", "test", tmp_path / "p.yaml", evidence, "--json"))[0] == 0


def test_a_session_is_not_asked_of_a_file(vouch, policy, certificate):
    _, verdict = verdict_of(vouch("policy", "test", policy(), certificate(), "--json"))
    skipped = {name for name, outcome in outcomes(verdict).items() if outcome == "skipped"}
    assert {"tls_version", "nonce", "nonce_length", "nonce_age"} <= skipped


def test_a_policy_made_from_evidence_loads_and_allows_it(vouch, made, certificate, tmp_path):
    for number, evidence in enumerate((made(), certificate(), made("--set", "attest_simulated_policy=0xa0000",
                                                                   "--set", "attest_simulated_guest_svn=7",
                                                                   name="debug.cmw"))):
        run = vouch("policy", "init", "--from", evidence)
        assert (run.returncode, run.stderr) == (0, "")
        assert "allow_simulated: true" in run.stdout
        (tmp_path / f"{number}.yaml").write_text(run.stdout)
        assert verdict_of(vouch("policy", "test", tmp_path / f"{number}.yaml", evidence, "--json"))[0] == 0
    assert "debug_disabled: false  # its host may look" in run.stdout
    assert "min_guest_svn: 7" in run.stdout
    other = made("--measurement", "11" * 48, name="other.cmw")
    status, verdict = verdict_of(vouch("policy", "test", tmp_path / "0.yaml", other, "--json"))
    assert (status, failures(verdict)) == (1, ["measurement"])


@needs_vectors
def test_a_policy_made_from_a_genuine_report_trusts_amd_alone(vouch, tmp_path):
    folder, _ = genuine("genoa-v5-oak-1")
    evidence = [folder / "report.bin", "--vcek", folder / "vcek.der", "--at", AT]
    run = vouch("policy", "init", "--from", *evidence)
    assert (run.returncode, run.stderr) == (0, "")
    assert "trusted_arks" not in run.stdout
    (tmp_path / "p.yaml").write_text(run.stdout)
    assert verdict_of(vouch("policy", "test", tmp_path / "p.yaml", *evidence, "--json"))[0] == 0


@needs_vectors
@pytest.mark.parametrize("name, at, said", [("milan-v2-cmc-neg-105", AT, "report_signature"),
                                            ("milan-v3-trustee-4", "2026-11-23T00:00:00Z", "chain_validity")])
def test_evidence_that_does_not_hold_is_not_pinned(vouch, name, at, said):
    folder, kind = genuine(name)
    run = vouch("policy", "init", "--from", folder / "report.bin", f"--{kind}", folder / f"{kind}.der", "--at", at)
    assert (run.returncode, run.stdout) == (1, "")
    assert "the evidence does not hold" in run.stderr
    assert said in run.stderr


def test_a_root_that_hides_what_it_is_is_not_pinned(vouch, made):
    """The simulated chain without its root: nothing says whose it is."""
    path = made()
    members = cbor2.loads(path.read_bytes())
    table = bytearray(members["certs"][1])
    at = table.index(bytes.fromhex("c0b406a4a80349529743"))
    table[at] ^= 1  # the root now stands under a GUID of nobody's
    members["certs"][1] = bytes(table)
    path.write_bytes(cbor2.dumps(members, canonical=True))
    run = vouch("policy", "init", "--from", path)
    assert (run.returncode, run.stdout) == (1, "")
    assert "chain" in run.stderr


@pytest.mark.parametrize("words, said", [
    ([], "what to do is missing"), (["chek", "p"], "unknown action"), (["check"], "the policy's file is missing"),
    (["check", "a", "b"], "one word too many"), (["check", "p", "--vek", "v"], "looks at no evidence"),
    (["check", "p", "--at", AT], "looks at no evidence"), (["check", "p", "--json"], "belongs to vouch policy test"),
    (["check", "/none"], "cannot open"), (["test", "p"], "the evidence is missing"),
    (["test", "a", "b", "c"], "one word too many"), (["test", "/none", "e"], "cannot open"),
    (["init"], "--from EVIDENCE is missing"), (["init", "p"], "one word too many"),
    (["init", "--from", "/none"], "No such file"), (["check", "p", "--from", "e"], "belongs to vouch policy init"),
])
def test_a_wrong_line_for_policy_ends_with_2(vouch, words, said):
    could_not(vouch("policy", *words), said, "policy")


def test_what_is_no_evidence_cannot_be_tried(vouch, policy, made, certificate, tmp_path):
    (tmp_path / "table").write_bytes(cbor2.loads(made().read_bytes())["certs"][1])
    could_not(vouch("policy", "test", policy(), tmp_path / "table"), "is no evidence", "policy")
    could_not(vouch("policy", "test", policy(), certificate(), "--vek", made()), "brings its own", "policy")


def test_a_certificate_without_evidence_is_denied(vouch, policy, server_identity):
    status, verdict = verdict_of(vouch("policy", "test", policy(), server_identity.cert_file, "--json"))
    assert (status, failures(verdict)) == (1, ["evidence"])


def test_a_certificate_without_evidence_lacks_it_whatever_is_given_beside_it(vouch, policy, made, proofs):
    """A VCEK, taken for evidence that it proves."""
    words = proofs(made())
    vcek = words[words.index("--vcek") + 1]
    for more in [], ["--vek", vcek], words:
        status, verdict = verdict_of(vouch("policy", "test", policy(), vcek, *more, "--json"))
        assert (status, failures(verdict)) == (1, ["evidence"])
        assert "the certificate carries no evidence" in verdict["reason"]
