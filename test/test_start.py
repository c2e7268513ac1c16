"""A start of the daemon that comes to nothing: what it costs, and that it ends when it is told to."""

import os
import signal
import socket
import subprocess
from types import SimpleNamespace

import pytest

from support import kds as service
from support import scratch
from support.attested import chip  # noqa: F401: fixture
from support.kds import kds  # noqa: F401: fixture
from support.machine import DEVICE, ROOT
from support.process import await_condition, unprivileged

PROVIDERS = {"tsm": ROOT, "sev-guest": DEVICE}
PROMPT_S = 5  # far below any wait that could be meant; the machine may be busy


@pytest.fixture
def machine(machine):
    """One whose administrator gave the devices to the servers' user."""
    machine.let_in(scratch.service_ids()[0])
    return machine


@pytest.fixture
def starting(pgvouch_program, scratch_folder, ports):
    """Starts the daemon and does not wait: .process, .port, .file; .end(signal) gives status and log."""
    started = []

    def start(env=None, sections="", **settings):
        port = settings.pop("listen_port", None) or ports.take()
        values = {"listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "", "auth_type": "any", "threads": 1,
                  "client_tls_sslmode": "allow", "attest_required": 1, "attest_san": "localhost,127.0.0.1",
                  "attest_report_rate": 20, **settings}
        file = scratch_folder / "pgvouch.ini"
        scratch.write(file, sections + "[pgvouch]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()))
        process = subprocess.Popen(unprivileged([pgvouch_program, file]), stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, **(env or {})})
        started.append(process)

        def end(number=None):
            if number:
                process.send_signal(number)
            log = process.communicate(timeout=PROMPT_S if number else 30)[1]
            return process.returncode, log
        return SimpleNamespace(process=process, port=port, end=end)
    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def within(starting, machine):
    """The same in the imagined guest, with one device."""
    def start(provider="sev-guest", **settings):
        machine.present -= set(PROVIDERS.values()) - {PROVIDERS[provider]}
        return starting(env=machine.env, attest_provider=provider, **settings)
    return start


def refuses(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


# ---- what it costs ----

def test_a_start_on_a_port_that_is_taken_asks_for_no_report(within, machine, ports):
    port = ports.take()
    with socket.create_server(("127.0.0.1", port)):
        for _ in range(3):
            status, log = within(listen_port=port).end()
            assert status == 1 and f"cannot listen on 127.0.0.1:{port}: Address already in use" in log
    assert machine.driver.began == []


def test_a_start_on_a_port_of_http_that_is_taken_asks_for_no_report(within, machine, ports):
    port = ports.take()
    with socket.create_server(("127.0.0.1", port)):
        status, log = within(http_listen=f"127.0.0.1:{port}").end()
    assert status == 1 and "cannot listen on http_listen" in log
    assert machine.driver.began == []


def test_a_start_on_a_unix_socket_that_is_in_use_asks_for_no_report(within, machine, scratch_folder, ports):
    port = ports.take()
    path = scratch_folder / f".s.PGSQL.{port}"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        os.chmod(path, 0o777)
        other.listen()
        status, log = within(listen_port=port, unix_socket_dir=scratch_folder).end()
    assert status == 1 and "is in use: another process listens on it" in log
    assert machine.driver.began == []


@pytest.mark.parametrize("settings, word", [
    ({"auth_type": "hba", "auth_hba_file": "/nonexistent/hba"}, "auth_hba_file"),
    ({"auth_type": "trust", "auth_file": "/nonexistent/users"}, "auth_file"),
    ({"attest_log": "/nonexistent/log"}, "attest_log"),
    ({"server_tls_sslmode": "verify-full", "server_tls_ca_file": "/nonexistent/ca"}, "/nonexistent/ca"),
    ({"sections": "[policies]\nstrict = /nonexistent/policy\n"}, "/nonexistent/policy"),
], ids=["hba", "users", "log", "server-tls", "policy"])
def test_a_start_with_a_file_that_is_not_there_asks_for_no_report(within, machine, settings, word):
    status, log = within(**settings).end()
    assert status == 1 and word in log
    assert machine.driver.began == []


# ---- that it ends ----

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_a_start_ends_when_it_is_told_to_while_the_device_stalls(within, machine, provider, number):
    machine.host.busy = True
    start = within(provider)
    await_condition(lambda: machine.driver.began, "a request for a report")
    assert refuses(start.port)
    status, log = start.end(number)
    assert status == 0
    assert f"got {number.name} while starting, exiting" in log
    assert "FATAL" not in log and "process up" not in log


def test_a_start_ends_when_it_is_told_to_while_kds_does_not_answer(starting, kds, authority, processor, scratch_folder):
    kds.always = service.hangs
    start = starting(attest_provider="simulated", attest_simulated_certificates=0, attest_state_dir=processor,
                     kds_url=kds.url, kds_ca_file=authority.ca_file, kds_ark_file=processor / "ark-milan.pem",
                     kds_proxy="none", kds_interval=0, kds_timeout=50, kds_cache_dir=scratch_folder / "kds")
    await_condition(lambda: kds.requests, "a request to KDS")
    assert refuses(start.port)
    status, log = start.end(signal.SIGTERM)
    assert status == 0
    assert "got SIGTERM while starting, exiting" in log
    assert "process up" not in log


def test_a_second_signal_during_the_start_does_no_harm(within, machine):
    machine.host.busy = True
    start = within()
    await_condition(lambda: machine.driver.began, "a request for a report")
    start.process.send_signal(signal.SIGTERM)
    assert start.end(signal.SIGINT)[0] == 0


def test_a_start_that_is_told_to_reload_meanwhile_does_so_when_it_serves(within, machine):
    machine.driver.retry_delay_s = 0.05
    machine.host.busy = True
    start = within()
    await_condition(lambda: machine.driver.began, "a request for a report")
    start.process.send_signal(signal.SIGHUP)
    machine.host.busy = False
    assert any("got SIGHUP, re-reading config" in line for line in iter(start.process.stderr.readline, ""))
    assert start.end(signal.SIGQUIT)[0] == 0


def test_a_start_that_waits_leaves_no_pidfile_when_it_is_told_to_end(within, machine, scratch_folder):
    machine.host.busy = True
    start = within(pidfile=scratch_folder / "pid")
    await_condition(lambda: machine.driver.began and (scratch_folder / "pid").exists(), "a request for a report")
    assert start.end(signal.SIGTERM)[0] == 0
    assert not (scratch_folder / "pid").exists()
