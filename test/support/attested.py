"""A daemon that shows and asks for evidence, clients' evidence made by the oracle, and what comes of a login with it."""

import json
import ssl
import urllib.request
from types import SimpleNamespace

import psycopg
import pytest

from support import oracle, scratch
from support.oracle import Draft, Evidence, Processor, canonical
from support.raw import client_tls, startup
from support.vouch import MEASUREMENT, policy_text

GOOD = bytes.fromhex(MEASUREMENT)
BAD = b"\x33" * 48
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
