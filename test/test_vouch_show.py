"""`vouch show`: reports, certificates, tables and CMWs as they stand there, and what is none of these."""

import json

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from support.simulated import certificate, made, state  # noqa: F401: fixtures
from support.vectors import expectations, genuine, needs_vectors
from support.vouch import MEASUREMENT, certificates_of, could_not, shows


def shown(vouch, path):
    run = vouch("show", path, "--json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@needs_vectors
@pytest.mark.parametrize("name", sorted({row.values[0]["name"] for row in expectations() if row.values[0]}))
def test_a_genuine_report_is_shown_as_its_facts_say(vouch, name):
    folder, kind = genuine(name)
    facts = json.loads((folder / "FACTS.json").read_text())
    report = shown(vouch, folder / "report.bin")["report"]
    due = facts["report"]
    for field in ("version", "guest_svn", "vmpl", "measurement", "report_data", "host_data", "family_id", "image_id",
                  "report_id", "chip_id"):
        assert report[field] == due[field], field
    assert int(report["policy"]["value"], 16) == int(due["policy"], 16)
    assert report["policy"]["debug"] == bool(due["policy_bits"]["debug"])
    assert int(report["platform_info"]["value"], 16) == int(due["platform_info"], 16)
    if due["version"] > 2:
        for tcb in "current_tcb", "reported_tcb", "committed_tcb", "launch_tcb":
            assert report[tcb]["microcode"] == due[tcb]["microcode"]
            assert report[tcb]["snp"] == due[tcb]["snp"]
    certificate = shown(vouch, folder / f"{kind}.der")
    assert certificate["evidence"] is None
    assert certificate["certificate"]["vek"]["kind"] == kind.upper()


@needs_vectors
def test_pem_certificates_are_shown_with_those_behind_them(vouch, tmp_path):
    folder, _ = genuine("milan-v3-trustee-1")
    (tmp_path / "chain").write_bytes((folder / "ask.pem").read_bytes() + (folder / "ark.pem").read_bytes())
    document = shown(vouch, tmp_path / "chain")
    assert document["certificate"]["subject"].startswith("CN=SEV-Milan")
    assert [other["subject"][:9] for other in document["others"]] == ["CN=ARK-Mi"]


def test_a_cmw_is_shown_whole(vouch, made):
    document = shown(vouch, made("--nonce", "00ff"))
    assert document["kind"] == "CMW"
    assert document["bind"]["nonce"] == "00ff"
    assert document["report"]["measurement"] == MEASUREMENT
    assert document["report"]["reported_tcb"]["microcode"] == 219
    assert set(document["certs"]) == {"vcek", "ask", "ark", "unknown_entries"}


def test_a_table_of_certificates_is_shown(vouch, made, tmp_path):
    (tmp_path / "table").write_bytes(cbor2.loads(made().read_bytes())["certs"][1])
    document = shown(vouch, tmp_path / "table")
    assert document["kind"] == "table of certificates"
    assert document["certs"]["vcek"]["vek"]["kind"] == "VCEK"


def test_a_certificate_with_evidence_is_shown_from_file_der_and_server(vouch, certificate, tmp_path):
    path = certificate("--san", "dns:one.example")
    (tmp_path / "der").write_bytes(certificates_of(path.parent)[0].public_bytes(serialization.Encoding.DER))
    with shows(path, path.parent / "client.key") as server:
        documents = [shown(vouch, where) for where in (path, tmp_path / "der", server.address)]
    assert documents[0] == documents[1] == documents[2]
    assert documents[0]["certificate"]["subject_alt_names"] == ["DNS:one.example"]
    assert documents[0]["evidence"]["report"]["product"] == "Milan"


def test_evidence_that_is_malformed_is_shown_as_such(vouch, tmp_path, authority):
    builder = x509.CertificateBuilder().subject_name(authority.certificate.subject)
    broken = (builder.issuer_name(authority.certificate.subject).public_key(authority.key.public_key())
              .serial_number(1).not_valid_before(authority.certificate.not_valid_before_utc)
              .not_valid_after(authority.certificate.not_valid_after_utc)
              .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.35"), b"\x04\x01\xa0"),
                             critical=False).sign(authority.key, hashes.SHA256()))
    (tmp_path / "broken.pem").write_bytes(broken.public_bytes(serialization.Encoding.PEM))
    assert "CMW" in shown(vouch, tmp_path / "broken.pem")["evidence"]["problem"]


def test_the_readable_form_says_that_nothing_was_verified(vouch, made):
    run = vouch("show", made())
    assert run.returncode == 0
    assert f"  measurement         {MEASUREMENT}\n" in run.stdout
    assert run.stdout.endswith("Decoded, not verified.\n")
    assert "\x1b" not in run.stdout


@pytest.mark.parametrize("content, said", [
    (b"", "is empty"),
    (b"hello", "no certificate (PEM or DER), CMW, EAT, CoRIM or table"),
    (b"\0" * 24, "no certificate (PEM or DER), CMW, EAT, CoRIM or table"),
    (b"\x30\x03abc", "certificate"),
    (b"\xa4\x01", "CMW"),
    (b"\xa1" * 10000, "nested"),
    (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
    (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds no certificate"),
    (b"x" * (1024 * 1024 + 1), "larger than"),
])
def test_what_is_none_of_these_ends_with_2(vouch, tmp_path, content, said):
    (tmp_path / "it").write_bytes(content)
    could_not(vouch("show", tmp_path / "it"), said, "show")


@pytest.mark.parametrize("words, said", [
    ([], "what to show is missing"), (["a", "b"], "one word too many"), (["/no/such:1"], "No such file"),
    (["none.bin"], "No such file"), (["127.0.0.1:1"], "cannot connect"), (["x", "--jsn"], "unknown option"),
    (["::1:70000"], "::1"), ([""], "is empty"),
])
def test_what_is_not_there_cannot_be_shown(vouch, words, said):
    could_not(vouch("show", *words), said, "show")
