"""Evidence from an Azure confidential VM: the TPM is swtpm behind a stand-in for the paravisor, and the simulated processor
signs. What the programs make is taken apart here by doc/attestation.md alone. Genuine HCL reports are recorded ones."""

import base64
import hashlib
import json
import os
import re
import select
import struct
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import cbor2
import psycopg
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from support import paravisor
from support.oracle import BIND_TYPE, REPORT_TYPE, TABLE_TYPE, Bind, Processor, canonical, lp, report_data
from support.paravisor import Paravisor
from support.vouch import MEASUREMENT, certificates_of, evidence_of, outcomes, policy_text

pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

TOP = Path(__file__).resolve().parent.parent
VECTORS = Path(os.environ.get("PGVOUCH_VECTORS") or TOP.parent / "shared/vectors") / "other/azure-hcl"
AT = "2026-01-01T00:00:00Z"
AZURE_TYPE = "application/vnd.pgvouch.azure+cbor"
AZURE = "formats: [azure]\n"
CHECKS = ("azure_claims", "azure_key", "azure_quote", "azure_user_data")

needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="genuine vectors are not here: set PGVOUCH_VECTORS")


@pytest.fixture(scope="session")
def with_tpm2(build):
    if "#define HAVE_TPM2 1" not in (build / "config.h").read_text():
        pytest.skip("this build has no provider azure: apt install libtss2-dev and configure again")
    if not paravisor.available():
        pytest.skip(paravisor.WHERE)


@pytest.fixture
def azure(with_tpm2, processor, scratch_folder):
    machine = Paravisor(scratch_folder, Processor.load(processor), bytes.fromhex(MEASUREMENT))
    yield machine
    machine.stop()


@pytest.fixture
def files(processor, tmp_path):
    """The certificates of the simulated processor, of which the paravisor hands out none."""
    made = Processor.load(processor)
    found = []
    for name in "vcek", "ask", "ark":
        path = tmp_path / f"{name}.der"
        path.write_bytes(getattr(made, name).public_bytes(serialization.Encoding.DER))
        found += [f"--{name}", path]
    return found


@pytest.fixture
def policy(processor, tmp_path):
    def write(more=AZURE, ark=processor / "ark-milan.pem"):
        path = tmp_path / "policy.yaml"
        path.write_text(policy_text(ark, more))
        return path

    return write


@pytest.fixture
def report(vouch, azure, tmp_path):
    """Has `vouch report` make one."""
    def make(*more, name="report.cmw"):
        run = vouch("report", "--provider", "azure", "--set", f"attest_tpm={azure.tpm}", "--out", tmp_path / name, *more)
        assert (run.returncode, run.stdout) == (0, ""), run.stderr
        assert "provider     azure\n" in run.stderr
        return tmp_path / name

    return make


@pytest.fixture
def verify(vouch, files, policy):
    def judge(path, *more, policy_file=None):
        run = vouch("verify", "--report", path, "--json", "--policy", policy_file or policy(), *files, *more)
        assert run.stdout, run.stderr
        return run.returncode, json.loads(run.stdout)

    return judge


def failures(verdict):
    return [check["name"] for check in verdict["checks"] if check["outcome"] == "fail"]


# ---- the oracle: doc/attestation.md once more ----

def report_data_alone(bind):
    return hashlib.sha512(lp(b"pgvouch/snp-report/v1") + struct.pack(">Q", bind[4]) + lp(bind[3]) + lp(bind[5])).digest()


def record_of(members):
    media_type, value, indicator = members["azure"]
    assert (media_type, indicator) == (AZURE_TYPE, 4)
    record = cbor2.loads(value)
    assert list(record) == [1, 2, 3, 4, 5] and record[1] == 1 and canonical(record) == value
    return SimpleNamespace(claims=record[2], quote=record[3], signature=record[4], pcrs=record[5])


def key_of(claims):
    key, = (key for key in json.loads(claims)["keys"] if key["kid"] == "HCLAkPub")
    modulus = int.from_bytes(base64.urlsafe_b64decode(key["n"] + "=="), "big")
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


def taken_apart(quote):
    magic, kind = struct.unpack(">IH", quote[:6])
    assert (magic, kind) == (0xFF544347, 0x8018)
    at, texts = 6, []
    for _ in "name", "extra data":
        size, = struct.unpack(">H", quote[at:at + 2])
        texts.append(quote[at + 2:at + 2 + size])
        at += 2 + size
    at += 8 + 4 + 4 + 1 + 8
    assert quote[at:at + 10] == bytes.fromhex("00000001000b03ffffff")
    assert quote[at + 10:at + 12] == b"\0\x20" and len(quote) == at + 12 + 32
    return SimpleNamespace(extra_data=texts[1], pcr_digest=quote[at + 12:])


def check_links(report, record, value):
    """From the signed report to the bound value."""
    assert report[0x50:0x90] == hashlib.sha256(record.claims).digest() + bytes(32)
    assert bytes.fromhex(json.loads(record.claims)["user-data"]) == value
    assert record.signature[:4] == bytes.fromhex("0014000b")
    key_of(record.claims).verify(record.signature[6:], record.quote, padding.PKCS1v15(), hashes.SHA256())
    quote = taken_apart(record.quote)
    assert quote.extra_data == hashlib.sha256(value).digest()
    assert len(record.pcrs) == 24 * 32
    assert quote.pcr_digest == hashlib.sha256(record.pcrs).digest()


# ---- what the provider makes ----

def test_a_report_binds_by_claims_user_data_and_quote(azure, report):
    members = cbor2.loads(report("--nonce", "00ff").read_bytes())
    assert list(members) == ["snp", "bind", "azure", "certs", "__cmwc_t"]
    assert members["__cmwc_t"] == "tag:pgvouch,2026:snp-azure/v1"
    assert [members[name][0] for name in ("snp", "bind", "certs")] == [REPORT_TYPE, BIND_TYPE, TABLE_TYPE]
    assert members["certs"][1] == b""
    assert members["snp"][1] == azure.report
    bind = cbor2.loads(members["bind"][1])
    assert (bind[2], bind[5]) == (3, b"\x00\xff")
    check_links(members["snp"][1], record_of(members), report_data_alone(bind))


def test_the_report_that_was_asked_for_is_waited_for(azure, report):
    """The paravisor answers with the old report for a while."""
    azure.lag = 2
    members = cbor2.loads(report().read_bytes())
    check_links(members["snp"][1], record_of(members), report_data_alone(cbor2.loads(members["bind"][1])))


def test_the_index_for_user_data_is_defined_once_and_used_again(azure, report):
    first, second = (cbor2.loads(report(name=name).read_bytes()) for name in ("one", "two"))
    assert first["snp"][1] != second["snp"][1] or first["bind"][1] == second["bind"][1]
    check_links(second["snp"][1], record_of(second), report_data_alone(cbor2.loads(second["bind"][1])))


def test_pcrs_that_change_behind_a_quote_are_read_again(azure, report):
    azure.extends_after_quotes = 2
    members = cbor2.loads(report().read_bytes())
    record = record_of(members)
    assert record.pcrs[16 * 32:17 * 32] != bytes(32)
    check_links(members["snp"][1], record, report_data_alone(cbor2.loads(members["bind"][1])))


def test_auto_takes_the_azure_tpm_where_there_is_no_device(vouch, azure, tmp_path):
    if Path("/dev/sev-guest").exists() or Path("/sys/kernel/config/tsm/report").exists():
        pytest.skip("this machine has a provider")
    run = vouch("report", "--provider", "auto", "--set", f"attest_tpm={azure.tpm}", "--out", tmp_path / "r")
    assert run.returncode == 0, run.stderr
    assert "provider     azure\n" in run.stderr


# ---- what it cannot make ----

def could_not(vouch, tpm, said, tmp_path, provider="azure"):
    run = vouch("report", "--provider", provider, "--set", f"attest_tpm={tpm}", "--out", tmp_path / "r")
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr
    assert len(run.stderr.splitlines()) == 1, "what the library has to say is not for people"
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("provider", ["azure", "auto"])
def test_a_tpm_that_is_not_azures_is_no_provider(vouch, with_tpm2, processor, scratch_folder, tmp_path, provider):
    machine = Paravisor(scratch_folder, Processor.load(processor), bytes.fromhex(MEASUREMENT), azure=False)
    try:
        could_not(vouch, machine.tpm, "holds no report (NV index 0x01400001)", tmp_path, provider)
    finally:
        machine.stop()


@pytest.mark.parametrize("tpm, said", [
    ("device:/dev/no-such-tpm", "No such file or directory"),
    ("no-such-library:x", "cannot be opened"),
    ("swtpm:host=127.0.0.1,port=1", "cannot be opened"),
])
def test_without_a_tpm_there_is_no_provider(vouch, with_tpm2, tmp_path, tpm, said):
    could_not(vouch, tpm, said, tmp_path)
    could_not(vouch, tpm, "this machine gives no attestation reports", tmp_path, "auto")


def test_claims_that_name_another_key_than_the_tpms_are_not_passed_on(vouch, azure, tmp_path):
    azure.modulus_in_claims = b"\xff" * 256
    could_not(vouch, azure.tpm, "azure_quote", tmp_path)


@pytest.mark.slow
def test_a_paravisor_that_makes_no_new_report_is_given_up(vouch, azure, tmp_path):
    azure.listens = False
    could_not(vouch, azure.tpm, "no report over the user data that were written", tmp_path)


def test_pcrs_that_never_hold_still_are_given_up(vouch, azure, tmp_path):
    azure.extends_after_quotes = 1000
    could_not(vouch, azure.tpm, "other PCRs", tmp_path)


# ---- how a file is judged ----

def test_a_report_from_azure_holds_under_a_policy_that_names_the_format(report, verify):
    status, verdict = verify(report("--nonce", "ab" * 16))
    assert (status, failures(verdict)) == (0, [])
    found = outcomes(verdict)
    assert {found[name] for name in (*CHECKS, "format", "binding", "report_signature", "chain")} == {"pass"}


@pytest.mark.parametrize("more", ["", "formats: [cmw]\n"])
def test_a_policy_that_does_not_name_azure_refuses_it(report, verify, policy, more):
    status, verdict = verify(report(), policy_file=policy(more))
    assert (status, failures(verdict)) == (1, ["format"])


def test_an_old_paravisor_binds_by_the_quote_alone(azure, report, verify):
    azure.says_user_data = False
    azure.refresh(bytes(64))
    status, verdict = verify(report())
    assert (status, failures(verdict)) == (0, [])
    assert (outcomes(verdict)["azure_user_data"], outcomes(verdict)["binding"]) == ("skipped", "pass")


def tampered(path, change):
    """The CMW with its azure record or other members changed."""
    members = cbor2.loads(path.read_bytes())
    record = cbor2.loads(members["azure"][1])
    change(members, record)
    members["azure"][1] = canonical(record)
    path.write_bytes(canonical(members))
    return path


def flip(value, at):
    return value[:at] + bytes([value[at] ^ 1]) + value[at + 1:]


def test_a_flipped_bit_of_the_claims_is_denied(report, verify):
    def change(_, record):
        record[2] = flip(record[2], record[2].index(b"26F8BC30"))
    status, verdict = verify(tampered(report(), change))
    assert (status, failures(verdict)) == (1, ["azure_claims", "binding"])


@pytest.mark.parametrize("member, at", [(3, 0), (3, 60), (3, -1), (4, 40), (4, 1), (5, 100)])
def test_a_flipped_bit_of_the_quote_is_denied(report, verify, member, at):
    def change(_, record):
        record[member] = flip(record[member], at % len(record[member]))
    status, verdict = verify(tampered(report(), change))
    assert (status, failures(verdict)) == (1, ["azure_quote", "binding"])


def test_a_quote_of_another_time_is_denied(report, verify):
    """Old quotes cannot be put beside new claims, nor old claims beside new quotes."""
    old = cbor2.loads(cbor2.loads(report("--nonce", "01", name="old").read_bytes())["azure"][1])
    new = report("--nonce", "02", name="new")

    def change(_, record):
        record[3], record[4], record[5] = old[3], old[4], old[5]
    status, verdict = verify(tampered(new, change))
    assert (status, failures(verdict)) == (1, ["binding"])
    members = cbor2.loads(report("--nonce", "01", name="old").read_bytes())
    status, verdict = verify(tampered(report("--nonce", "03", name="third"),
                                      lambda third, _: third.update(bind=members["bind"])))
    assert (status, failures(verdict)) == (1, ["azure_user_data", "binding"])


def test_another_machines_key_is_denied(azure, report, verify):
    """A quote by a key that the report does not vouch for, with claims that name it."""
    key = rsa.generate_private_key(65537, 2048)
    modulus = key.public_key().public_numbers().n.to_bytes(256, "big")

    def change(_, record):
        user_data = bytes.fromhex(json.loads(record[2])["user-data"])
        record[2] = paravisor.claims_of(modulus, user_data)
        record[4] = record[4][:6] + key.sign(record[3], padding.PKCS1v15(), hashes.SHA256())
    status, verdict = verify(tampered(report(), change))
    assert (status, failures(verdict)) == (1, ["azure_claims", "binding"])
    assert outcomes(verdict)["azure_quote"] == "pass"


def test_the_record_cannot_be_left_out(report, verify, policy):
    path = report()
    members = cbor2.loads(path.read_bytes())
    del members["azure"]
    members["__cmwc_t"] = "tag:pgvouch,2026:snp/v1"
    path.write_bytes(canonical(members))
    status, verdict = verify(path, policy_file=policy("formats: [cmw, azure]\n"))
    assert (status, failures(verdict)) == (1, ["binding"])


def test_a_policy_is_made_that_pins_what_the_tpm_measured(vouch, azure, report, verify, files, tmp_path):
    path = report()
    run = vouch("policy", "init", "--from", path, *files)
    assert run.returncode == 0, run.stderr
    assert "formats: [azure]\n" in run.stdout
    assert '  tpm_pcrs:\n    0: "' in run.stdout
    (tmp_path / "made.yaml").write_text(run.stdout)
    assert verify(path, policy_file=tmp_path / "made.yaml")[0] == 0
    azure.extend(4)
    status, verdict = verify(report(name="booted-otherwise"), policy_file=tmp_path / "made.yaml")
    assert (status, failures(verdict)) == (1, ["azure_pcrs"])


# ---- certificates and the daemon ----

def without_chain(processor, tmp_path):
    """A policy that has the VCEK at hand. The simulated ASK is known to nobody, so the chain only warns."""
    path = tmp_path / "vcek.pem"
    path.write_bytes(Processor.load(processor).vcek.public_bytes(serialization.Encoding.PEM))
    return (policy_text(processor / "ark-milan.pem", AZURE + "nonce: {required: false}\n") +
            f'  verify_chain: false\n  veks: ["{path}"]\n')


def test_a_client_certificate_carries_it(vouch, azure, processor, tmp_path):
    run = vouch("cert", "--provider", "azure", "--set", f"attest_tpm={azure.tpm}", "--out", tmp_path / "c", "--cn", "me")
    assert run.returncode == 0, run.stderr
    leaf = certificates_of(tmp_path / "c")[0]
    members = evidence_of(leaf)
    bind = Bind.read(members["bind"][1])
    check_links(members["snp"][1], record_of(members), report_data(leaf, leaf, bind))
    policy = tmp_path / "policy.yaml"
    policy.write_text(without_chain(processor, tmp_path))
    run = vouch("policy", "test", policy, tmp_path / "c/client.crt", "--json")
    verdict = json.loads(run.stdout)
    assert (run.returncode, failures(verdict), verdict["verdict"]) == (0, [], "warn")
    assert {outcomes(verdict)[name] for name in (*CHECKS, "binding", "report_signature")} == {"pass"}
    shown = json.loads(vouch("show", tmp_path / "c/client.crt", "--json").stdout)["evidence"]
    assert (shown["format"], shown["azure"]["claims"]["vm-configuration"]["secure-boot"]) == ("azure", True)
    assert len(shown["azure"]["quote"]["pcr"]) == 24


def test_a_daemon_on_azure_shows_evidence_that_holds(vouch, pgvouch, azure, processor, tmp_path):
    pooler = pgvouch(attest_provider="azure", attest_tpm=azure.tpm, client_tls_sslmode="allow", attest_san="ip:127.0.0.1",
                     admin_users="app")
    policy = tmp_path / "policy.yaml"
    policy.write_text(without_chain(processor, tmp_path))
    status, verdict = vouch.verify(f"127.0.0.1:{pooler.port}", policy)
    assert (status, failures(verdict), verdict["verdict"]) == (0, [], "warn")
    assert {outcomes(verdict)[name] for name in (*CHECKS, "binding", "report_signature")} == {"pass"}
    with pooler.connect(dbname="pgvouch") as console:
        cursor = console.execute("SHOW EVIDENCE")
        row = dict(zip([column.name for column in cursor.description], cursor.fetchone()))
    assert (row["provider"], row["measurement"]) == ("azure", MEASUREMENT)


def test_a_paravisor_that_takes_its_time_is_not_taken_for_throttling(pgvouch, azure, ports):
    azure.lag = 5  # readings, of which there are four a second
    http = f"127.0.0.1:{ports.take()}"
    pgvouch(attest_provider="azure", attest_tpm=azure.tpm, client_tls_sslmode="allow", attest_san="ip:127.0.0.1",
            http_listen=http, attest_report_rate=0.5)
    with urllib.request.urlopen(f"http://{http}/metrics", timeout=20) as answer:
        told = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
    assert float(told["pgvouch_attester_report_duration_seconds_sum"]) > 1
    assert {name: float(told[f"pgvouch_attester_{name}"]) for name in ("throttled", "reports_throttled_total", "rate")} == {
        "throttled": 0, "reports_throttled_total": 0, "rate": 0.5}


def test_a_client_from_azure_is_let_in_by_a_policy_that_names_it(vouch, pgvouch, postgres, azure, processor, tmp_path):
    run = vouch("cert", "--provider", "azure", "--set", f"attest_tpm={azure.tpm}", "--out", tmp_path / "c", "--cn", "me")
    assert run.returncode == 0, run.stderr
    good = without_chain(processor, tmp_path)
    folder = tmp_path / "policies"
    folder.mkdir()
    folder.chmod(0o711)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o011)
    for name, text in ("azure", good), ("plain", good.replace(AZURE, "")):
        (folder / name).write_text(text)
    pooler = pgvouch(databases={"app": postgres.target(), "plain": postgres.target()},
                     sections={"policies": {"azure": folder / "azure", "plain": folder / "plain"}},
                     hba="hostssl app all 127.0.0.1/32 trust attest=azure\nhostssl plain all 127.0.0.1/32 trust attest=plain\n",
                     auth_type="hba", client_tls_sslmode="require", attest_provider="simulated",
                     attest_state_dir=processor)
    shown = {"sslmode": "require", "sslcert": tmp_path / "c/client.crt", "sslkey": tmp_path / "c/client.key"}
    with pytest.raises(psycopg.OperationalError, match="attestation refused: .*azure"):
        pooler.connect(dbname="plain", **shown)
    session = pooler.connect(**shown)
    assert session.execute("SELECT 1").fetchone() == (1,)
    (folder / "azure").write_text(good + 'launch: {tpm_pcrs: {1: "%s"}}\n' % (64 * "a"))
    pooler.reload()
    assert select.select([session.fileno()], [], [], 20)[0], "a session goes on whose machine has other PCRs"
    with pytest.raises(psycopg.errors.AdminShutdown, match=r"no longer accepted: azure_pcrs: PCR 1 is [0-9a-f]{64}, expected PCR 1 a{64}"):
        session.execute("SELECT 1")


def test_selftest_knows_an_azure_machine(vouch, azure):
    run = vouch("selftest", "--set", f"attest_tpm={azure.tpm}", "--json")
    document = json.loads(run.stdout)
    assert (run.returncode, document["attests"], document["provider"]) == (1, False, "azure")  # there is nothing to verify it by
    found = outcomes(document)
    assert (found["cpu"], found["device"], found["provider"], found["report"]) == ("skipped", "skipped", "pass", "pass")
    assert (found["certificates"], found["signature"]) == ("warn", "skipped")  # the paravisor hands out none


def test_selftest_does_not_take_a_slow_paravisor_for_throttling(vouch, azure):
    azure.lag = 5
    run = vouch("selftest", "--set", f"attest_tpm={azure.tpm}", "--json")
    document = json.loads(run.stdout)
    assert (document["throttled"], outcomes(document)["speed"]) == (False, "pass")
    assert document["slowest_ms"] > 1000


def test_show_takes_a_report_of_azures_apart(vouch, azure, report):
    document = json.loads(vouch("show", report("--nonce", "ff"), "--json").stdout)
    assert (document["kind"], document["bind"]["nonce"]) == ("CMW", "ff")
    assert document["azure"]["claims"] == json.loads(azure.claims)
    assert document["report"]["report_data"] == azure.report[0x50:0x90].hex()


# ---- HCL reports in files ----

def test_an_hcl_report_is_shown_and_judged(vouch, azure, verify, tmp_path):
    (tmp_path / "hcl.bin").write_bytes(azure.hcl)
    document = json.loads(vouch("show", tmp_path / "hcl.bin", "--json").stdout)
    assert (document["kind"], document["claims"]) == ("HCL report", json.loads(azure.claims))
    assert document["report"]["measurement"] == MEASUREMENT
    status, verdict = verify(tmp_path / "hcl.bin")
    assert (status, failures(verdict)) == (0, [])
    found = outcomes(verdict)
    assert (found["azure_claims"], found["azure_key"], found["binding"]) == ("pass", "pass", "skipped")


@pytest.mark.parametrize("change, said", [
    (lambda hcl: hcl[:1235], "truncated"),
    (lambda hcl: hcl[:4] + b"\3" + hcl[5:], "version 3"),
    (lambda hcl: hcl[:8] + b"\xff" * 4 + hcl[12:], "contradict"),
    (lambda hcl: hcl[:1232] + b"\xff" * 4 + hcl[1236:], "4294967295 bytes"),
    (lambda hcl: hcl[:1224] + b"\4" + hcl[1225:], "not SEV-SNP"),
])
def test_an_hcl_report_that_is_malformed_ends_with_2(vouch, azure, tmp_path, files, change, said):
    (tmp_path / "hcl.bin").write_bytes(change(azure.hcl))
    for words in ["show", tmp_path / "hcl.bin"], ["verify", "--report", tmp_path / "hcl.bin", *files]:
        run = vouch(*words)
        assert (run.returncode, run.stdout) == (2, "")
        assert said in run.stderr


@needs_vectors
def test_a_genuine_hcl_report_holds_up_to_amds_root(vouch, tmp_path):
    folder = VECTORS / "trustee-evidence-v1"
    words = ["--vcek", folder / "vcek.der", "--at", AT, "--json"]
    run = vouch("verify", "--report", folder / "hcl-report.bin", *words)
    verdict = json.loads(run.stdout)
    assert (run.returncode, verdict["verdict"], failures(verdict)) == (0, "allow", [])
    assert (outcomes(verdict)["azure_claims"], outcomes(verdict)["azure_key"]) == ("pass", "pass")
    shown = json.loads(vouch("show", folder / "hcl-report.bin", "--json").stdout)
    assert shown["claims"] == json.loads((folder / "runtime-claims.json").read_text())
    content = bytearray((folder / "hcl-report.bin").read_bytes())
    content[1300] ^= 1
    (tmp_path / "flipped").write_bytes(content)
    run = vouch("verify", "--report", tmp_path / "flipped", *words)
    assert (run.returncode, failures(json.loads(run.stdout))[0]) == (1, "azure_claims")


@needs_vectors
def test_a_genuine_hcl_report_with_the_vcek_of_another_chip_is_denied(vouch):
    folder = VECTORS / "azcvm-hcl-report"
    run = vouch("verify", "--report", folder / "hcl-report.bin", "--vcek", folder / "vcek.der", "--at", AT, "--json")
    verdict = json.loads(run.stdout)
    assert run.returncode == 1
    assert {"report_signature", "chip_id"} <= set(failures(verdict))
    assert outcomes(verdict)["azure_claims"] == "pass"


# ---- without tpm2-tss ----

def test_a_build_without_tpm2_tss_says_what_is_missing(vouch, build, tmp_path):
    if "#define HAVE_TPM2 1" in (build / "config.h").read_text():
        pytest.skip("this build has the provider")
    run = vouch("report", "--provider", "azure", "--out", tmp_path / "r")
    assert run.returncode == 2
    assert re.search(r"libtss2-dev.*--with-tpm2", run.stderr)
