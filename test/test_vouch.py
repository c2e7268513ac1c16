"""The tool `vouch` by itself: certificates that it makes, shown by stand-in servers, and judged by it."""

import datetime
import os
import pty
import re
import socket
import ssl
import stat
from pathlib import Path

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.simulated import policy, state  # noqa: F401: fixtures
from support.vouch import CMW, StandIn, answers, certificates_of, evidence_of, outcomes, shows


@pytest.fixture
def mint(vouch, state, tmp_path):
    """Makes a certificate with evidence, client.crt, and client.key in the folder returned."""
    def make(*more):
        made = vouch("cert", "--out", tmp_path / "minted", "--cn", "stand-in", "--state-dir", state, *more)
        assert made.returncode == 0, made.stderr
        return tmp_path / "minted"

    return make


@pytest.fixture
def attested(mint):
    """A server that shows a certificate with evidence, made for the purpose."""
    def make(*more, **options):
        folder = mint(*more)
        return shows(folder / "client.crt", folder / "client.key", **options)

    return make


def pem_of(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def operated(identity):
    """A server that shows an operator's certificate, without evidence."""
    return shows(identity.cert_file, identity.key_file)


# ---- Command line ----

@pytest.mark.parametrize("command, said", [
    ("show", "HCL report of an Azure machine"), ("policy", "HCL report of an Azure machine"),
    ("policy", "CMW (CBOR or JSON)"), ("verify", "CMW (CBOR or JSON)"), ("verify", "HCL report of an Azure machine")])
def test_help_names_what_a_command_reads(vouch, command, said):
    assert said in re.sub(r"\s+", " ", vouch(command, "--help").stdout)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["verify", "--help"], ["cert", "--help"]])
def test_help_is_shown_on_standard_output(vouch, words):
    run = vouch(*words)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("Usage: vouch ")


def test_version_is_shown(vouch):
    run = vouch("--version")
    assert run.returncode == 0
    assert re.fullmatch(r"vouch \(PgVouch\) \d+\.\d+\.\d+\n", run.stdout)


@pytest.mark.parametrize("words, named", [
    ([], "a command is missing"),
    (["verfy"], "unknown command verfy"),
    (["--json"], "unknown option --json"),
    (["verify"], "the server is missing"),
    (["verify", "localhost:1", "--policy", "p", "--jsn"], "unknown option --jsn"),
    (["verify", "/run/postgresql", "--policy", "p"], "Unix socket"),
    (["cert"], "--out DIR is missing"),
    (["cert", "--out", "d", "--nonce", "00", "--nonce-url", "http://x/"], "exclude each other"),
])
def test_a_wrong_command_line_is_named_and_ends_with_2(vouch, words, named):
    run = vouch(*words)
    assert (run.returncode, run.stdout) == (2, "")
    assert named in run.stderr
    assert "--help" in run.stderr


# ---- vouch cert ----

def test_cert_makes_a_certificate_and_a_key_that_is_private(mint):
    folder = mint("--san", "dns:one.example,ip:::1", "--ttl", "10min")
    leaf, = certificates_of(folder)
    key = serialization.load_pem_private_key((folder / "client.key").read_bytes(), None)
    assert key.public_key() == leaf.public_key()
    assert key.curve.name == "secp256r1"
    assert stat.S_IMODE((folder / "client.key").stat().st_mode) == 0o600
    assert leaf.subject.rfc4514_string() == "CN=stand-in"
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["one.example"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    left = leaf.not_valid_after_utc - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=9) < left <= datetime.timedelta(minutes=10)


def test_cert_binds_the_nonce_it_is_given(mint):
    nonce = bytes(range(32))
    bind = cbor2.loads(evidence_of(certificates_of(mint("--nonce", nonce.hex()))[0])["bind"][1])
    assert bind[5] == nonce
    assert bind[3] == b""


def test_cert_without_a_nonce_says_what_that_means(vouch, state, tmp_path):
    run = vouch("cert", "--out", tmp_path / "d", "--cn", "x", "--state-dir", state)
    assert run.returncode == 0, run.stderr
    assert "refused where the policy demands one" in run.stdout
    assert "simulated attestation protects nothing" in run.stderr


def test_cert_of_an_authority_brings_its_chain(mint, authority, tmp_path):
    key_file = tmp_path / "ca.key"
    key_file.write_bytes(pem_of(authority.key))
    leaf, above = certificates_of(mint("--ca-cert", authority.ca_file, "--ca-key", key_file))
    assert above == authority.certificate
    leaf.verify_directly_issued_by(authority.certificate)


def test_cert_keeps_the_simulated_processor_beside_it_by_default(vouch, tmp_path):
    run = vouch("cert", "--out", tmp_path / "d")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "d/ark-milan.pem").exists()


@pytest.mark.parametrize("more, named", [
    (["--nonce", "0"], "nonce"),
    (["--nonce", "00" * 65], "nonce"),
    (["--nonce-url", "http://127.0.0.1:1/api/v1/nonce"], "127.0.0.1:1"),
    (["--nonce-url", "https://127.0.0.1/"], "https is not supported"),
    (["--ca-cert", "/nonexistent", "--ca-key", "/nonexistent"], "/nonexistent"),
    (["--cn", "x" * 65], "common name"),
    (["--set", "attest_simulated_tcb=1.2"], "attest_simulated_tcb"),
])
def test_cert_that_cannot_be_made_ends_with_2_and_leaves_no_certificate(vouch, state, tmp_path, more, named):
    run = vouch("cert", "--out", tmp_path / "d", "--state-dir", state, *more)
    assert run.returncode == 2
    assert named in run.stderr
    assert not (tmp_path / "d/client.crt").exists()


@pytest.mark.skipif(Path("/dev/sev-guest").exists() or Path("/sys/kernel/config/tsm/report").exists(),
                    reason="this machine has a provider")
def test_cert_never_takes_the_simulated_provider_for_auto(vouch, tmp_path):
    run = vouch("cert", "--out", tmp_path / "d", "--provider", "auto")
    assert run.returncode == 2
    assert not (tmp_path / "d/client.crt").exists()


def test_cert_needs_a_directory_whose_parent_exists(vouch, state, tmp_path):
    run = vouch("cert", "--out", tmp_path / "a/b", "--state-dir", state)
    assert run.returncode == 2
    assert "cannot make directory" in run.stderr


# ---- vouch verify: verdicts ----

def test_good_evidence_is_allowed(vouch, policy, attested):
    with attested() as server:
        run = vouch("verify", server.address, "--policy", policy())
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^verdict +allow$", run.stdout, re.M)
    assert re.search(r"^  pass +measurement ", run.stdout, re.M)
    assert "\x1b" not in run.stdout


def test_direct_tls_is_spoken_when_asked(vouch, policy, attested):
    with attested(direct=True) as server:
        status, _ = vouch.verify(server.address, policy(), "--direct-tls")
    assert status == 0


def test_json_has_the_promised_shape(vouch, policy, attested):
    with attested() as server:
        status, document = vouch.verify(server.address, policy())
    assert status == 0
    assert set(document) == {"verdict", "reason", "checks"}
    assert (document["verdict"], document["reason"]) == ("allow", "")
    for check in document["checks"]:
        assert set(check) == {"name", "outcome", "expected", "found"}
        assert check["outcome"] in ("pass", "warn", "fail", "skipped")
    names = [check["name"] for check in document["checks"]]
    assert len(names) == len(set(names))
    assert {"tls_version", "evidence", "binding", "report_signature", "chain_root", "measurement"} <= set(names)


@pytest.mark.parametrize("bad, check", [
    (["--set", "attest_simulated_policy=0xa0000"], "debug"),
    (["--set", "attest_simulated_platform_info=0x27"], "smt"),
    (["--measurement", "11" * 48], "measurement"),
    (["--set", "attest_simulated_firmware=1.50.9"], "tcb_min_version"),
    (["--set", "attest_simulated_guest_svn=1"], "guest_svn"),
])
def test_bad_evidence_is_denied_and_the_check_is_named(vouch, attested, policy, bad, check):
    demands = """tcb: {min_version: "1.51.0"}
guest: {debug_disabled: true, smt_disabled: true, min_guest_svn: 2}
"""
    good = [] if check == "guest_svn" else ["--set", "attest_simulated_guest_svn=2"]
    with attested(*good, *bad) as server:
        status, document = vouch.verify(server.address, policy(demands))
    assert status == 1
    assert document["verdict"] == "deny"
    assert document["reason"]
    assert [name for name, outcome in outcomes(document).items() if outcome == "fail"] == [check]


def test_the_readable_output_says_what_was_expected(vouch, policy, attested):
    with attested("--measurement", "11" * 48) as server:
        run = vouch("verify", server.address, "--policy", policy())
    assert run.returncode == 1
    assert re.search(r"^  fail +measurement +.*1111", run.stdout, re.M)
    assert re.search(r"^ +expected: ", run.stdout, re.M)
    assert re.search(r"^verdict +deny\nreason +.*measurement", run.stdout, re.M)


def test_warn_mode_lets_in_with_0(vouch, policy, attested):
    with attested("--measurement", "11" * 48) as server:
        status, document = vouch.verify(server.address, policy(mode="warn"))
    assert (status, document["verdict"]) == (0, "warn")
    assert outcomes(document)["measurement"] == "warn"
    assert document["reason"]


def test_a_simulated_root_that_the_policy_does_not_name_is_denied(vouch, policy, attested):
    with attested() as server:
        status, document = vouch.verify(server.address, policy(trust=False))
    assert (status, document["verdict"]) == (1, "deny")


def test_a_certificate_without_evidence_is_denied_and_said_so(vouch, server_identity, policy):
    with operated(server_identity) as server:
        status, document = vouch.verify(server.address, policy())
    assert (status, document["verdict"]) == (1, "deny")
    assert outcomes(document)["evidence"] == "fail"
    assert "no evidence" in document["reason"]


def test_tls_1_2_counts_as_unattested(vouch, policy, attested):
    with attested(highest=ssl.TLSVersion.TLSv1_2) as server:
        status, document = vouch.verify(server.address, policy())
    assert (status, document["verdict"]) == (1, "deny")
    assert outcomes(document)["tls_version"] == "fail"


def test_evidence_under_another_key_is_denied(vouch, mint, policy, tmp_path):
    """The extension copied into a certificate of one's own: it binds a key that the thief does not have."""
    evidence = certificates_of(mint())[0].extensions.get_extension_for_oid(CMW)
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = datetime.datetime.now(datetime.timezone.utc)
    stolen = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(own.public_key())
              .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(minutes=5))
              .not_valid_after(now + datetime.timedelta(hours=1)).add_extension(evidence.value, critical=False)
              .sign(own, hashes.SHA256()))
    (tmp_path / "stolen.crt").write_bytes(stolen.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "stolen.key").write_bytes(pem_of(own))
    with shows(tmp_path / "stolen.crt", tmp_path / "stolen.key") as server:
        status, document = vouch.verify(server.address, policy())
    assert (status, document["verdict"]) == (1, "deny")
    assert outcomes(document)["report_signature"] == "pass"
    assert outcomes(document)["binding"] == "fail"


# ---- vouch verify: identity ----

def test_without_ca_both_outputs_say_that_identity_was_not_checked(vouch, policy, attested):
    with attested() as server:
        run = vouch("verify", server.address, "--policy", policy())
        _, document = vouch.verify(server.address, policy())
    assert "Identity was not checked" in run.stdout
    assert outcomes(document)["identity"] == "skipped"


def test_ca_checks_chain_and_name(vouch, authority, server_identity, policy):
    with operated(server_identity) as server:
        for host in ("localhost", "127.0.0.1"):
            _, document = vouch.verify(f"{host}:{server.port}", policy(), "--ca", authority.ca_file)
            found = outcomes(document)
            assert (found["identity_chain"], found["identity_name"]) == ("pass", "pass")
            assert "identity" not in found


def test_a_name_that_the_certificate_does_not_hold_fails(vouch, authority, policy):
    with operated(authority.issue("elsewhere", names=("elsewhere.example",))) as server:
        _, document = vouch.verify(f"localhost:{server.port}", policy(), "--ca", authority.ca_file)
    found = outcomes(document)
    assert (found["identity_chain"], found["identity_name"]) == ("pass", "fail")


def test_a_certificate_of_a_stranger_fails(vouch, stranger, server_identity, policy):
    with operated(server_identity) as server:
        _, document = vouch.verify(f"localhost:{server.port}", policy(), "--ca", stranger.ca_file)
    found = outcomes(document)
    assert (found["identity_chain"], found["identity_name"]) == ("fail", "pass")


def test_good_evidence_under_a_foreign_authority_is_denied(vouch, authority, policy, attested):
    with attested() as server:
        status, document = vouch.verify(server.address, policy(), "--ca", authority.ca_file)
    assert (status, document["verdict"]) == (1, "deny")
    assert [name for name, outcome in outcomes(document).items() if outcome == "fail"] == ["identity_chain",
                                                                                          "identity_name"]
    assert "not of an authority given by --ca" in document["reason"]


# ---- vouch verify: --save-report ----

def test_the_saved_report_is_the_one_in_the_certificate(vouch, mint, policy, tmp_path):
    folder = mint()
    with shows(folder / "client.crt", folder / "client.key") as server:
        status, _ = vouch.verify(server.address, policy(), "--save-report", tmp_path / "report.bin")
    assert status == 0
    saved = (tmp_path / "report.bin").read_bytes()
    assert len(saved) == 1184
    assert saved == evidence_of(certificates_of(folder)[0])["snp"][1]


def test_the_report_is_saved_of_a_denied_server_too(vouch, policy, tmp_path, attested):
    with attested("--measurement", "11" * 48) as server:
        status, _ = vouch.verify(server.address, policy(), "--save-report", tmp_path / "report.bin")
    assert status == 1
    assert bytes.fromhex("11" * 48) in (tmp_path / "report.bin").read_bytes()


def test_a_report_that_cannot_be_saved_is_no_success(vouch, policy, tmp_path, attested):
    with attested() as server:
        run = vouch("verify", server.address, "--policy", policy(), "--save-report", tmp_path / "no/such/folder")
    assert run.returncode == 2
    assert "no/such/folder" in run.stderr


def test_without_evidence_there_is_no_report_to_save(vouch, server_identity, tmp_path, policy):
    with operated(server_identity) as server:
        run = vouch("verify", server.address, "--policy", policy(), "--save-report", tmp_path / "report.bin")
    assert run.returncode == 1
    assert "no report to save" in run.stderr
    assert not (tmp_path / "report.bin").exists()


# ---- vouch verify: what cannot be tried ----

def could_not(run):
    assert (run.returncode, run.stdout) == (2, ""), run.stdout
    assert run.stderr.startswith("vouch verify: ")
    return run.stderr


def test_a_server_that_is_not_there_ends_with_2(vouch, policy):
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    assert "cannot connect" in could_not(vouch("verify", f"127.0.0.1:{port}", "--policy", policy(), "--json"))


def test_a_name_that_nobody_has_ends_with_2(vouch, policy):
    assert "cannot resolve" in could_not(vouch("verify", "no-such-host.invalid:1", "--policy", policy()))


@pytest.mark.parametrize("reply, said", [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no PostgreSQL server"),
    (b"N", "does not offer TLS"),
    (b"S" + bytes(range(64)), "TLS handshake"),
    (b"", "closed the connection"),
])
def test_a_server_that_answers_something_else_ends_with_2(vouch, policy, reply, said):
    with answers(reply) if reply else StandIn(lambda peer: peer.recv(8)) as server:
        assert said in could_not(vouch("verify", server.address, "--policy", policy()))


def test_a_server_that_says_nothing_ends_with_2_in_time(vouch, policy):
    with StandIn(lambda peer: [peer.recv(8), peer.recv(1)]) as server:
        said = could_not(vouch("verify", server.address, "--policy", policy(), "--timeout", "300ms"))
    assert "no answer within 0.3 s" in said


def test_a_policy_that_is_wrong_ends_with_2_and_names_the_line(vouch, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text('version: "1.0"\nmeasurments: {}\n')
    assert f"{path}:2" in could_not(vouch("verify", "127.0.0.1:1", "--policy", path))


def test_a_ca_file_that_is_none_ends_with_2(vouch, policy):
    assert "--ca" in could_not(vouch("verify", "127.0.0.1:1", "--policy", policy(), "--ca", "/nonexistent"))


def test_output_that_cannot_be_written_is_no_success(vouch, policy, attested):
    with attested() as server, open("/dev/full", "w", encoding="ascii") as full:
        run = vouch("verify", server.address, "--policy", policy(), stdout=full)
    assert run.returncode == 2
    assert "cannot write" in run.stderr


def on_a_terminal(vouch, *words, env):
    ours, theirs = pty.openpty()
    run = vouch(*words, env={"TERM": "xterm", **env}, stdout=theirs)
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(ours, 65536):
            text += chunk
    except OSError:
        pass  # EIO: all was read, and nobody writes any more
    os.close(ours)
    return run.returncode, text.decode()


@pytest.mark.parametrize("env, coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_is_for_terminals_that_want_it(vouch, policy, env, coloured, attested):
    env = {"NO_COLOR": "", **env}
    with attested() as server:
        status, text = on_a_terminal(vouch, "verify", server.address, "--policy", policy(), env=env)
    assert status == 0
    assert ("\x1b[" in text) == coloured
