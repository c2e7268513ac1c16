"""Which policy judges a client, what changes while the daemon runs, and what it does without a provider."""

import os

import psycopg
import pytest
from cryptography import x509

from support import oracle, scratch
from support.attested import (  # noqa: F401: fixtures
    BAD, CONSOLE_HBA, attested, check_evidence, chip, connect, console, demanding, good, keep, knock, nonce_of,
    policy_file, refusal, verdicts,
)
from support.certificates import DAY, Authority
from support.oracle import Draft, Evidence
from support.process import await_condition, run
from support.raw import startup
from support.vouch import MEASUREMENT, shown_by

# Certificates of VCEKs have the serial number 0, as AMD's have.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

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


# ---- The modes of nonce ----

@pytest.fixture
def moded(attested, policy_file, postgres):
    """A daemon with a database for each mode of the group nonce, named like it."""
    def start(**settings):
        modes = ("strict", "warn", "disabled")
        hba = "".join(f"hostssl {mode} all 127.0.0.1/32 trust attest={mode}\n" for mode in modes)
        policies = {mode: policy_file(mode, f"nonce: {{mode: {mode}, max_age: 1h}}\n") for mode in modes}
        return attested(databases=dict.fromkeys(modes, postgres.target()), auth_type="hba", hba=hba,
                        sections={"policies": policies}, **settings)
    return start


def test_a_client_without_a_nonce_is_let_in_where_the_mode_says_so(moded, good):
    pooler = moded()
    bare = good(pooler, nonce=b"")
    assert refusal(pooler, bare, database="strict").startswith("nonce: the evidence carries none")
    for database, verdict in ("warn", "warn"), ("disabled", "allow"):
        assert knock(pooler, bare, database=database) is None
        assert verdicts(pooler)[-1]["verdict"] == verdict


@pytest.mark.parametrize("first", ["warn", "disabled"])
def test_a_nonce_is_used_up_by_whom_any_mode_lets_in(moded, good, first):
    """Under another key no strict policy takes it, though that policy never saw it."""
    pooler = moded()
    nonce = nonce_of(pooler)
    early, late = good(pooler, nonce=nonce), good(pooler, nonce=nonce)
    assert knock(pooler, early, database=first) is None
    assert refusal(pooler, late, database="strict").startswith("nonce: bound to another key")
    assert knock(pooler, early, database="strict") is None


def test_evidence_is_bound_to_its_key_in_every_mode(moded, good, chip, keep):
    """Of a draft whose report is about another certificate."""
    pooler = moded()
    stolen = Draft(nonce=nonce_of(pooler))
    report = chip.report(stolen.report_data(), bytes.fromhex(MEASUREMENT))
    thief = Draft(nonce=stolen.bind.nonce, issued_at=stolen.bind.issued_at)
    shown = keep(thief, thief.with_report(report, chip.table()))
    for mode in "strict", "warn", "disabled":
        assert refusal(pooler, shown, database=mode).startswith("binding: ")
    assert knock(pooler, good(pooler, draft=stolen), database="strict") is None


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
