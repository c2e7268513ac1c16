"""What the console tells about attestation: verdicts, their checks, our own evidence, the policies in force."""

import hashlib
import re

import psycopg
import pytest

from support import scratch

POLICY = """\
version: "1.0"
measurements:
  allow_list: ["{measurement}"]
tcb:
  mode: warn
guest:
  mode: disabled
nonce:
  max_age: "5m"
certificates:
  allow_simulated: true
"""
MEASUREMENT = "544553545f4d4541535552454d454e545f56414c49445f30303100000000000000000000000000000000000000000000"
HBA = """\
hostssl app  all 127.0.0.1/32 trust attest=strict
host    all  all 127.0.0.1/32 trust
"""


@pytest.fixture
def policy(scratch_folder):
    path = scratch_folder / "strict.yaml"
    scratch.write(path, POLICY.format(measurement=MEASUREMENT))
    return path


@pytest.fixture
def attested(pgvouch, processor, policy):
    return pgvouch(users={"app": "", "dba": ""}, admin_users="dba", auth_type="hba", hba=HBA,
                   sections={"policies": {"strict": policy}}, client_tls_sslmode="allow", attest_provider="simulated",
                   attest_required=1, attest_state_dir=processor,
                   attest_san="localhost,127.0.0.1")


def show(pooler, sql, parameters=None):
    with psycopg.connect(pooler.conninfo(user="dba", dbname="pgvouch"), autocommit=True) as connection:
        cursor = connection.execute(sql, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


def refused(pooler):
    with pytest.raises(psycopg.OperationalError) as error:
        pooler.connect(sslmode="require")
    assert "attestation refused: " in str(error.value)
    return re.search(r"attestation refused: (.*)", str(error.value)).group(1)


def test_a_refusal_and_each_of_its_checks_are_shown(attested):
    reason = refused(attested)
    refused(attested)
    latest, first = show(attested, "SHOW ATTESTATIONS")
    assert latest["id"] != first["id"] and latest["time"] >= first["time"]
    assert (first["role"], first["user"], first["database"], first["address"]) == ("client", "app", "app", "127.0.0.1")
    assert first["verdict"] == "deny" and reason.startswith(first["reason"])
    assert first["policy"] == "strict"
    assert first["measurement"] is None and first["evidence_sha256"] is None
    assert first["duration_us"] >= 0
    checks = show(attested, "SHOW ATTESTATION %s", [first["id"]])
    assert {"name", "outcome", "expected", "found"} == set(checks[0])
    assert "fail" in {check["outcome"] for check in checks}


def test_nobody_has_been_judged_where_nothing_is_asked(attested):
    with attested.connect(dbname="pgvouch", user="dba", sslmode="require"):
        assert show(attested, "SHOW ATTESTATIONS") == []


def test_an_unknown_verdict_is_named(attested):
    with pytest.raises(psycopg.errors.UndefinedObject, match="no such attestation: nothing"):
        show(attested, "SHOW ATTESTATION 'nothing'")


def test_our_own_evidence_is_shown(attested):
    (evidence,) = show(attested, "SHOW EVIDENCE")
    assert (evidence["provider"], evidence["simulated"], evidence["product"]) == ("simulated", 1, "Milan")
    assert evidence["measurement"] == MEASUREMENT
    assert evidence["debug"] == 0 and evidence["failures"] == 0
    report = bytes.fromhex(evidence["report"])
    assert len(report) == 1184 and report[0x90:0xC0].hex() == MEASUREMENT
    assert 0 <= evidence["age"] < 120
    assert evidence["issued_at"] < evidence["next_rotation"] < evidence["not_after"]
    raw = attested.raw().secure()
    leaf = raw.socket.getpeercert(binary_form=True)
    raw.close()
    assert hashlib.sha256(leaf).hexdigest() == evidence["leaf_sha256"]


def test_without_tls_there_is_no_evidence_to_show(pgvouch):
    pooler = pgvouch(users={"app": "", "dba": ""}, admin_users="dba")
    assert show(pooler, "SHOW EVIDENCE") == []
    assert show(pooler, "SHOW POLICIES") == []


def test_policies_are_shown_as_they_are_in_force(attested, policy):
    (shown,) = show(attested, "SHOW POLICIES")
    assert (shown["name"], shown["file"], shown["version"]) == ("strict", str(policy), "1.0")
    assert shown["sha256"] == hashlib.sha256(policy.read_bytes()).hexdigest()
    assert (shown["measurements"], shown["tcb"], shown["guest"]) == ("strict", "warn", "disabled")
    assert (shown["nonce"], shown["certificates"], shown["simulated"]) == ("required", "verified", 1)


def test_reload_takes_changed_policies_and_a_bad_one_changes_nothing(attested, policy):
    with psycopg.connect(attested.conninfo(user="dba", dbname="pgvouch"), autocommit=True) as connection:
        scratch.write(policy, POLICY.format(measurement=MEASUREMENT).replace('"1.0"', '"1.1"'))
        connection.execute("RELOAD")
        assert show(attested, "SHOW POLICIES")[0]["version"] == "1.1"
        scratch.write(policy, "version: 1\nunknown_key: true\n")
        with pytest.raises(psycopg.Error, match="strict.yaml:"):
            connection.execute("RELOAD")
        assert show(attested, "SHOW POLICIES")[0]["version"] == "1.1"
