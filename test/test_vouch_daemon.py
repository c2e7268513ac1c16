"""The tool `vouch` and the daemon: what one shows, the other judges."""

import psycopg
import pytest

from support import scratch
from support.vouch import evidence_of, outcomes, policy_text, shown_by


@pytest.fixture
def attested(pgvouch, processor, scratch_folder):
    """Starts the daemon with simulated evidence."""
    def start(**settings):
        pooler = pgvouch(**{"client_tls_sslmode": "require", "client_tls_protocols": "tlsv1.3",
                            "attest_provider": "simulated", "attest_required": 1, "attest_san": "localhost",
                            "attest_ca_file": scratch_folder / "ca.pem", "attest_state_dir": processor, **settings})
        pooler.ca_file = scratch_folder / "ca.pem"
        return pooler

    return start


@pytest.fixture
def policy(processor, scratch_folder):
    def write(more="", **options):
        text = policy_text(processor / "ark-milan.pem", more, **options)
        return scratch.write(scratch_folder / "policy.yaml", text, 0o644)

    return write


def test_the_daemon_is_allowed_with_its_identity_checked(vouch, attested, policy):
    pooler = attested()
    status, document = vouch.verify(f"localhost:{pooler.port}", policy(), "--ca", pooler.ca_file)
    assert (status, document["verdict"], document["reason"]) == (0, "allow", "")
    found = outcomes(document)
    assert (found["identity_chain"], found["identity_name"]) == ("pass", "pass")


def test_direct_tls_is_spoken_too(vouch, attested, policy):
    status, _ = vouch.verify(f"localhost:{attested().port}", policy(), "--direct-tls")
    assert status == 0


def test_a_name_that_the_daemon_was_not_given_is_denied(vouch, attested, policy):
    pooler = attested()
    status, document = vouch.verify(f"127.0.0.1:{pooler.port}", policy(), "--ca", pooler.ca_file)
    assert (status, document["verdict"]) == (1, "deny")
    assert document["reason"] == "the server's certificate does not name 127.0.0.1"
    assert [name for name, outcome in outcomes(document).items() if outcome == "fail"] == ["identity_name"]


def test_another_authority_is_denied(vouch, attested, policy, stranger):
    status, document = vouch.verify(f"localhost:{attested().port}", policy(), "--ca", stranger.ca_file)
    assert status == 1
    assert [name for name, outcome in outcomes(document).items() if outcome == "fail"] == ["identity_chain"]


def test_another_measurement_is_denied(vouch, attested, policy):
    pooler = attested(attest_simulated_measurement="22" * 48)
    status, document = vouch.verify(f"localhost:{pooler.port}", policy())
    assert status == 1
    assert [name for name, outcome in outcomes(document).items() if outcome == "fail"] == ["measurement"]


def test_a_policy_demands_what_it_likes_of_a_server(vouch, attested, policy):
    pooler = attested()
    asks = ("tcb: {min_launch: {milan: {}, genoa: {}}}\nchip: {products_denied: [milan], key_kinds: [vcek]}\n"
            "evidence: {max_age: 1h}\nplatform: {required: [tio], mode: warn}\n")
    status, document = vouch.verify(f"localhost:{pooler.port}", policy(asks))
    found = outcomes(document)
    assert [name for name, outcome in found.items() if outcome == "fail"] == ["product_denied"]
    assert (status, found["platform_required"]) == (1, "warn")
    assert {found[name] for name in ("tcb_min_launch", "key_kind_allowed", "evidence_age")} == {"pass"}


def test_a_revocation_list_can_be_demanded(vouch, attested, policy):
    address = f"localhost:{attested().port}"
    asking = policy()
    status, document = vouch.verify(address, asking)
    assert (status, outcomes(document)["chain_revocation"]) == (0, "skipped")
    scratch.write(asking, asking.read_text().replace("allow_simulated", "crl: required\n  allow_simulated"), 0o644)
    status, document = vouch.verify(address, asking)
    assert [name for name, outcome in outcomes(document).items() if outcome == "fail"] == ["chain_revocation"]
    assert status == 1


def test_the_saved_report_is_the_one_in_the_daemons_certificate(vouch, attested, policy, tmp_path):
    pooler = attested()
    status, _ = vouch.verify(f"localhost:{pooler.port}", policy(), "--save-report", tmp_path / "report.bin")
    assert status == 0
    assert (tmp_path / "report.bin").read_bytes() == evidence_of(shown_by("127.0.0.1", pooler.port))["snp"][1]


def test_an_operators_certificate_is_denied_for_it_carries_no_evidence(vouch, pgvouch, server_identity, policy):
    pooler = pgvouch(client_tls_sslmode="require", client_tls_cert_file=server_identity.cert_file,
                     client_tls_key_file=server_identity.key_file)
    status, document = vouch.verify(f"localhost:{pooler.port}", policy())
    assert (status, document["verdict"]) == (1, "deny")
    assert "no evidence" in document["reason"]


def test_a_daemon_without_tls_cannot_be_verified(vouch, pgvouch, policy):
    tried = vouch("verify", f"localhost:{pgvouch().port}", "--policy", policy())
    assert (tried.returncode, tried.stdout) == (2, "")
    assert "does not offer TLS" in tried.stderr


@pytest.fixture
def strict(attested, policy, ports):
    """A daemon that lets in only who shows evidence, and gives out nonces."""
    http = f"127.0.0.1:{ports.take()}"
    pooler = attested(hba="hostssl all all 127.0.0.1/32 trust attest=strict", auth_type="hba", http_listen=http,
                      sections={"policies": {"strict": policy("nonce: {required: true}\n")}})
    pooler.nonce_url = f"http://{http}/api/v1/nonce"
    return pooler


def connect_with(pooler, folder):
    return pooler.connect(sslmode="require", sslcert=folder / "client.crt", sslkey=folder / "client.key")


def test_a_certificate_with_evidence_for_a_nonce_of_the_server_is_let_in_again_and_again(vouch, strict, processor, tmp_path):
    made = vouch("cert", "--out", tmp_path / "c", "--state-dir", processor, "--nonce-url", strict.nonce_url)
    assert made.returncode == 0, made.stderr
    for _ in range(2):
        with connect_with(strict, tmp_path / "c") as session:
            assert session.execute("SELECT 40 + 2").fetchone() == (42,)


@pytest.mark.parametrize("bad, reason", [
    (["--set", "attest_simulated_policy=0xa0000"], "debug"),
    (["--measurement", "33" * 48], "measurement"),
    (["--nonce", "44" * 32], "nonce"),
])
def test_a_certificate_with_bad_evidence_is_refused(vouch, strict, processor, tmp_path, bad, reason):
    nonce = [] if "--nonce" in bad else ["--nonce-url", strict.nonce_url]
    made = vouch("cert", "--out", tmp_path / "c", "--state-dir", processor, *nonce, *bad)
    assert made.returncode == 0, made.stderr
    with pytest.raises(psycopg.OperationalError, match=f"attestation refused: .*{reason}"):
        connect_with(strict, tmp_path / "c")
