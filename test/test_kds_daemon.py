"""The daemon and AMD's key distribution service: certificates that the device does not give, and revocation lists."""

import datetime
import re
import ssl
import time
from types import SimpleNamespace

import psycopg
import pytest
from cryptography import x509

from support import kds as service
from support import oracle, scratch
from support.attested import chip  # noqa: F401: fixture
from support.kds import der, kds, revocation_list, vcek_alike, vcek_path  # noqa: F401: fixture
from support.oracle import CMW, TCB, Draft, Evidence, der_content
from support.process import await_condition, run
from support.vouch import MEASUREMENT, policy_text, shown_by

# Certificates of VCEKs have the serial number 0, as AMD's have.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

HBA = "hostssl app all 127.0.0.1/32 trust attest=strict\nhost pgvouch all 127.0.0.1/32 trust\n"


@pytest.fixture
def cache(scratch_folder):
    return scratch_folder / "kds"


@pytest.fixture
def policy_file(processor, scratch_folder):
    def write(more=""):
        return scratch.write(scratch_folder / "strict.yaml",
                             policy_text(processor / "ark-milan.pem", "nonce: {required: false}\n") + more, 0o644)
    return write


@pytest.fixture
def reach(kds, authority, processor, cache):
    """How the service is found."""
    return {"kds_url": kds.url, "kds_ca_file": authority.ca_file, "kds_ark_file": processor / "ark-milan.pem",
            "kds_proxy": "none", "kds_interval": 0, "kds_timeout": 5, "kds_cache_dir": cache}


@pytest.fixture
def bare(pgvouch, processor, reach):
    """Starts the daemon on a processor that gives no certificates."""
    def start(**settings):
        return pgvouch(**{"client_tls_sslmode": "allow", "client_tls_protocols": "tlsv1.3",
                          "attest_provider": "simulated", "attest_required": 1, "attest_simulated_certificates": 0,
                          "attest_san": "localhost,127.0.0.1", "attest_state_dir": processor, **reach, **settings})
    return start


@pytest.fixture
def demanding(bare, postgres, policy_file):
    """The same, of a daemon that asks its clients for evidence."""
    def start(more="", **settings):
        return bare(**{"databases": {"app": postgres.target()}, "auth_type": "hba", "hba": HBA,
                       "admin_users": "app", "sections": {"policies": {"strict": policy_file(more)}}, **settings})
    return start


@pytest.fixture
def client(chip, tmp_path, numbers):
    """A client's key and certificate, whose evidence brings certificates or not."""
    def make(complete=True, listed=None):
        draft, number = Draft(), next(numbers)
        measurement = bytes.fromhex(MEASUREMENT)
        if listed:
            table = oracle.write_table({**oracle.read_table(chip.table()), "crl": x509.load_der_x509_crl(listed)})
            certificate = draft.with_report(chip.report(draft.report_data(), measurement), table)
        elif complete:
            certificate = draft.with_evidence(chip, measurement)
        else:
            certificate = draft.with_report(chip.report(draft.report_data(), measurement), b"")
        kept = SimpleNamespace(sslcert=tmp_path / f"{number}.crt", sslkey=tmp_path / f"{number}.key")
        kept.sslcert.write_text(ssl.DER_cert_to_PEM_cert(certificate))
        kept.sslkey.write_bytes(oracle.pem_of_key(draft.key))
        kept.sslkey.chmod(0o600)
        return {"sslmode": "require", "sslcert": kept.sslcert, "sslkey": kept.sslkey}
    return make


def shown(pooler):
    return shown_by(pooler.host, pooler.port)


def certificates_shown(pooler):
    """By name; none where the evidence brings none."""
    extension = shown(pooler).extensions.get_extension_for_oid(CMW).value.value
    members = oracle.cbor2.loads(der_content(0x04, extension))
    return oracle.read_table(members["certs"][1])


def refusal(pooler, options):
    """Why the client is not let in; None when it is."""
    try:
        with pooler.connect(**options) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError as error:
        return str(error)
    return None


def is_let_in(pooler, options):
    return refusal(pooler, options) is None


NO_CERTIFICATE = "attestation refused: vek_certificate"
NO_LIST = "attestation refused: chain_revocation: there is no revocation list of this root"
PEERS_LIST = "attestation refused: chain_revocation: the only revocation list is the evidence's own"
REVOKED = "attestation refused: chain_revocation: the root has revoked the intermediate"


# ---- what the device does not give ----

def test_what_the_device_does_not_give_is_fetched_once_and_stapled(kds, bare, vouch, policy_file, chip):
    pooler = bare()
    evidence = Evidence(shown(pooler))
    assert evidence.certificates == {"vcek": chip.vcek, "ask": chip.ask, "ark": chip.ark}
    evidence.report.verify(evidence.certificates["vcek"])
    assert vouch("verify", f"{pooler.host}:{pooler.port}", "--policy", policy_file(), "--offline").returncode == 0
    pooler.reload(attest_san="localhost")
    pooler.await_log("the certificate was renewed")
    assert set(certificates_shown(pooler)) == {"vcek", "ask", "ark"}
    pooler.stop()
    again = bare()
    assert set(certificates_shown(again)) == {"vcek", "ask", "ark"}
    assert kds.requests == [kds.chain, kds.vcek]


def test_what_cannot_be_kept_on_disk_is_kept_in_memory(kds, bare):
    pooler = bare(kds_cache_dir="/proc/nowhere")
    pooler.await_log("kept in memory alone")
    pooler.reload(attest_san="localhost")
    pooler.await_log("the certificate was renewed")
    assert set(certificates_shown(pooler)) == {"vcek", "ask", "ark"}
    assert kds.requests == [kds.chain, kds.vcek]


def test_offline_the_evidence_goes_without(kds, bare):
    pooler = bare(kds_offline=1)
    assert certificates_shown(pooler) == {}
    pooler.await_log("without the certificate of the processor's key")
    assert kds.requests == []


def test_a_device_that_gives_its_certificates_needs_nobody(kds, bare):
    pooler = bare(attest_simulated_certificates=1)
    assert set(certificates_shown(pooler)) == {"vcek", "ask", "ark"}
    assert kds.requests == []


@pytest.mark.parametrize("answer, said", [
    (service.status(500), "status 500"), (service.hangs, "in time|timed out"), (service.throttled(1), "status 429")],
    ids=["trouble", "hangs", "throttles"])
def test_the_daemon_serves_without_what_cannot_be_had_and_gets_it_later(kds, bare, answer, said):
    kds.only, kds.always = "blSPL", answer
    pooler = bare(kds_timeout=0.8, attest_max_age=12)
    assert certificates_shown(pooler) == {}
    pooler.await_log("without the certificate of the processor's key")
    assert re.search(said, pooler.log)
    kds.always = None
    await_condition(lambda: certificates_shown(pooler), "the evidence to be complete", 30, pause=0.2)


def test_a_lie_is_not_stapled(kds, bare, chip):
    kds.only, kds.always = "blSPL", service.content(der(vcek_alike(chip, hwid=bytes(64))))
    pooler = bare()
    assert certificates_shown(pooler) == {}
    assert "another chip" in pooler.log


def test_what_is_complete_serves_on_while_what_would_follow_it_is_not(kds, bare, chip):
    pooler = bare(kds_negative_ttl=0, attest_max_age=30)
    first = shown(pooler)
    pooler.reload(attest_simulated_tcb="4.0.24.220")
    pooler.await_log("the certificate cannot be renewed")
    pooler.await_log("it has none (status 404)")
    assert shown(pooler) == first
    tcb = TCB[:7] + bytes([220])
    kds.items[vcek_path("milan", chip.chip_id, tcb)] = der(vcek_alike(chip, microcode=220))
    await_condition(lambda: shown(pooler) != first, "the new certificate", pause=0.1)
    assert Evidence(shown(pooler)).report.reported_tcb == tcb
    assert set(certificates_shown(pooler)) == {"vcek", "ask", "ark"}


def test_a_service_that_hangs_holds_no_session_up(kds, bare, postgres):
    pooler = bare(kds_timeout=30, kds_negative_ttl=0)
    kds.only, kds.always = "ucodeSPL=220", service.hangs
    pooler.reload(attest_simulated_tcb="4.0.24.220")
    await_condition(lambda: kds.count("ucodeSPL=220"), "the request")
    with pooler.connect(sslmode="require") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    before = time.monotonic()
    pooler.stop()
    assert time.monotonic() - before < 10


@pytest.mark.parametrize("settings, said", [
    ({"kds_url": "http://127.0.0.1"}, "kds_url"), ({"kds_ca_file": "/nonexistent"}, "kds_ca_file"),
    ({"kds_ark_file": "/nonexistent"}, "kds_ark_file")])
def test_a_reload_with_what_cannot_be_changes_nothing(kds, bare, settings, said):
    pooler = bare()
    pooler.reload(**settings)
    pooler.await_log("the configuration in force stays")
    assert said in pooler.log
    assert set(certificates_shown(pooler)) == {"vcek", "ask", "ark"}


def console(pooler, sql):
    """The rows of a console command as dicts; over plain TCP."""
    with psycopg.connect(pooler.conninfo(dbname="pgvouch"), autocommit=True) as connection:
        cursor = connection.execute(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


def test_the_console_counts_what_came_of_requests(kds, bare, cache):
    kds.only, kds.once = "blSPL", [service.throttled(1), service.content(b"<html>")]
    pooler = bare(admin_users="app")
    (shown_now,) = console(pooler, "SHOW KDS")
    assert (shown_now["url"], shown_now["offline"], shown_now["cache_dir"]) == (kds.url, 0, str(cache))
    assert {name: shown_now[name] for name in ("requests", "fetched", "missing", "throttled", "failed", "refused")} == {
        "requests": 3, "fetched": 1, "missing": 0, "throttled": 1, "failed": 0, "refused": 1}
    assert shown_now["failed_at"] and "refused" in shown_now["failure"]


# ---- clients whose evidence brings no certificate ----

def test_a_client_without_its_certificate_is_judged_by_what_is_at_hand_and_nobody_is_asked(
        kds, demanding, client, vouch_program, reach, cache, chip, scratch_folder):
    pooler = demanding(attest_simulated_certificates=1)
    stranger, friend = client(complete=False), client()
    assert NO_CERTIFICATE in refusal(pooler, stranger)
    assert is_let_in(pooler, friend)
    assert kds.requests == []
    options = [word for name, value in reach.items() for word in ("--set", f"{name}={value}")]
    run([vouch_program, "kds", "fetch", "--product", "milan", "--hwid", chip.chip_id.hex(), "--tcb", "4.0.24.219",
         *options])
    assert is_let_in(pooler, stranger)


# ---- revocation lists ----

REQUIRED = "  crl: required\nchip: {products_allowed: [milan], key_kinds: [vcek]}\n"


def test_lists_that_a_policy_requires_are_fetched_in_the_background_and_kept_fresh(kds, demanding, client, chip):
    kds.items[kds.crl] = revocation_list(chip)
    pooler = demanding(REQUIRED, attest_simulated_certificates=1, kds_crl_refresh=2)
    await_condition(lambda: is_let_in(pooler, client()), "the client to be let in")
    assert set(kds.requests) == {kds.crl}
    kept = client()
    assert is_let_in(pooler, kept)
    kds.items[kds.crl] = revocation_list(chip, revoked=[chip.ask])
    reason = await_condition(lambda: refusal(pooler, kept), "the revocation to count", pause=0.1)
    assert REVOKED in reason
    assert REVOKED in refusal(pooler, client())
    pooler.stop()
    kds.always = service.status(500)
    assert REVOKED in refusal(demanding(REQUIRED, attest_simulated_certificates=1), client())


def test_an_older_list_in_the_cache_does_not_undo_a_newer_one(kds, demanding, client, cache, chip):
    kds.items[kds.crl] = revocation_list(chip, revoked=[chip.ask], age=datetime.timedelta(hours=1))
    pooler = demanding(REQUIRED, attest_simulated_certificates=1, kds_crl_refresh=4)
    await_condition(lambda: REVOKED in (refusal(pooler, client()) or ""), "the revocation to count", pause=0.1)
    kds.always = service.status(500)
    (path,) = cache.glob("crl-*")
    scratch.write(path, revocation_list(chip, age=datetime.timedelta(hours=2)))
    pooler.await_log("is an older revocation list than the one in memory, which stays in force")
    assert REVOKED in refusal(pooler, client())


def test_a_list_that_has_ended_is_fetched_anew_and_one_that_comes_so_revokes(kds, demanding, client, cache, chip):
    hour = datetime.timedelta(hours=1)
    scratch.write(scratch.make_folder(cache) / "crl-vcek-milan.der", revocation_list(chip, age=3 * hour, lifetime=hour))
    kds.items[kds.crl] = revocation_list(chip, revoked=[chip.ask], age=2 * hour, lifetime=hour)
    pooler = demanding(REQUIRED, attest_simulated_certificates=1, kds_crl_refresh=3600)
    pooler.await_log("is refused: the revocation list is out of date")
    await_condition(lambda: REVOKED in (refusal(pooler, client()) or ""), "the revocation to count", pause=0.1)


def test_a_later_failure_does_not_shorten_the_time_that_was_asked_for(kds, demanding):
    pooler = None

    def fails_later(request):
        await_condition(lambda: pooler and "status 429" in pooler.log, "the other answer to be heard")
        return service.status(500)(request)
    kds.once, kds.always = [service.throttled(600)], fails_later
    pooler = demanding("  crl: required\n", attest_simulated_certificates=1, kds_timeout=20, kds_cache_dir="/proc/nowhere")
    pooler.await_log("status 500")
    left = [float(seconds) for seconds in re.findall(r"status 500; it is left alone for ([\d.]+) s", pooler.log)]
    assert left and min(left) > 580


def test_without_the_list_that_a_policy_requires_clients_are_denied_and_not_held_up(kds, demanding, client):
    kds.always = service.hangs
    pooler = demanding(REQUIRED, attest_simulated_certificates=1, kds_timeout=30)
    await_condition(lambda: kds.count("/crl"), "the request")
    before = time.monotonic()
    assert NO_LIST in refusal(pooler, client())
    assert time.monotonic() - before < 10


def test_a_list_that_a_client_brings_counts_within_the_age_that_policy_sets(kds, demanding, policy_file, client, chip):
    kds.always = service.status(500)
    pooler = demanding(REQUIRED, attest_simulated_certificates=1)
    await_condition(lambda: kds.count("/crl"), "the request")
    assert PEERS_LIST in refusal(pooler, client(listed=revocation_list(chip)))
    policy_file("  crl_max_age: 2h\n" + REQUIRED)
    pooler.reload()
    await_condition(lambda: is_let_in(pooler, client(listed=revocation_list(chip))), "the client to be let in")
    assert "too old" in refusal(pooler, client(listed=revocation_list(chip, age=datetime.timedelta(hours=3))))
    assert REVOKED in refusal(pooler, client(listed=revocation_list(chip, revoked=[chip.ask])))


def test_no_list_is_fetched_that_no_policy_requires(kds, demanding, client):
    pooler = demanding(attest_simulated_certificates=1)
    assert is_let_in(pooler, client())
    assert kds.requests == []


def test_a_policy_that_begins_to_require_a_list_has_it_fetched(kds, demanding, policy_file, client, chip):
    kds.items[kds.crl] = revocation_list(chip)
    pooler = demanding(attest_simulated_certificates=1)
    assert is_let_in(pooler, client())
    policy_file(REQUIRED)
    pooler.reload()
    await_condition(lambda: kds.count("/crl"), "the request")
    await_condition(lambda: is_let_in(pooler, client()), "the client to be let in")


def test_offline_a_list_has_to_be_at_hand(kds, demanding, client, chip):
    kds.items[kds.crl] = revocation_list(chip)
    pooler = demanding(REQUIRED, attest_simulated_certificates=1, kds_offline=1)
    assert NO_LIST in refusal(pooler, client())
    assert kds.requests == []
