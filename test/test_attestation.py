"""Attestation end to end: what the daemon shows, and who is let in by what they show. The oracle (support/oracle.py) takes
the daemon's evidence apart and makes clients' evidence, good and bad."""

import concurrent.futures
import hashlib
import json
import os
import ssl
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from cryptography import x509

from support import oracle, scratch
from support.certificates import DAY, Authority
from support.oracle import Draft, Evidence, Processor, canonical
from support.process import await_condition, run
from support.raw import Closed, client_tls, query, startup
from support.standin import StandIn
from support.vouch import MEASUREMENT, certificates_of, policy_text, shown_by

# Certificates of VCEKs have the serial number 0, as AMD's have.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

GOOD = bytes.fromhex(MEASUREMENT)
BAD = b"\x33" * 48
MANUAL = Path(__file__).resolve().parent.parent / "doc" / "configuration.md"
MODES = """\
tcb: {{mode: {0}}}
guest: {{mode: {0}}}
nonce: {{required: true}}
"""
HBA = """\
hostssl app      all 127.0.0.1/32 trust attest=strict
hostssl warned   all 127.0.0.1/32 trust attest=warned
hostssl disabled all 127.0.0.1/32 trust attest=disabled
hostssl open     all 127.0.0.1/32 trust attest=none
host    any      all 127.0.0.1/32 trust
"""
CONSOLE_HBA = HBA + "host pgvouch all 127.0.0.1/32 trust\n"
# The schema of before: such a file loads as it stands, and means what it says.
OLD_POLICY = f"""\
version: "1.0"
measurements:
  expected: "{MEASUREMENT}"
  allow_list: []
  mode: "strict"            # strict | warn | disabled
tcb:
  min_version: "1.51.0"
  min_platform_version: 1
  mode: "strict"
guest:
  debug_disabled: true
  smt_disabled: true
  min_guest_svn: 1
  mode: "strict"
nonce:
  max_age: "5m"
  required: true
  min_length: 16
certificates:
  verify_chain: true
  verify_signature: true
  trusted_arks: []
  allow_cached: true
  cache_duration: "1h"
"""


# ---- Fixtures ----

@pytest.fixture(scope="session")
def chip(processor):
    return Processor.load(processor)


@pytest.fixture(scope="session")
def impostor(chip):
    """A chip of the same names under a root that nobody trusts."""
    return chip.impostor()


@pytest.fixture
def policy_file(processor, scratch_folder):
    def write(name, more="", **options):
        return scratch.write(scratch_folder / f"{name}.yaml",
                             policy_text(processor / "ark-milan.pem", more, **options), 0o644)
    return write


@pytest.fixture
def attested(pgvouch, processor, scratch_folder, ports):
    """Starts the daemon with simulated evidence and nonces for its clients."""
    def start(**settings):
        http = f"127.0.0.1:{ports.take()}"
        pooler = pgvouch(**{"client_tls_sslmode": "allow", "client_tls_protocols": "tlsv1.3",
                            "attest_provider": "simulated", "attest_required": 1, "attest_san": "localhost,127.0.0.1",
                            "attest_ca_file": scratch_folder / "ca.pem", "attest_state_dir": processor,
                            "attest_log": scratch_folder / "attest.log", "http_listen": http, **settings})
        pooler.ca_file = scratch_folder / "ca.pem"
        pooler.attest_log = scratch_folder / "attest.log"
        pooler.nonce_url = f"http://{http}/api/v1/nonce"
        return pooler
    return start


@pytest.fixture
def demanding(attested, postgres, policy_file):
    """A daemon whose databases, all of them `app` behind it, ask for evidence in every manner."""
    def start(target=None, strict="nonce: {required: true}\n", **settings):
        names = ("app", "warned", "disabled", "open", "any")
        policies = {"strict": policy_file("strict", strict),
                    "warned": policy_file("warned", MODES.format("warn"), mode="warn"),
                    "disabled": policy_file("disabled", MODES.format("disabled"), mode="disabled")}
        return attested(**{"databases": dict.fromkeys(names, target or postgres.target()), "auth_type": "hba",
                           "hba": HBA, "sections": {"policies": policies}, **settings})
    return start


@pytest.fixture
def keep(tmp_path, numbers):
    """Puts a draft's key and a certificate (DER) where drivers read them."""
    def write(draft, certificate):
        number = next(numbers)
        kept = SimpleNamespace(cert_file=tmp_path / f"{number}.crt", key_file=tmp_path / f"{number}.key")
        kept.cert_file.write_text(ssl.DER_cert_to_PEM_cert(certificate))
        kept.key_file.write_bytes(oracle.pem_of_key(draft.key))
        kept.key_file.chmod(0o600)
        return kept
    return write


@pytest.fixture
def good(chip, keep):
    """An identity whose evidence is as it should be, but for what is asked otherwise."""
    def make(pooler, measurement=GOOD, nonce=None, draft=None, **changes):
        draft = draft or Draft(nonce=nonce_of(pooler) if nonce is None else nonce)
        return keep(draft, draft.with_evidence(chip, measurement, **changes))
    return make


def nonce_of(pooler):
    with urllib.request.urlopen(pooler.nonce_url, timeout=20) as answer:
        return bytes.fromhex(json.load(answer)["nonce"])


def knock(pooler, identity=None, database="app", user="app", maximum=None, plain=False):
    """Logs in: the ErrorResponse, None when the client is let in."""
    raw = pooler.raw()
    if not plain:
        raw.secure(client_tls(identity=identity, maximum=maximum))
    raw.send(startup({"user": user, "database": database}))
    first = raw.message()
    if first.type == "E":
        assert raw.is_closed()
        return first
    assert first.type == "R"
    raw.close()
    return None


def refusal(pooler, identity=None, **options):
    """The reason for which attestation refuses."""
    error = knock(pooler, identity, **options)
    assert error is not None, "the client was let in"
    assert (error.fields["S"], error.fields["V"], error.sqlstate) == ("FATAL", "FATAL", "28000")
    assert error.text.startswith("attestation refused: "), error.text
    return error.text.removeprefix("attestation refused: ")


def connect(pooler, identity, **options):
    return pooler.connect(sslmode="verify-full", sslrootcert=pooler.ca_file, host="localhost",
                          **{"sslcert": identity.cert_file, "sslkey": identity.key_file} if identity else {}, **options)


def verdicts(pooler):
    return [json.loads(line) for line in pooler.attest_log.read_text().splitlines()]


def console(pooler, sql, user="dba"):
    """The rows of a console command as dicts; over plain TCP."""
    with psycopg.connect(pooler.conninfo(user=user, dbname="pgvouch"), autocommit=True) as connection:
        cursor = connection.execute(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


# ---- The oracle and the programs agree ----

def check_evidence(certificate, issuer, ark):
    """Everything that a verifier owes a certificate, computed anew."""
    evidence = Evidence(certificate)
    assert evidence.report.report_data == oracle.report_data(certificate, issuer, evidence.bind)
    assert canonical(evidence.cmw) == evidence.cbor
    assert evidence.encoded_anew() == evidence.cbor
    evidence.report.verify(evidence.certificates["vcek"])
    oracle.verify_chain(evidence.certificates)
    assert evidence.certificates["ark"] == ark
    return evidence


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


# ---- Evidence that nobody made honestly ----

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


# ---- Which policy ----

def test_the_global_policy_holds_where_no_line_names_one(attested, policy_file, good):
    pooler = attested(sections={"policies": {"house": policy_file("house", "nonce: {required: true}\n")}},
                      client_attest_policy="house")
    assert refusal(pooler, good(pooler, measurement=BAD)).endswith('is not allowed by policy "house"')
    assert refusal(pooler, plain=True).startswith("tls_version: ")
    assert knock(pooler, good(pooler)) is None


def test_a_line_overrides_the_global_policy(demanding, good):
    pooler = demanding(client_attest_policy="strict")
    wrong = good(pooler, measurement=BAD)
    assert '"strict"' in refusal(pooler, wrong, database="any")
    assert knock(pooler, wrong, database="warned") is None
    assert knock(pooler, wrong, database="open") is None


def test_the_old_policy_file_loads_as_it_stands_and_trusts_amd_alone(attested, good, scratch_folder):
    path = scratch.write(scratch_folder / "old.yaml", OLD_POLICY, 0o644)
    pooler = attested(sections={"policies": {"old": path}}, client_attest_policy="old")
    assert refusal(pooler, good(pooler)).startswith("chain_root: ")


@pytest.mark.parametrize("changes, reason", [
    ({}, None),
    ({"measurement": BAD}, "measurement "),
    ({"committed": bytes([0, 50, 1])}, "tcb_min_version: "),
    ({"current_tcb": bytes(8)}, "reported_tcb: "),
    ({"guest_svn": 0}, "guest_svn: "),
    ({"policy": 0xA0000}, "the guest may be debugged"),
    ({"policy": 0x30000}, "smt: "),
], ids=["good", "measurement", "firmware", "platform", "svn", "debug", "smt"])
def test_the_old_policy_file_means_what_it_says(attested, good, scratch_folder, processor, changes, reason):
    text = OLD_POLICY.replace("trusted_arks: []", f"trusted_arks: [{processor}/ark-milan.pem]\n"
                                                  "  allow_simulated: true")
    pooler = attested(sections={"policies": {"old": scratch.write(scratch_folder / "old.yaml", text, 0o644)}},
                      client_attest_policy="old")
    identity = good(pooler, **changes)
    if reason:
        assert refusal(pooler, identity).startswith(reason)
    else:
        assert knock(pooler, identity) is None


def test_the_console_is_under_the_same_rules_but_for_the_daemons_own_user(attested, policy_file, good):
    pooler = attested(sections={"policies": {"house": policy_file("house", "nonce: {required: true}\n")}},
                      client_attest_policy="house", users={"app": "", "dba": ""}, admin_users="dba")
    assert refusal(pooler, user="dba", database="pgvouch").startswith("evidence: ")
    with connect(pooler, good(pooler), user="dba", dbname="pgvouch") as session:
        rows = session.execute("SHOW ATTESTATIONS").fetchall()
        assert len(rows) == 2
    own = run(["psql", "-XAt", "-h", pooler.folder, "-p", pooler.port, "-U", "pgvouch", "-c", "SHOW STATE", "pgvouch"])
    assert "active" in own.stdout
    raw = pooler.raw(path=pooler.folder / f".s.PGSQL.{pooler.port}")
    raw.send(startup({"user": "dba", "database": "pgvouch"}))
    assert raw.error().text.startswith("attestation refused: ")


# ---- Changes while it runs ----

def test_reload_with_another_policy_holds_for_new_clients_and_dismisses_the_others(demanding, good, policy_file):
    pooler = demanding()
    before = good(pooler)
    with connect(pooler, before) as session:
        policy_file("strict", "nonce: {required: true}\n", measurement=BAD.hex())
        pooler.reload()
        await_condition(lambda: knock(pooler, before), "the new policy")
        assert refusal(pooler, before).startswith(f"measurement {MEASUREMENT} is not allowed")
        assert knock(pooler, good(pooler, measurement=BAD)) is None
        with pytest.raises(psycopg.errors.AdminShutdown, match="attestation is no longer accepted"):
            session.execute("SELECT 1")


def test_reload_with_a_broken_policy_changes_nothing_and_names_file_and_line(demanding, good):
    pooler = demanding()
    path = pooler.sections["policies"]["strict"]
    scratch.write(path, path.read_text() + "guest:\n  debug_disable: true\n", 0o644)
    wrong = path.read_text().splitlines().index("  debug_disable: true") + 1
    pooler.reload()
    pooler.await_log(f"{path}:{wrong}: ")
    assert "debug_disable" in pooler.log
    assert refusal(pooler, good(pooler, measurement=BAD)).startswith("measurement ")
    assert knock(pooler, good(pooler)) is None


def test_a_leaf_is_renewed_while_a_session_goes_on(demanding, chip, good):
    pooler = demanding(attest_max_age=3)
    (authority,) = x509.load_pem_x509_certificates(pooler.ca_file.read_bytes())
    leaves = []
    with connect(pooler, good(pooler)) as session:
        def seen():
            leaf = shown_by("127.0.0.1", pooler.port)
            assert session.execute("SELECT 1").fetchone() == (1,)
            if leaf not in leaves:
                check_evidence(leaf, authority, chip.ark)
                leaves.append(leaf)
            return len(leaves) == 4  # the first is over by now
        await_condition(seen, "three renewals", pause=0.1)
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert len({oracle.spki(leaf) for leaf in leaves}) == 4
    assert knock(pooler, good(pooler)) is None


def test_a_renewal_that_fails_keeps_the_leaf_and_says_so(demanding, good, scratch_folder):
    pooler = demanding(admin_users="dba", users={"app": "", "dba": ""}, hba=CONSOLE_HBA)
    before = shown_by("127.0.0.1", pooler.port)
    expired = Authority(scratch_folder, "expired", lifetime=-DAY)
    key_file = scratch.write(scratch_folder / "expired.key", oracle.pem_of_key(expired.key))
    pooler.reload(attest_ca_cert=expired.ca_file, attest_ca_key=key_file)
    pooler.await_log("attestation: the certificate cannot be renewed, the one in force")
    (shown,) = console(pooler, "SHOW EVIDENCE")
    assert shown["failures"] >= 1
    assert shown_by("127.0.0.1", pooler.port) == before
    assert knock(pooler, good(pooler)) is None
    pooler.reload(attest_ca_cert="", attest_ca_key="")
    await_condition(lambda: shown_by("127.0.0.1", pooler.port) != before, "a new leaf")
    (shown,) = console(pooler, "SHOW EVIDENCE")
    assert shown["failures"] == 0


def test_a_processor_that_does_not_answer_is_complained_of_while_the_leaf_serves(demanding, good):
    pooler = demanding(attest_max_age="1min")
    before = shown_by("127.0.0.1", pooler.port)
    pooler.reload(attest_simulated_latency="1h", attest_max_age="3s")  # looks after a second
    pooler.await_log("the provider of reports has not answered for")
    assert shown_by("127.0.0.1", pooler.port) == before
    assert knock(pooler, good(pooler)) is None


# ---- Without a provider ----

@pytest.fixture
def no_device():
    if os.path.exists("/dev/sev-guest") or os.path.exists("/sys/kernel/config/tsm/report"):
        pytest.skip("this machine has a device that makes reports")


def test_required_evidence_without_a_provider_refuses_to_start(pgvouch, no_device):
    with pytest.raises(RuntimeError, match="attest_required is set and there is no provider: .*simulated"):
        pgvouch(client_tls_sslmode="require", attest_required=1)


def test_required_evidence_without_tls_refuses_to_start(pgvouch, server_identity):
    with pytest.raises(RuntimeError, match="attest_required = 1, but no evidence can be shown: set client_tls_sslmode"):
        pgvouch(attest_required=1)
    with pytest.raises(RuntimeError, match="attest_required = 1, but no evidence .* certificate without evidence"):
        pgvouch(attest_required=1, client_tls_sslmode="require", client_tls_cert_file=server_identity.cert_file,
                client_tls_key_file=server_identity.key_file)


def test_auto_without_a_device_warns_and_serves_tls_without_evidence(pgvouch, no_device, scratch_folder):
    pooler = pgvouch(client_tls_sslmode="require", attest_ca_file=scratch_folder / "ca.pem", attest_san="localhost")
    assert "TLS is served without evidence" in pooler.log
    with pytest.raises(x509.ExtensionNotFound):
        Evidence(shown_by("127.0.0.1", pooler.port))
    with pooler.connect(host="localhost", sslmode="verify-full", sslrootcert=scratch_folder / "ca.pem") as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


def test_clients_evidence_is_verified_by_a_server_that_has_none(pgvouch, no_device, policy_file, good):
    pooler = pgvouch(client_tls_sslmode="require", client_attest_policy="house",
                     sections={"policies": {"house": policy_file("house", "nonce: {required: false}\n")}})
    assert knock(pooler, good(pooler, nonce=b"")) is None
    assert refusal(pooler, good(pooler, nonce=b"", measurement=BAD)).startswith("measurement ")


def test_simulated_evidence_is_warned_about_at_start(attested):
    assert "attestation is simulated and protects nothing" in attested().log
