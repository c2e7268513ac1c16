"""The device that gives reports, as Linux and hosts behave (support/machine.py): what the daemon and the tool make of it."""

import errno
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace

import psycopg
import pytest

from support import scratch
from support.machine import CERTS_MAX, DEVICE, PAGE, ROOT, Refused
from support.process import await_condition
from support.vouch import outcomes, policy_text, shown_by

PROVIDERS = {"tsm": ROOT, "sev-guest": DEVICE}


@pytest.fixture(params=list(PROVIDERS))
def provider(request):
    return request.param


@pytest.fixture
def machine(machine):
    """One whose administrator gave the devices to the servers' user; test_device_rights.py is about any other."""
    machine.let_in(scratch.service_ids()[0])
    return machine


@pytest.fixture
def attested(machine, pgvouch, scratch_folder, ports):
    """Starts the daemon in the imagined guest, which outlives it."""
    def start(env=None, **settings):
        http = f"127.0.0.1:{ports.take()}"
        pooler = pgvouch(env={**machine.env, **(env or {})},
                         **{"client_tls_sslmode": "allow", "attest_required": 1, "attest_san": "localhost,127.0.0.1",
                            "attest_ca_file": scratch_folder / "ca.pem", "http_listen": http, "attest_report_rate": 20,
                            "users": {"app": "", "dba": ""}, "admin_users": "dba", **settings})
        pooler.ca_file = scratch_folder / "ca.pem"
        pooler.http = f"http://{http}"
        return pooler
    return start


@pytest.fixture
def policy(processor, scratch_folder):
    return scratch.write(scratch_folder / "policy.yaml", policy_text(processor / "ark-milan.pem"), 0o644)


@pytest.fixture
def service_manager(scratch_folder):
    """What systemd is told: .await_word(beginning) gives the next message that begins so."""
    path = scratch_folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        os.chmod(path, 0o777)
        listener.settimeout(20)

        def await_word(beginning):
            while not (word := listener.recv(4096).decode()).startswith(beginning):
                pass
            return word
        yield SimpleNamespace(env={"NOTIFY_SOCKET": str(path)}, await_word=await_word)


def ask(pooler, path):
    """Status and body."""
    try:
        with urllib.request.urlopen(pooler.http + path, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def readiness(pooler):
    """"ready", or the reason why not."""
    status, body = ask(pooler, "/ready")
    answer = json.loads(body)
    assert (status, answer["status"]) in ((200, "ready"), (503, "not ready"))
    return answer.get("reason", "ready")


def metrics(pooler):
    """{name with labels: value}"""
    status, body = ask(pooler, "/metrics")
    assert status == 200
    return {name: float(value) for name, value in
            (line.removeprefix("pgvouch_").rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))}


def evidence(pooler):
    with psycopg.connect(pooler.conninfo(user="dba", dbname="pgvouch"), autocommit=True) as console:
        cursor = console.execute("SHOW EVIDENCE")
        return SimpleNamespace(**dict(zip((column.name for column in cursor.description), cursor.fetchone())))


# ---- The imagined guest keeps to the kernel's interfaces ----

@pytest.fixture
def within(machine):
    """Runs Python lines in the guest; the names of what it raised, or "", one for each line."""
    def run(*lines):
        program = GUEST + "\n".join(f"attempt(lambda: {line})" for line in lines)
        done = subprocess.run([sys.executable, "-c", program], env={**os.environ, **machine.env}, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()
    return run


GUEST = """
import ctypes, errno, fcntl, os, struct
ENTRY = "/sys/kernel/config/tsm/report/mine"

def attempt(do):
    try:
        value = do()
    except OSError as problem:
        print(errno.errorcode[problem.errno])
    else:
        print("" if value is None else value)

def write(name, value):
    fd = os.open(f"{ENTRY}/{name}", os.O_WRONLY)
    try:
        os.write(fd, value)
    finally:
        os.close(fd)

def read(name):
    fd = os.open(f"{ENTRY}/{name}", os.O_RDONLY)
    try:
        return b"".join(iter(lambda: os.read(fd, 1000), b""))
    finally:
        os.close(fd)

device = os.open("/dev/sev-guest", os.O_RDWR)
room = ctypes.create_string_buffer(0x6000)
page = (ctypes.addressof(room) + 4095) // 4096 * 4096

def request(code=0xc0205302, version=1, certs_len=0x4000, has_ask=True):
    "exitinfo2, or what certs_len has become"
    ask = ctypes.create_string_buffer(struct.pack("<64sI28sQI4x", b"data", 0, b"", page, certs_len), 112)
    response = ctypes.create_string_buffer(4000)
    whole = bytearray(struct.pack("<B7xQQQ", version, ctypes.addressof(ask) if has_ask else 0, ctypes.addressof(response), 7))
    try:
        fcntl.ioctl(device, code, whole)
    except OSError as problem:
        return (errno.errorcode[problem.errno], hex(struct.unpack_from("<Q", whole, 24)[0]),
                struct.unpack_from("<I", ask, 104)[0])
    return struct.unpack_from("<II", response)
"""


def test_the_imagined_device_refuses_what_the_driver_refuses(within, machine):
    assert within("request()", "request(code=0xc0205300)", "request(version=0)", "request(has_ask=False)",
                  "request(certs_len=4095)", "request(certs_len=0x5000)", "request(code=0xc0205309)",
                  "request(certs_len=0)") == [
        "(0, 1184)", "(0, 1184)", "('EINVAL', '0x7', 16384)", "('EINVAL', '0xff', 16384)",
        "('EINVAL', '0xff', 4095)", "('EINVAL', '0xff', 20480)", "('ENOTTY', '0xff', 16384)", "(0, 1184)"]
    assert not machine.driver.key_is_wiped


def test_the_imagined_device_says_how_much_room_the_certificates_need(within, machine):
    machine.host.certificates = machine.host.certificates.ljust(9000, b"\0")
    assert within("request(certs_len=0x1000)", "request(certs_len=0x3000)") == ["('EIO', '0x100000000', 12288)", "(0, 1184)"]
    assert not machine.driver.key_is_wiped


def test_the_imagined_device_wipes_the_key_when_the_host_stays_busy(within, machine):
    machine.driver.retry_delay_s, machine.driver.retry_max_s = 0.01, 0.05
    machine.host.busy = True
    assert within("request()", "request()", "request(code=0xc0205300)") == [
        "('ETIMEDOUT', '0x200000000', 16384)", "('ENOTTY', '0xff', 16384)", "('ENOTTY', '0xff', 16384)"]


def test_the_imagined_configfs_keeps_to_sizes_modes_and_generations(within, machine):
    assert within(
        "os.mkdir(ENTRY)", "os.mkdir(ENTRY)", "os.mkdir('/sys/kernel/config/tsm/report/a/b')", "read('provider')",
        "read('generation')", "read('outblob')", "write('inblob', bytes(65))", "write('inblob', bytes(63))",
        "read('outblob')", "write('inblob', bytes(64))", "len(read('outblob'))", "read('generation')",
        "write('privlevel', b'4')", "write('privlevel', b'1')", "read('generation')", "read('inblob')",
        "write('outblob', b'')", "read('nothing')", "len(read('auxblob')) > 1000", "os.rmdir(ENTRY)", "os.rmdir(ENTRY)",
    ) == ["", "EEXIST", "ENOENT", "b'sev_guest\\n'", "b'0\\n'", "EINVAL", "EFBIG", "", "EINVAL", "", "1184", "b'2\\n'",
          "EINVAL", "", "b'3\\n'", "EACCES", "EACCES", "ENOENT", "True", "", "ENOENT"]
    assert len(machine.driver.began) == 2  # auxblob belongs to another privlevel than the report before


def test_the_imagined_configfs_has_the_drivers_errors(within, machine):
    machine.driver.key_is_wiped = True
    assert within("os.mkdir(ENTRY)", "write('inblob', bytes(64))", "read('outblob')", "read('auxblob')") == [
        "", "", "ENOTTY", "ENOTTY"]


# ---- The daemon in a guest ----

def test_evidence_of_the_device_is_verified_from_outside(attested, machine, vouch, policy, provider):
    pooler = attested(attest_provider=provider)
    status, verdict = vouch.verify(f"localhost:{pooler.port}", policy, "--ca", pooler.ca_file)
    assert (status, verdict["verdict"]) == (0, "allow"), verdict
    assert len(machine.driver.began) == 1
    shown = evidence(pooler)
    assert (shown.provider, shown.simulated, shown.key_lost, shown.throttled) == (provider, 0, 0, 0)
    assert (shown.report_requests, shown.report_failures) == (1, 0)
    assert readiness(pooler) == "ready"
    with pooler.connect(sslmode="verify-full", sslrootcert=pooler.ca_file, host="localhost") as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("present, found", [
    ({DEVICE, ROOT}, "tsm"), ({ROOT}, "tsm"), ({DEVICE}, "sev-guest"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_auto_takes_the_device_that_is_there(attested, machine, present, found):
    machine.present = present
    assert evidence(attested(attest_provider="auto")).provider == found


def test_tsm_of_another_technology_is_left_for_the_device(attested, machine):
    machine.tsm.technology = "tdx_guest"
    assert evidence(attested(attest_provider="auto")).provider == "sev-guest"
    assert machine.tsm.entries == {}


def test_the_entry_in_configfs_goes_with_the_daemon(attested, machine):
    pooler = attested(attest_provider="tsm")
    assert list(machine.tsm.entries) == ["pgvouch-0"]
    pooler.stop()
    assert machine.tsm.entries == {}


def test_the_certificate_is_renewed_by_the_device(attested, machine, provider):
    pooler = attested(attest_provider=provider, attest_max_age=3)
    await_condition(lambda: evidence(pooler).rotations >= 2, "two renewals")
    assert machine.driver.most_under_way == 1
    assert readiness(pooler) == "ready"


def test_requests_keep_to_the_rate_and_the_burst(attested, machine, provider):
    pooler = attested(attest_provider=provider, attest_max_age=1, attest_report_rate=2, attest_report_burst=2)
    await_condition(lambda: len(machine.driver.began) >= 8, "eight reports")
    began = machine.driver.began[:8]
    for first, earlier in enumerate(began):
        for count, later in enumerate(began[first:], 1):
            assert count <= 2 + 2 * (later - earlier) + 0.2
    assert metrics(pooler)["attester_rate"] == 2


def test_a_level_below_the_most_privileged_is_asked_for_where_the_guest_runs_there(attested, machine):
    machine.host.vmpl = 2  # under an SVSM
    pooler = attested(attest_provider="tsm")
    (entry,) = machine.tsm.entries.values()
    assert entry.privlevel == 2
    assert bytes.fromhex(evidence(pooler).report)[0x30] == 2


def test_a_report_that_somebody_else_disturbed_is_made_again(attested, machine):
    pooler = attested(attest_provider="tsm", attest_max_age=3)
    meddled = []

    def meddle(entry):
        if not meddled:
            machine.tsm.store_inblob(entry, b"\x66" * 64)
            meddled.append(entry)
    machine.tsm.meddle = meddle
    pooler.await_log("trying again")
    assert meddled and "the provider gave a report over other REPORT_DATA" not in evidence(pooler).failure
    await_condition(lambda: evidence(pooler).failures == 0 and evidence(pooler).rotations >= 1, "a renewal")
    assert "somebody else wrote to" in pooler.log


def test_a_request_that_the_kernel_does_not_take_over_is_made_again(attested, machine):
    pooler = attested(attest_provider="tsm", attest_max_age=3)
    (entry,) = machine.tsm.entries.values()
    advance, refused = machine.tsm.advance, []

    def advance_watched(entry):
        try:
            advance(entry)
        except Refused as problem:
            refused.append(problem.error)
            raise
    machine.tsm.advance = advance_watched
    with machine.tsm.lock:
        entry.write_generation = entry.read_generation - 1  # somebody else wrote until the counter came round
    pooler.await_log("somebody else wrote to")
    assert refused == [errno.EBUSY]  # which configfs keeps to itself when the file is closed
    await_condition(lambda: evidence(pooler).failures == 0 and evidence(pooler).rotations >= 1, "a renewal")
    assert len(machine.driver.began) >= 3


def test_a_host_without_certificates_gives_evidence_all_the_same(attested, machine, provider):
    machine.host.certificates = b""
    assert evidence(attested(attest_provider=provider)).report_requests == 1


@pytest.mark.parametrize("size", [PAGE + 1, CERTS_MAX], ids=["pages", "all there is room for"])
def test_tables_of_any_size_that_the_kernel_takes_are_read(attested, machine, provider, vouch, policy, size):
    machine.host.certificates = machine.host.certificates.ljust(size, b"\0")
    pooler = attested(attest_provider=provider)
    assert vouch.verify(f"localhost:{pooler.port}", policy)[0] == 0


def test_a_table_that_the_kernel_has_no_room_for_is_done_without_and_costs_no_key(attested, machine):
    machine.host.certificates = machine.host.certificates.ljust(CERTS_MAX + 1, b"\0")
    pooler = attested(attest_provider="sev-guest", attest_max_age=3)
    await_condition(lambda: evidence(pooler).rotations >= 2, "two renewals")
    assert (evidence(pooler).report_failures, readiness(pooler)) == (0, "ready")
    assert "reports are asked for without it" in pooler.log
    assert not machine.driver.key_is_wiped


def test_configfs_tsm_gives_no_report_with_a_table_that_has_no_room_and_that_costs_no_key(attested, machine):
    machine.host.certificates = machine.host.certificates.ljust(CERTS_MAX + 1, b"\0")
    with pytest.raises(RuntimeError, match="cannot make the first attested certificate"):
        attested(attest_provider="tsm")
    assert not machine.driver.key_is_wiped
    machine.host.certificates = b""
    assert readiness(attested(attest_provider="tsm")) == "ready"  # the key is good


# ---- Throttling ----

def test_a_throttled_request_holds_up_nobody_and_slows_the_pace(attested, machine, provider, threads):
    pooler = attested(attest_provider=provider, attest_max_age="1min", threads=threads, attest_report_rate=8)
    machine.driver.retry_delay_s = 0.02
    machine.host.busy = True
    before = shown_by("127.0.0.1", pooler.port)
    pooler.reload(attest_max_age="10min")  # renews at once
    await_condition(lambda: metrics(pooler)["attester_report_under_way_seconds"] > 1.1, "a request that takes long")
    told = metrics(pooler)
    assert (told["attester_throttled"], told["attester_key_lost"], told["ready"]) == (1, 0, 1)
    for _ in range(2 * threads):  # by each of the workers
        with pooler.connect(sslmode="verify-full", sslrootcert=pooler.ca_file, host="localhost") as session:
            assert session.execute("SELECT 1").fetchone() == (1,)
    assert shown_by("127.0.0.1", pooler.port) == before
    assert (readiness(pooler), evidence(pooler).throttled) == ("ready", 1)
    assert len(machine.driver.began) == 2
    machine.host.busy = False
    await_condition(lambda: shown_by("127.0.0.1", pooler.port) != before, "the renewal")
    told = metrics(pooler)
    assert (told["attester_rate"], told["attester_reports_throttled_total"], told["attester_throttled"]) == (4, 1, 1)
    assert told['attester_report_duration_seconds_bucket{le="1"}'] == 1
    pooler.reload(attest_max_age="20min")
    await_condition(lambda: metrics(pooler)["attester_rate"] == 8, "the pace of before")
    assert metrics(pooler)["attester_throttled"] == 0


def test_a_request_that_stays_throttled_is_complained_of(attested, machine, provider):
    pooler = attested(attest_provider=provider, attest_max_age=3)
    machine.driver.retry_delay_s = 0.02
    machine.host.busy = True
    pooler.await_log("the provider of reports has not answered for")
    assert metrics(pooler)["certificate_renewal_failures"] >= 1
    assert machine.driver.most_under_way == 1
    machine.host.busy = False
    await_condition(lambda: evidence(pooler).failures == 0, "a renewal")


# ---- The key ----

def lose_key(machine):
    """As the kernel does after a minute of throttling, but sooner."""
    machine.driver.retry_delay_s, machine.driver.retry_max_s = 0.02, 0.3
    machine.host.busy = True


def test_a_lost_key_is_told_once_and_makes_not_ready_while_the_leaf_serves(attested, machine, vouch, policy, provider,
                                                                         scratch_folder):
    pooler = attested(attest_provider=provider, attest_max_age="1min")
    before = shown_by("127.0.0.1", pooler.port)
    lose_key(machine)
    pooler.reload(attest_max_age="12s")  # renews at once; the next attempts are seconds apart
    pooler.await_log("THE KEY TO THE PROCESSOR IS LOST")
    machine.host.busy = False
    assert machine.driver.key_is_wiped
    assert readiness(pooler) == "key_lost"
    status, body = ask(pooler, "/ready")
    assert status == 503 and "until a reboot" in json.loads(body)["detail"]
    assert ask(pooler, "/health")[0] == 200  # to start it anew would lose the certificate that still serves
    told = metrics(pooler)
    assert (told["attester_key_lost"], told["ready"]) == (1, 0)
    assert evidence(pooler).key_lost == 1
    assert shown_by("127.0.0.1", pooler.port) == before
    assert vouch.verify(f"localhost:{pooler.port}", policy, "--ca", pooler.ca_file)[0] == 0
    await_condition(lambda: metrics(pooler)["attester_report_failures_total"] >= 2, "another attempt")
    assert pooler.log.count("THE KEY TO THE PROCESSOR IS LOST") == 1
    assert len(machine.driver.began) == 2  # the driver sends nothing any more


def test_with_the_key_lost_the_leaf_serves_until_it_runs_out(attested, machine, provider):
    pooler = attested(attest_provider=provider, attest_max_age=6)
    lose_key(machine)
    pooler.await_log("THE KEY TO THE PROCESSOR IS LOST")
    with pooler.connect(sslmode="verify-full", sslrootcert=pooler.ca_file, host="localhost") as session:
        pooler.await_log("has been out of date since")
        assert session.execute("SELECT 1").fetchone() == (1,)  # a session that began in time
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        pooler.connect(sslmode="verify-full", sslrootcert=pooler.ca_file, host="localhost")
    pooler.await_log("certificate expired")
    assert readiness(pooler) == "key_lost"


def test_the_key_that_the_driver_has_after_it_was_loaded_anew_makes_ready(attested, machine, provider):
    pooler = attested(attest_provider=provider, attest_max_age=6)
    lose_key(machine)
    pooler.await_log("THE KEY TO THE PROCESSOR IS LOST")
    machine.host.busy = False
    machine.driver.key_is_wiped = False  # another VMPCK (vmpck_id of the module)
    await_condition(lambda: readiness(pooler) == "ready", "readiness")
    assert metrics(pooler)["attester_key_lost"] == 0


@pytest.mark.parametrize("change", [{"error": 0x16}, {"corrupt": True}], ids=["refusal", "answer in disorder"])
def test_the_kernel_wipes_the_key_after_an_error_and_the_daemon_notices(attested, machine, provider, change):
    pooler = attested(attest_provider=provider, attest_max_age=6)
    vars(machine.host).update(change)
    pooler.await_log("THE KEY TO THE PROCESSOR IS LOST")
    assert readiness(pooler) == "key_lost"


def test_without_its_key_the_guest_does_not_start(machine, pgvouch, provider):
    machine.driver.key_is_wiped = True
    with pytest.raises(RuntimeError, match="wiped the key .*ENOTTY.* only a reboot"):
        pgvouch(env=machine.env, client_tls_sslmode="allow", attest_provider=provider)


def test_the_service_manager_is_told_that_the_key_is_lost(attested, machine, service_manager):
    pooler = attested(attest_provider="tsm", attest_max_age="1min", env=service_manager.env)
    assert service_manager.await_word("STATUS=").startswith("STATUS=The attested certificate is good until ")
    lose_key(machine)
    pooler.reload(attest_max_age="2min")
    assert "is lost" in service_manager.await_word("STATUS=Not ready: ")


def test_an_operators_certificate_needs_no_key(attested, machine, server_identity):
    pooler = attested(attest_provider="tsm", attest_required=0, attest_max_age=6)
    lose_key(machine)
    await_condition(lambda: readiness(pooler) == "key_lost", "the loss")
    pooler.reload(client_tls_cert_file=server_identity.cert_file, client_tls_key_file=server_identity.key_file)
    await_condition(lambda: readiness(pooler) == "ready", "readiness")


# ---- vouch selftest ----

def test_selftest_of_a_good_machine(vouch, machine, provider):
    run = vouch("selftest", "--provider", provider, "--json", env=machine.env)
    document = json.loads(run.stdout)
    found = outcomes(document)
    assert document["provider"] == provider
    assert dict.fromkeys(("cpu", "guest", "device", "provider", "report", "speed", "certificates", "key"), "pass") == {
        name: outcome for name, outcome in found.items() if name != "signature"}
    assert (run.returncode, document["attests"], found["signature"]) == (1, False, "fail")  # its root is not AMD's
    assert machine.tsm.entries == {}


def test_selftest_of_no_guest(vouch, machine):
    machine.present -= {DEVICE, ROOT}
    machine.active = False
    run = vouch("selftest", "--json", env=machine.env)
    found = outcomes(json.loads(run.stdout))
    assert run.returncode == 1
    assert [found[name] for name in ("cpu", "guest", "device", "provider", "report")] == ["fail"] * 5


def test_selftest_sees_throttling_and_leaves_the_device_alone(vouch, machine, provider):
    machine.host.takes_s = 1.1
    run = vouch("selftest", "--provider", provider, "--json", env=machine.env)
    speed = next(check for check in json.loads(run.stdout)["checks"] if check["name"] == "speed")
    assert speed["outcome"] == "warn" and "throttled" in speed["found"]
    assert len(machine.driver.began) == 1


def test_selftest_says_that_the_key_is_lost(vouch, machine, provider):
    machine.driver.key_is_wiped = True
    run = vouch("selftest", "--provider", provider, "--json", env=machine.env)
    document = json.loads(run.stdout)
    key = next(check for check in document["checks"] if check["name"] == "key")
    assert (run.returncode, document["attests"], key["outcome"]) == (1, False, "fail")
    assert "reboot" in key["found"]
    assert "reboot" in vouch("selftest", "--provider", provider, env=machine.env).stdout


def test_selftest_of_a_host_without_certificates(vouch, machine, provider):
    machine.host.certificates = b""
    run = vouch("selftest", "--provider", provider, "--json", env=machine.env)
    document = json.loads(run.stdout)
    certificates = next(check for check in document["checks"] if check["name"] == "certificates")
    assert certificates["outcome"] == "warn" and "KDS" in certificates["found"]
    assert (outcomes(document)["signature"], document["attests"], run.returncode) == ("skipped", False, 1)
    run = vouch("selftest", "--provider", provider, env=machine.env)
    assert run.stdout.endswith("This machine gives reports. Whether they hold was not verified.\n")


def test_selftest_verifies_the_last_report_that_was_made(vouch, machine, provider):
    answer = machine.host.report

    def answer_once(ask):
        machine.host.error = 0x16  # from now on the firmware refuses
        return answer(ask)
    machine.host.report = answer_once
    run = vouch("selftest", "--provider", provider, "--json", env=machine.env)
    found = outcomes(json.loads(run.stdout))
    assert (found["report"], found["speed"], found["certificates"]) == ("pass", "warn", "pass")
    assert (found["signature"], run.returncode) == ("fail", 1)  # its root is not AMD's


def test_vouch_report_of_the_device_is_over_what_was_asked(vouch, machine, provider, tmp_path, policy):
    run = vouch("report", "--provider", provider, "--nonce", "5a" * 16, "--format", "raw", "--out", tmp_path / "report",
                env=machine.env)
    assert run.returncode == 0, run.stderr
    report = (tmp_path / "report").read_bytes()
    assert len(report) == 1184 and report[0x50:0x90].hex() in run.stderr.replace(" ", "")
    assert os.path.getsize(tmp_path / "report") == 1184
