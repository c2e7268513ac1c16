"""The HTTP interface: nonces, health, readiness and metrics."""

import http.client
import json
import os
import re
import socket
import time
from pathlib import Path

import pytest

from support.process import await_condition, run
from support.raw import query


@pytest.fixture
def start(pgvouch, ports):
    """A pooler with an HTTP interface on .http_port."""
    def start(**settings):
        port = ports.take()
        pooler = pgvouch(http_listen=f"127.0.0.1:{port}", users={"app": "", "dba": ""}, admin_users="dba", **settings)
        pooler.http_port = port
        return pooler
    return start


def ask(pooler, method, path, body=None, headers=None):
    """Status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", pooler.http_port, timeout=20)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_nonces_are_given_out_each_only_once(start):
    pooler = start()
    answers = [ask(pooler, "GET", "/api/v1/nonce") for _ in range(20)]
    assert {status for status, _, _ in answers} == {200}
    assert all(headers["Content-Type"] == "application/json" for _, headers, _ in answers)
    assert all(headers["Cache-Control"] == "no-store" for _, headers, _ in answers)
    given = [json.loads(body) for _, _, body in answers]
    assert all(set(one) == {"nonce", "expires_in"} for one in given)
    assert all(len(bytes.fromhex(one["nonce"])) == 32 and 0 < one["expires_in"] <= 300 for one in given)
    assert len({one["nonce"] for one in given}) == 20


def test_health_is_ok_until_the_process_ends(start):
    pooler = start()
    assert json.loads(ask(pooler, "GET", "/health")[2]) == {"status": "ok"}
    with pooler.session() as session:
        session.rows("SELECT 1")
        with pooler.session(user="dba", database="pgvouch") as console:
            console.run("SHUTDOWN WAIT_FOR_CLIENTS")
        status, _, body = ask(pooler, "GET", "/health")
        assert (status, json.loads(body)) == (503, {"status": "shutting down"})
        session.send(query("SELECT 1")).until("Z")
    await_condition(lambda: not pooler.process.lives, "the end")
    pooler.stopped = True


def test_readiness_ends_when_the_process_begins_to_end(start):
    pooler = start()
    status, headers, body = ask(pooler, "GET", "/ready")
    assert (status, headers["Content-Type"], json.loads(body)) == (200, "application/json", {"status": "ready"})
    with pooler.session():
        with pooler.session(user="dba", database="pgvouch") as console:
            console.run("SHUTDOWN WAIT_FOR_CLIENTS")
        status, _, body = ask(pooler, "GET", "/ready")
        answer = json.loads(body)
        assert (status, answer["status"], answer["reason"]) == (503, "not ready", "shutting_down")
        assert metrics(pooler)["pgvouch_ready"] == 0
    await_condition(lambda: not pooler.process.lives, "the end")
    pooler.stopped = True


# Prometheus's text format, version 0.0.4: names, types, labels and their escapes.
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})((?:{{{LABEL}(?:,{LABEL})*}})?) (\S+)")


def metrics(pooler):
    """{name with labels: value}, of a text that keeps to the format."""
    status, headers, body = ask(pooler, "GET", "/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    kinds, helped, found = {}, set(), {}
    for line in body.decode().removesuffix("\n").split("\n"):
        if comment := re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line):
            word, name, text = comment.groups()
            assert name not in (helped if word == "HELP" else kinds), f"{word} of {name} stands twice"
            if word == "HELP":
                helped.add(name)
            else:
                assert text in ("counter", "gauge", "histogram")
                kinds[name] = text
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        family = re.sub("_(bucket|sum|count)$", "", name)
        assert kinds.get(name) or kinds[family] == "histogram"
        assert kinds.get(name) != "counter" or name.endswith("_total")
        assert name + labels not in found
        found[name + labels] = float(value)
    assert helped == set(kinds)
    return found


def test_metrics_without_attestation_are_those_of_the_pools(start, postgres):
    pooler = start(databases={'"o""d\\d"': postgres.target()}, max_client_conn=77)
    with pooler.session(database='o"d\\d'):
        told = metrics(pooler)
    assert (told["pgvouch_ready"], told["pgvouch_client_connections_max"]) == (1, 77)
    assert told["pgvouch_client_connections"] == 1
    pool = '{database="o\\"d\\\\d",user="app"}'
    assert (told["pgvouch_pool_clients" + pool], told["pgvouch_pool_clients_waiting" + pool]) == (1, 0)
    assert not any("attester" in name or "certificate" in name for name in told)


def test_metrics_count_links_and_clients_that_wait(start):
    pooler = start(default_pool_size=1)
    pool = '{database="app",user="app"}'
    with pooler.session() as first, pooler.session() as second:
        first.rows("SELECT 1")
        second.send(query("SELECT 2"))
        await_condition(lambda: metrics(pooler)["pgvouch_pool_clients_waiting" + pool] == 1, "the second to wait")
        told = metrics(pooler)
        assert (told["pgvouch_pool_server_connections" + pool], told["pgvouch_pool_clients" + pool]) == (1, 2)
        first.close()
        second.until("Z")


def test_metrics_of_evidence_have_the_certificate_and_the_requests(start, processor, scratch_folder):
    pooler = start(client_tls_sslmode="allow", attest_provider="simulated", attest_state_dir=processor)
    told = metrics(pooler)
    assert told['pgvouch_attester_info{provider="simulated",simulated="1"}'] == 1
    assert told["pgvouch_attester_report_duration_seconds_count"] == 1
    assert told['pgvouch_attester_report_duration_seconds_bucket{le="+Inf"}'] == 1
    assert told["pgvouch_certificate_expiry_timestamp_seconds"] - told["pgvouch_certificate_issued_timestamp_seconds"] == 3600
    assert 1 <= told["pgvouch_attester_tokens"] <= 2 and told["pgvouch_attester_rate"] == 0.8
    assert (told["pgvouch_attester_key_lost"], told["pgvouch_attester_throttled"]) == (0, 0)
    assert told['pgvouch_verdicts_total{verdict="deny"}'] == 0


def test_a_slow_simulated_processor_is_throttled_like_any_other(start, processor):
    pooler = start(client_tls_sslmode="allow", attest_provider="simulated", attest_state_dir=processor,
                   attest_simulated_latency="1100ms")
    told = metrics(pooler)
    assert (told["pgvouch_attester_throttled"], told["pgvouch_attester_rate"]) == (1, 0.4)
    assert told["pgvouch_attester_reports_throttled_total"] == 1


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/api/v1/nonce"])
def test_head_answers_without_a_body(start, path):
    pooler = start()
    status, headers, body = ask(pooler, "HEAD", path)
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 2


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(start, method):
    status, headers, body = ask(start(), method, "/api/v1/nonce")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert "error" in json.loads(body)


@pytest.mark.parametrize("path", ["/", "/metrics/", "/api/v1/nonce/", "/health/../etc/passwd", "/api", "/%2e%2e/"])
def test_there_is_nothing_else(start, path):
    status, _, body = ask(start(), "GET", path)
    assert status == 404 and "error" in json.loads(body)


def test_large_heads_and_bodies_are_refused(start):
    pooler = start()
    assert ask(pooler, "POST", "/health", body=b"x" * 5000)[0] == 413
    assert ask(pooler, "GET", "/health", headers={"X": "x" * 20000})[0] == 400
    assert ask(pooler, "GET", "/health")[0] == 200


def test_garbage_does_no_harm(start):
    pooler = start()
    with socket.create_connection(("127.0.0.1", pooler.http_port), 20) as peer:
        peer.sendall(b"\x16\x03\x01\x02\x00" + bytes(range(256)) + b"\r\n\r\n")
        peer.settimeout(20)
        while peer.recv(4096):
            pass
    assert ask(pooler, "GET", "/health")[0] == 200


# ---- peers that want nothing, or everything ----

MOST = 64  # connections that are open


def accepted(pooler):
    """How many connections to the interface the daemon has accepted: those that wait in the kernel's queue have no inode."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{pooler.http_port:04X}") and row[3] != "0A" and row[9] != "0" for row in rows)


@pytest.fixture
def dial():
    """A connection to the interface, on which nothing has been said."""
    made = []

    def dial(pooler):
        made.append(socket.create_connection(("127.0.0.1", pooler.http_port), 40))
        return made[-1]
    yield dial
    for one in made:
        one.close()


def test_idle_connections_are_bounded_and_keep_nobody_out(start, dial):
    pooler = start()
    for _ in range(MOST + 60):
        dial(pooler)
    await_condition(lambda: accepted(pooler) == MOST, "as many connections as may be")
    for _ in range(20):
        assert ask(pooler, "GET", "/ready")[0] == 200
        # The kernel's list is not of one moment: one that has just been closed and its successor may both be on it.
        assert min(accepted(pooler) for _ in range(3)) <= MOST


@pytest.mark.slow
def test_a_request_that_trickles_is_cut_off(start, dial):
    pooler = start()
    slow, began = dial(pooler), time.monotonic()
    slow.settimeout(0.5)
    slow.sendall(b"GET /health HTTP/1.1\r\nX-Slow: ")
    with pytest.raises((ConnectionError, EOFError)):
        while time.monotonic() - began < 60:
            slow.sendall(b"x")
            try:
                if not slow.recv(1):
                    raise EOFError
            except TimeoutError:
                pass
    assert 15 < time.monotonic() - began < 40
    assert ask(pooler, "GET", "/health")[0] == 200


def processor_seconds(pooler):
    fields = Path(f"/proc/{pooler.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def limit_files(pooler, most):
    """As the daemon's user, who may. Returns how many there could be before."""
    before = re.search(r"Max open files\s+(\d+)", Path(f"/proc/{pooler.process.pid}/limits").read_text())[1]
    run(["prlimit", "--pid", pooler.process.pid, f"--nofile={most}:"])
    return before


def test_without_descriptors_the_interface_rests_and_the_pooler_serves_on(start, dial):
    pooler = start()
    with pooler.session() as session:
        session.rows("SELECT 1")
        before = limit_files(pooler, 3)
        waiting = dial(pooler)
        waiting.sendall(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")
        pooler.await_log("cannot accept a connection on http_listen: Too many open files")
        used, lines = processor_seconds(pooler), pooler.log.count("\n")
        session.rows("SELECT pg_sleep(1)")
        assert processor_seconds(pooler) - used < 0.5
        assert pooler.log.count("\n") - lines < 5
        limit_files(pooler, before)
        assert b" 200 OK" in waiting.recv(4096)
        assert ask(pooler, "GET", "/health")[0] == 200


def test_an_address_that_is_taken_keeps_the_daemon_from_starting(pgvouch, ports):
    port = ports.take()
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(RuntimeError, match="cannot listen on http_listen"):
            pgvouch(http_listen=f"127.0.0.1:{port}")
