"""Attestation end to end: what the daemon shows, and who is let in by what they show. The oracle (support/oracle.py) takes
the daemon's evidence apart and makes clients' evidence."""

import concurrent.futures
import hashlib
import ssl
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from cryptography import x509

from support import oracle
from support.attested import (  # noqa: F401: fixtures
    BAD, CONSOLE_HBA, GOOD, HBA, attested, check_evidence, chip, connect, console, demanding, good, impostor, keep, knock, nonce_of,
    policy_file, refusal, verdicts,
)
from support.oracle import Draft, Evidence
from support.process import await_condition
from support.raw import Closed, client_tls, query, startup
from support.standin import StandIn
from support.vouch import MEASUREMENT, certificates_of, shown_by

# Certificates of VCEKs have the serial number 0, as AMD's have.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

MANUAL = Path(__file__).resolve().parent.parent / "doc" / "configuration.md"


# ---- The oracle and the programs agree ----

def test_the_oracle_agrees_with_the_daemons_evidence(attested, chip):
    pooler = attested()
    (authority,) = x509.load_pem_x509_certificates(pooler.ca_file.read_bytes())
    leaf = shown_by("127.0.0.1", pooler.port)
    leaf.verify_directly_issued_by(authority)
    evidence = check_evidence(leaf, authority, chip.ark)
    assert evidence.bind.nonce == b""
    assert oracle.seconds(leaf.not_valid_before_utc) == evidence.bind.issued_at - 300
    assert oracle.seconds(leaf.not_valid_after_utc) == evidence.bind.issued_at + 3600
    assert (evidence.report.measurement, evidence.report.chip_id) == (GOOD, chip.chip_id)
    assert (evidence.report.version, evidence.report.policy, evidence.report.platform_info) == (3, 0x20000, 0x26)


def test_the_oracle_agrees_about_the_configuration_that_the_daemon_enforces(demanding):
    pooler = demanding(admin_users="dba", users={"app": "", "dba": ""}, hba=CONSOLE_HBA)
    shown = {row["key"]: row["value"] for row in console(pooler, "SHOW CONFIG")}
    settings = oracle.digested_settings(MANUAL.read_text())
    assert {"auth_type", "auth_hba_file", "client_attest_policy"} <= {name for name, _ in settings}
    policies = {name: path.read_bytes() for name, path in pooler.sections["policies"].items()}
    digest = oracle.config_digest(settings, shown, policies)
    assert Evidence(shown_by("127.0.0.1", pooler.port)).bind.config_digest == digest
    (evidence,) = console(pooler, "SHOW EVIDENCE")
    assert evidence["config_digest"] == digest.hex()


@pytest.mark.parametrize("more", [
    [], ["--nonce", "5a" * 32, "--san", "dns:one.example,ip:::1"], ["--nonce", "01", "--cn", "Ünïcode"],
    ["--set", "attest_simulated_policy=0xb0000", "--measurement", "22" * 48],
], ids=["bare", "nonce and names", "short nonce", "other guest"])
def test_the_oracle_agrees_with_evidence_that_vouch_makes(vouch, processor, chip, tmp_path, more):
    made = vouch("cert", "--out", tmp_path / "c", "--state-dir", processor, *more)
    assert made.returncode == 0, made.stderr
    (leaf,) = certificates_of(tmp_path / "c")
    evidence = check_evidence(leaf, leaf, chip.ark)
    assert evidence.bind.config_digest == b""
    if "--nonce" in more:
        assert evidence.bind.nonce.hex() == more[1]


def test_the_oracle_agrees_with_evidence_under_an_authority(vouch, processor, chip, authority, tmp_path):
    (tmp_path / "ca.key").write_bytes(oracle.pem_of_key(authority.key))
    made = vouch("cert", "--out", tmp_path / "c", "--state-dir", processor, "--ca-cert", authority.ca_file,
                 "--ca-key", tmp_path / "ca.key")
    assert made.returncode == 0, made.stderr
    leaf, issuer = certificates_of(tmp_path / "c")
    evidence = check_evidence(leaf, issuer, chip.ark)
    assert evidence.report.report_data != oracle.report_data(leaf, leaf, evidence.bind)


# ---- Who is let in ----

def test_valid_evidence_is_let_in_and_journalled(demanding, good):
    pooler = demanding()
    identity = good(pooler)
    assert knock(pooler, identity) is None
    (line,) = verdicts(pooler)
    certificate = x509.load_pem_x509_certificate(identity.cert_file.read_bytes())
    assert (line["verdict"], line["reason"], line["checks"], line["policy"]) == ("allow", "", [], "strict")
    assert (line["role"], line["user"], line["database"], line["address"]) == ("client", "app", "app", "127.0.0.1")
    assert (line["format"], line["product"], line["measurement"]) == ("cmw", "Milan", MEASUREMENT)
    assert (line["debug"], line["smt"], line["guest_svn"]) == (False, False, 1)
    assert line["evidence_sha256"] == hashlib.sha256(Evidence(certificate).extension).hexdigest()


@pytest.mark.parametrize("changes, reason", [
    ({"measurement": BAD}, f'measurement {BAD.hex()} is not allowed by policy "strict"'),
    ({"policy": 0xA0000}, 'the guest may be debugged, which policy "strict" forbids'),
    ({"policy": 0x30000}, "smt: POLICY allows SMT"),
    ({"platform_info": 0x27}, "smt: PLATFORM_INFO says SMT is on"),
    ({"nonce": b""}, "nonce: the evidence carries none"),
    ({"nonce": b"\x44" * 32}, "nonce: foreign"),
    ({"reported_tcb": bytes([3, 0, 0, 0, 0, 0, 24, 219])}, "certificate_tcb: "),
    ({"committed_tcb": bytes([5, 0, 0, 0, 0, 0, 24, 219])}, "committed_tcb: "),
    ({"chip_id": b"\x01" * 64}, "chip_id: "),
    ({"chip_id": bytes(64)}, "chip_id: "),
    ({"cpuid": bytes([0x19, 0x11, 1])}, "product: "),
    ({"key_info": 4}, "key_kind: "),
    ({"signature_algo": 2}, "signature_algorithm: "),
    ({"version": 1}, "report_version: "),
    ({"version": 6}, "report_version: "),
], ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else "")
def test_evidence_that_does_not_meet_the_policy_is_refused_with_the_check_named(demanding, good, changes, reason):
    pooler = demanding()
    found = refusal(pooler, good(pooler, **changes))
    assert found.startswith(reason)
    assert '"strict"' in found
    (line,) = verdicts(pooler)
    assert (line["verdict"], line["reason"], line["policy"]) == ("deny", found, "strict")
    assert "fail" in {check["outcome"] for check in line["checks"]}


def test_warn_mode_lets_in_and_says_why(demanding, good):
    pooler = demanding()
    assert knock(pooler, good(pooler, measurement=BAD, policy=0xB0000), database="warned") is None
    (line,) = verdicts(pooler)
    assert (line["verdict"], line["policy"]) == ("warn", "warned")
    assert f"measurement {BAD.hex()} is not allowed" in line["reason"]
    assert {check["name"]: check["outcome"] for check in line["checks"]} == dict.fromkeys(
        ("measurement", "debug", "smt"), "warn")
    pooler.await_log("attestation: warn by policy \"warned\"")


def test_disabled_mode_asks_nothing_of_the_group(demanding, good):
    pooler = demanding()
    assert knock(pooler, good(pooler, measurement=BAD, policy=0xB0000), database="disabled") is None
    (line,) = verdicts(pooler)
    assert (line["verdict"], line["reason"], line["checks"]) == ("allow", "", [])


@pytest.mark.parametrize("database", ["warned", "disabled"])
def test_neither_mode_forgives_evidence_that_is_not_genuine(demanding, good, keep, impostor, database):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler))
    forged = keep(draft, draft.with_evidence(impostor, GOOD))
    assert refusal(pooler, forged, database=database).startswith("chain_root: ")
    draft = Draft(nonce=nonce_of(pooler))
    assert refusal(pooler, good(pooler, draft=draft, report_data=b"\0" * 64), database=database).startswith("binding: ")


def test_a_client_without_evidence_is_refused_only_where_evidence_is_asked(demanding, authority):
    pooler = demanding()
    unasked = authority.issue("app")  # libpq sends ~/.postgresql/postgresql.crt to whoever asks
    assert refusal(pooler, unasked).startswith("evidence: the certificate carries no evidence")
    assert refusal(pooler).startswith("evidence: no certificate was shown")
    assert knock(pooler, unasked, database="open") is None
    assert knock(pooler, database="open") is None
    assert [line["database"] for line in verdicts(pooler)] == ["app", "app"]


def test_bad_evidence_is_ignored_where_none_is_asked(demanding, good):
    pooler = demanding()
    assert knock(pooler, good(pooler, measurement=BAD, nonce=b""), database="open") is None
    assert verdicts(pooler) == []


def test_a_session_that_is_not_tls_1_3_counts_as_unattested(demanding, good):
    pooler = demanding(client_tls_protocols="tlsv1.2,tlsv1.3", client_attest_policy="strict")
    identity = good(pooler)
    assert refusal(pooler, database="any", plain=True).startswith("tls_version: ")
    assert refusal(pooler, identity, maximum=ssl.TLSVersion.TLSv1_2).startswith("tls_version: ")
    assert knock(pooler, identity) is None
    error = knock(pooler, plain=True)
    assert (error.sqlstate, error.text) == ("28000", "login rejected")  # its line is hostssl


def test_evidence_grants_no_identity(demanding, good, chip, keep, authority):
    lines = HBA.replace("trust attest=strict", "cert attest=strict", 1)
    pooler = demanding(hba=lines, client_tls_ca_file=authority.ca_file)
    draft = Draft("app", nonce=nonce_of(pooler))
    error = knock(pooler, keep(draft, draft.with_evidence(chip, GOOD)))
    assert error.sqlstate == "28000" and "attestation" not in error.text
    assert verdicts(pooler)[0]["verdict"] == "allow"


# ---- Full SQL over mutually attested TLS ----

def test_basic_query(demanding, good):
    pooler = demanding()
    with connect(pooler, good(pooler)) as session:
        assert session.execute("SELECT 40 + %s", [2]).fetchone() == (42,)


def test_create_table_and_insert(demanding, good, postgres, database):
    pooler = demanding(target=postgres.target(database))
    with connect(pooler, good(pooler), autocommit=False) as session:
        session.execute("CREATE TABLE kept (id int PRIMARY KEY, word text)")
        with session.cursor() as cursor:
            cursor.executemany("INSERT INTO kept VALUES (%s, %s)", [(i, f"word {i}") for i in range(20)])
        with session.cursor().copy("COPY kept FROM STDIN") as copy:
            copy.write_row((20, "copied"))
        session.commit()
        with pytest.raises(psycopg.errors.UniqueViolation):
            session.execute("INSERT INTO kept VALUES (1, 'again')")
        session.rollback()
        assert session.execute("SELECT count(*), max(word) FROM kept").fetchone() == (21, "word 9")
    with postgres.admin(database) as admin:
        assert admin.execute("SELECT count(*) FROM kept").fetchone() == (21,)


def test_several_clients_each_with_evidence_and_transactions_of_its_own(demanding, good, postgres, database):
    pooler = demanding(target=postgres.target(database), threads=4)
    with postgres.admin(database) as admin:
        admin.execute("CREATE TABLE tally (client int, round int)")
        admin.execute("GRANT ALL ON tally TO app")

    def work(number, identity):
        with connect(pooler, identity) as session:
            for turn in range(5):
                with session.transaction():
                    session.execute("INSERT INTO tally VALUES (%s, %s)", [number, turn])
            return session.execute("SELECT count(*) FROM tally WHERE client = %s", [number]).fetchone()[0]

    identities = [good(pooler) for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        assert list(clients.map(work, range(8), identities)) == [5] * 8
    assert [line["verdict"] for line in verdicts(pooler)] == ["allow"] * 8


def test_a_certificate_that_vouch_minted_serves_a_stock_driver(demanding, vouch, processor, tmp_path):
    pooler = demanding()
    made = vouch("cert", "--out", tmp_path / "c", "--state-dir", processor, "--nonce-url", pooler.nonce_url)
    assert made.returncode == 0, made.stderr
    identity = SimpleNamespace(cert_file=tmp_path / "c/client.crt", key_file=tmp_path / "c/client.key")
    with connect(pooler, identity) as session:
        assert session.execute("SELECT current_user").fetchone() == ("app",)


# ---- Entity attestation tokens ----

def test_a_token_is_let_in_where_the_policy_names_the_format(demanding, chip, keep):
    pooler = demanding(strict="formats: [eat]\n")
    draft = Draft(nonce=nonce_of(pooler))
    assert knock(pooler, keep(draft, draft.with_eat(chip, GOOD))) is None
    draft = Draft(nonce=nonce_of(pooler))
    assert refusal(pooler, keep(draft, draft.with_evidence(chip, GOOD))).startswith("format: cmw")
    lines = verdicts(pooler)
    assert [(line["verdict"], line["format"]) for line in lines] == [("allow", "eat"), ("deny", "cmw")]


def test_a_token_is_refused_where_no_policy_names_the_format(demanding, chip, keep):
    pooler = demanding()
    draft = Draft(nonce=nonce_of(pooler))
    assert refusal(pooler, keep(draft, draft.with_eat(chip, GOOD))).startswith("format: eat")


@pytest.mark.parametrize("claims, reason", [
    ({oracle.IAT: 1}, "evidence: the EAT's iat"),
    ({oracle.EAT_NONCE: None}, "evidence: the EAT's eat_nonce"),
    ({oracle.UEID: b"\x01" + bytes(32)}, "evidence: the EAT's ueid"),
    ({263: 3}, "evidence: the EAT has the claim 263"),
])
def test_a_token_that_says_something_else_than_its_report_is_refused(demanding, chip, keep, claims, reason):
    pooler = demanding(strict="formats: [eat]\n")
    draft = Draft(nonce=nonce_of(pooler))
    assert refusal(pooler, keep(draft, draft.with_eat(chip, GOOD, claims=claims))).startswith(reason)


@pytest.mark.parametrize("changes, reason", [
    ({"measurement": BAD}, f'measurement {BAD.hex()} is not allowed by policy "strict"'),
    ({"report_data": bytes(64)}, "binding: "),
    ({"chip_id": b"\x01" * 64}, "chip_id: "),
])
def test_a_token_s_report_is_judged_like_any_other(demanding, chip, keep, changes, reason):
    pooler = demanding(strict="formats: [eat]\n")
    draft = Draft(nonce=nonce_of(pooler))
    fields = {"measurement": GOOD, **changes}
    assert refusal(pooler, keep(draft, draft.with_eat(chip, **fields))).startswith(reason)


def test_a_token_of_another_s_key_is_refused(demanding, chip, keep):
    pooler = demanding(strict="formats: [eat]\n")
    draft, thief = Draft(nonce=nonce_of(pooler)), Draft()
    taken = x509.load_der_x509_certificate(draft.with_eat(chip, GOOD))
    value = taken.extensions.get_extension_for_oid(oracle.CMW).value.value
    assert refusal(pooler, keep(thief, thief.with_extension(value))).startswith("binding: ")


def test_end_to_end_forwarding(demanding, good):
    with StandIn() as backend:
        pooler = demanding(target=backend.target())
        raw = pooler.raw().secure(client_tls(identity=good(pooler)))
        raw.log_in(user="app", database="app")
        assert raw.rows("SELECT 'as it stands' -- ©") == [["1"]]
        assert "SELECT 'as it stands' -- ©" in backend.queries
        raw.close()


# ---- What a refused client gets, and does not ----

@pytest.mark.parametrize("evidence", ["none", "bad", "forged"])
def test_a_refused_client_opens_no_backend_link(demanding, good, keep, impostor, evidence):
    with StandIn() as backend:
        pooler = demanding(target=backend.target())
        draft = Draft(nonce=nonce_of(pooler))
        identity = {"none": lambda: None, "bad": lambda: good(pooler, measurement=BAD),
                    "forged": lambda: keep(draft, draft.with_evidence(impostor, GOOD))}[evidence]()
        for _ in range(3):
            refusal(pooler, identity)
        assert (backend.connections, backend.startups) == ([], [])
        with pooler.raw().secure(client_tls(identity=good(pooler))) as raw:  # and the way there was open
            raw.log_in(user="app", database="app")
        assert len(backend.connections) == 1


def test_a_refused_client_is_unknown_to_postgresql(demanding, good, postgres, database):
    pooler = demanding(target=postgres.target(database))
    refusal(pooler, good(pooler, measurement=BAD))
    assert postgres.links(database) == 0
    with connect(pooler, good(pooler)) as session:
        session.execute("SELECT 1")
        assert postgres.links(database) == 1


def test_a_refused_client_cannot_query(demanding, good):
    with StandIn() as backend:
        pooler = demanding(target=backend.target())
        raw = pooler.raw().secure(client_tls(identity=good(pooler, measurement=BAD)))
        raw.send(startup({"user": "app", "database": "app"}) + query("SELECT 'smuggled'"))
        (error,) = raw.until_closed()
        assert error.type == "E" and error.text.startswith("attestation refused: ")
        with pytest.raises((Closed, OSError)):
            for _ in range(100):
                raw.send(query("SELECT 'late'"))
                raw.receive(1)
        assert (backend.connections, backend.queries) == ([], [])


def test_a_driver_shows_the_reason(demanding, good):
    pooler = demanding()
    with pytest.raises(psycopg.OperationalError) as error:
        connect(pooler, good(pooler, measurement=BAD))
    assert f'FATAL:  attestation refused: measurement {BAD.hex()} is not allowed by policy "strict"' in str(error.value)


def test_good_and_bad_clients_at_once_each_get_their_own_verdict(demanding, good, threads):
    pooler = demanding(threads=threads)
    identities = [good(pooler, measurement=GOOD if i % 2 else BAD) for i in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        errors = list(clients.map(lambda identity: knock(pooler, identity), identities * 2))
    assert [error is None for error in errors] == [bool(i % 2) for i in range(16)] * 2
    assert all("measurement" in error.text for error in errors if error)
    lines = verdicts(pooler)
    assert sorted(line["verdict"] for line in lines) == ["allow"] * 16 + ["deny"] * 16
    assert len({line["id"] for line in lines}) == 32


# ---- Nonces ----

def test_a_leaf_may_dial_again_but_its_nonce_is_worth_nothing_under_another_key(demanding, good):
    pooler = demanding()
    nonce = nonce_of(pooler)
    first = good(pooler, nonce=nonce)
    thief = good(pooler, nonce=nonce)
    for _ in range(3):
        assert knock(pooler, first) is None
    assert refusal(pooler, thief).startswith("nonce: bound to another key")
    assert knock(pooler, first) is None


def test_refused_evidence_uses_no_nonce_up(demanding, good):
    pooler = demanding()
    nonce = nonce_of(pooler)
    refusal(pooler, good(pooler, nonce=nonce, measurement=BAD))
    assert knock(pooler, good(pooler, nonce=nonce)) is None


def test_an_expired_nonce_is_refused_also_of_a_leaf_that_was_let_in(demanding, good):
    pooler = demanding(strict='nonce: {required: true, max_age: "2s"}\n')
    late = good(pooler)
    known = good(pooler)
    assert knock(pooler, known) is None
    await_condition(lambda: knock(pooler, known), "the nonce's end", pause=0.1)
    assert refusal(pooler, known).startswith("nonce")
    assert refusal(pooler, late).startswith("nonce")
    assert {check["name"] for check in verdicts(pooler)[-1]["checks"]} == {"nonce_age"}


def test_a_nonce_of_before_the_restart_is_refused(demanding, good, policy_file):
    first = demanding()
    identity = good(first)
    assert knock(first, identity) is None
    nonce_url = first.nonce_url
    first.stop()
    again = demanding()
    assert again.nonce_url != nonce_url
    assert refusal(again, identity).startswith("nonce: foreign")


def test_a_nonce_that_is_too_short_is_refused(demanding, good):
    pooler = demanding(strict="nonce: {required: true, source: any}\n")
    assert refusal(pooler, good(pooler, nonce=b"\x05" * 15)).startswith("nonce_length: 15 bytes")
    assert knock(pooler, good(pooler, nonce=b"\x05" * 16)) is None
