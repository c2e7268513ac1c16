"""`vouch verify` on reports from files, genuine ones and made ones, and on a server without a policy."""

import datetime
import json

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from support.simulated import certificate, made, policy, proofs, state  # noqa: F401: fixtures
from support.vectors import AT, expectations, genuine, needs_vectors
from support.vouch import could_not, failures, outcomes, shows, verdict_of

VCEK, ASK, ARK = ("63da758de6644564adc5f4b93be8accd", "4ab7b379bbac4fe4a02f05aef327c782",
                  "c0b406a4a803495297433fb6014cd0ae")
CHECKS = {"": None, "version": "report_version", "signature": "report_signature",
          "certificate expired": "chain_validity"}


def table_of(table):
    """The entries of a GUID table."""
    entries, at = {}, 0
    while any(table[at:at + 16]):
        offset, size = (int.from_bytes(table[at + n:at + n + 4], "little") for n in (16, 20))
        entries[table[at:at + 16].hex()] = table[offset:offset + size]
        at += 24
    return entries


# ---- reports from files ----

@needs_vectors
@pytest.mark.parametrize("row", expectations())
def test_a_genuine_report_gets_its_verdict_at_its_time(vouch, row):
    folder, kind = genuine(row["name"])
    assert kind == row["key"]
    for chain in [], ["--ask", folder / "ask.pem", "--ark", folder / "ark.pem"]:
        for flag in f"--{kind}", "--vek":
            status, verdict = verdict_of(vouch("verify", "--report", folder / "report.bin", flag,
                                               folder / f"{kind}.der", "--at", row["at"], "--json", *chain))
            assert (verdict["verdict"], status) == (row["verdict"], {"allow": 0, "deny": 1}[row["verdict"]])
            found = failures(verdict)
            assert (found[0] if found else None) == CHECKS[row["failing_check"]]
            assert outcomes(verdict)["binding"] == "skipped"
            assert outcomes(verdict)["policy"] == "skipped"


@needs_vectors
def test_without_a_policy_the_output_says_what_was_not_asked(vouch):
    folder, _ = genuine("milan-v3-trustee-1")
    run = vouch("verify", "--report", folder / "report.bin", "--vcek", folder / "vcek.der", "--at", AT)
    assert run.returncode == 0
    assert "policy   none\n" in run.stdout
    assert "No policy was given" in run.stdout
    assert "no certificate: what REPORT_DATA binds was not looked at" in run.stdout


@needs_vectors
@pytest.mark.parametrize("more, denied", [
    ("", None), ("tcb: {min_version: \"1.55.29\"}\n", None), ("tcb: {min_version: \"99.0.0\"}\n", "tcb_min_version"),
    ("guest: {smt_disabled: false, min_guest_svn: 4000000}\n", "guest_svn"),
])
def test_a_genuine_report_is_judged_by_a_policy(vouch, policy, more, denied):
    folder, _ = genuine("milan-v3-trustee-1")
    measurement = json.loads(vouch("show", folder / "report.bin", "--json").stdout)["report"]["measurement"]
    more = more if "guest" in more else f"{more}guest: {{smt_disabled: false}}\n"
    status, verdict = verdict_of(vouch("verify", "--report", folder / "report.bin", "--vek", folder / "vcek.der",
                                       "--at", AT, "--json", "--policy",
                                       policy(more, trust=False, measurement=measurement)))
    assert failures(verdict) == ([denied] if denied else [])
    assert status == (1 if denied else 0)
    assert "policy" not in outcomes(verdict)


@needs_vectors
def test_a_report_with_the_certificate_of_another_chip_is_denied(vouch):
    folder, _ = genuine("milan-v3-trustee-1")
    other, _ = genuine("milan-v3-msteeav-1")
    status, verdict = verdict_of(vouch("verify", "--report", folder / "report.bin", "--vcek", other / "vcek.der",
                                       "--at", AT, "--json"))
    assert status == 1
    assert {"report_signature", "chip_id"} <= set(failures(verdict))


@needs_vectors
def test_a_certificate_under_the_flag_of_another_kind_is_denied(vouch):
    folder, _ = genuine("milan-v3-trustee-1")
    status, verdict = verdict_of(vouch("verify", "--report", folder / "report.bin", "--vlek", folder / "vcek.der",
                                       "--at", AT, "--json"))
    assert (status, failures(verdict)[0]) == (1, "vek_certificate")


def test_an_ark_of_the_command_line_is_not_trusted_for_itself(vouch, made, policy, tmp_path):
    """The simulated processor's chain, given whole: it stands on a root that nobody pinned."""
    members = cbor2.loads(made().read_bytes())
    table = table_of(members["certs"][1])
    (tmp_path / "report.bin").write_bytes(members["snp"][1])
    words = ["verify", "--json", "--report", tmp_path / "report.bin"]
    for flag, guid in ("--vek", VCEK), ("--ask", ASK), ("--ark", ARK):
        (tmp_path / flag).write_bytes(table[guid])
        words += [flag, tmp_path / flag]
    status, verdict = verdict_of(vouch(*words))
    assert (status, failures(verdict)[0]) == (1, "chain_root")
    assert verdict_of(vouch(*words, "--policy", policy()))[0] == 0


def revocations(state, issuer, *revoked, days=1):
    """A list by the simulated root."""
    key = serialization.load_pem_private_key((state / "ark-milan.key").read_bytes(), None)
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer)
               .last_update(now - datetime.timedelta(days=2)).next_update(now + datetime.timedelta(days=days)))
    for serial in revoked:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial)
                                                  .revocation_date(now - datetime.timedelta(days=2)).build())
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    return builder.sign(key, hashes.SHA384(), rsa_padding=pss).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("revoked, days, outcome", [(False, 1, "pass"), (True, 1, "fail"), (False, -1, "fail")])
def test_a_revocation_list_is_obeyed_and_must_speak(vouch, made, policy, state, tmp_path, revoked, days, outcome):
    members = cbor2.loads(made().read_bytes())
    table = table_of(members["certs"][1])
    ask = x509.load_der_x509_certificate(table[ASK])
    files = {"report.bin": members["snp"][1], "vek": table[VCEK], "ask": table[ASK], "ark": table[ARK],
             "crl": revocations(state, ask.issuer, *([ask.serial_number] if revoked else []), days=days)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    status, verdict = verdict_of(vouch("verify", "--json", "--policy", policy(), "--report", tmp_path / "report.bin",
                                       *(word for name in ("vek", "ask", "ark", "crl")
                                         for word in (f"--{name}", tmp_path / name))))
    assert outcomes(verdict)["chain_revocation"] == outcome
    assert status == (0 if outcome == "pass" else 1)


@needs_vectors
@pytest.mark.parametrize("name", ["report.bin", "vcek.der"])
def test_one_flipped_bit_is_denied(vouch, tmp_path, name):
    folder, _ = genuine("turin-v5-oak-1")
    files = {}
    for file in "report.bin", "vcek.der":
        content = bytearray((folder / file).read_bytes())
        if file == name:
            content[200] ^= 1
        files[file] = tmp_path / file
        files[file].write_bytes(content)
    status, verdict = verdict_of(vouch("verify", "--report", files["report.bin"], "--vek", files["vcek.der"],
                                       "--at", AT, "--json"))
    assert (status, verdict["verdict"]) == (1, "deny")


@needs_vectors
@pytest.mark.parametrize("size", [0, 1183, 1185])
def test_a_report_of_another_length_is_denied(vouch, tmp_path, size):
    folder, _ = genuine("milan-v3-trustee-1")
    (tmp_path / "cut.bin").write_bytes(((folder / "report.bin").read_bytes() + b"\0")[:size])
    status, verdict = verdict_of(vouch("verify", "--report", tmp_path / "cut.bin", "--vek", folder / "vcek.der",
                                       "--json"))
    assert (status, failures(verdict)[0]) == (1, "report_length")


# ---- what cannot be tried ----

@pytest.mark.parametrize("which, said", [
    ("leaf", "a certificate is no report: what evidence it carries is judged with vouch policy test POLICY FILE"),
    ("vcek", "that of a report's key is given with --vek"),
    ("vcek.pem", "a certificate is no report"),
    ("table", "a table of certificates is no evidence: it proves a report, beside which --certs gives it"),
    ("corim", "a CoRIM is no evidence: it says what evidence should show, to a policy that names it in "
              "measurements.corim"),
])
def test_what_is_no_report_is_not_judged_as_one(vouch, made, certificate, tmp_path, which, said):
    cmw = cbor2.loads(made().read_bytes())
    vcek = table_of(cmw["certs"][1])[VCEK]
    comid = cbor2.CBORTag(506, cbor2.dumps({1: {0: "tag"}, 4: {0: []}}))
    content = {"leaf": certificate().read_bytes(), "vcek": vcek, "table": cmw["certs"][1],
               "vcek.pem": x509.load_der_x509_certificate(vcek).public_bytes(serialization.Encoding.PEM),
               "corim": cbor2.dumps(cbor2.CBORTag(501, {0: "id", 1: [comid]}))}[which]
    (tmp_path / which).write_bytes(content)
    for more in [], ["--vek", tmp_path / which]:
        could_not(vouch("verify", "--offline", "--report", tmp_path / which, *more), said, "verify")


@pytest.mark.parametrize("spoil", [lambda der: der[:-1], lambda der: der + b"\0", lambda der: bytes(3000)])
def test_what_only_begins_like_something_else_is_judged_as_a_report(vouch, made, proofs, tmp_path, spoil):
    words = proofs(made())
    (tmp_path / "spoilt").write_bytes(spoil((tmp_path / "vcek.der").read_bytes()))
    status, verdict = verdict_of(vouch("verify", "--report", tmp_path / "spoilt", *words, "--json"))
    assert (status, failures(verdict)[0]) == (1, "report_length")

@pytest.mark.parametrize("words, said", [
    (["--report", "r"], "cannot open"),
    (["--report", "r", "localhost:1"], "exclude each other"),
    (["--report", "r", "--ca", "c"], "belong to a server"),
    (["--report", "r", "--save-report", "c"], "belong to a server"),
    (["--report", "r", "--direct-tls"], "belong to a server"),
    (["--report", "r", "--vek", "a", "--vcek", "b"], "exclude each other"),
    (["localhost:1", "--vek", "a"], "belong to --report"),
    (["localhost:1", "--certs", "a"], "belong to --report"),
    (["localhost:1", "--crl", "a"], "--crl: cannot open"),
    (["--report", "r", "--certs", "a", "--ask", "b"], "--certs has all certificates"),
    (["localhost:1", "--at", "2025-02-30T00:00:00Z"], "expected a time in UTC"),
    (["localhost:1", "--at", "2025-01-31"], "expected a time in UTC"),
    (["localhost:1", "--at", "2025-01-31T00:00:00+01:00"], "expected a time in UTC"),
    (["localhost:1", "--at", AT, "--at", AT], "given twice"),
])
def test_a_line_that_does_not_fit_ends_with_2(vouch, words, said):
    could_not(vouch("verify", *words), said, "verify")


def test_files_that_do_not_fit_end_with_2(vouch, made, tmp_path):
    cmw, raw = made(), made("--format", "raw", name="report.bin")
    could_not(vouch("verify", "--report", raw, "--offline"), "the report's certificate is missing", "verify")
    could_not(vouch("verify", "--report", cmw, "--vek", raw), "brings its own certificates", "verify")
    could_not(vouch("verify", "--report", raw, "--vek", tmp_path / "none"), "--vek", "verify")
    (tmp_path / "empty").touch()
    could_not(vouch("verify", "--report", raw, "--vek", tmp_path / "empty"), "is empty", "verify")
    could_not(vouch("verify", "--report", raw, "--vek", raw, "--crl", raw), "--crl", "verify")


# ---- a server, without a policy ----

def test_a_simulated_server_without_a_policy_is_denied_for_its_root(vouch, certificate):
    path = certificate()
    with shows(path, path.parent / "client.key") as server:
        run = vouch("verify", server.address)
        status, verdict = verdict_of(vouch("verify", server.address, "--json"))
    assert run.returncode == 1
    assert "No policy was given" in run.stdout
    assert (status, failures(verdict)[0]) == (1, "chain_root")
    assert outcomes(verdict)["binding"] == "pass"
    assert outcomes(verdict)["policy"] == "skipped"
    assert "measurement" not in outcomes(verdict)
    assert "policy" not in verdict["reason"]


def test_the_time_of_check_counts_for_a_server_too(vouch, certificate, policy):
    path = certificate()
    with shows(path, path.parent / "client.key") as server:
        assert vouch("verify", server.address, "--policy", policy()).returncode == 0
        status, verdict = verdict_of(vouch("verify", server.address, "--policy", policy(), "--at",
                                           "2020-01-01T00:00:00Z", "--json"))
    assert status == 1
    assert {"chain_validity", "leaf_validity", "issued_at"} == set(failures(verdict))
