"""The HTTP interface: nonces and health."""

import http.client
import json
import socket

import pytest

from support.process import await_condition
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


@pytest.mark.parametrize("path", ["/health", "/api/v1/nonce"])
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


@pytest.mark.parametrize("path", ["/", "/api/v1/nonce/", "/health/../etc/passwd", "/api", "/%2e%2e/"])
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


def test_an_address_that_is_taken_keeps_the_daemon_from_starting(pgvouch, ports):
    port = ports.take()
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(RuntimeError, match="cannot listen on http_listen"):
            pgvouch(http_listen=f"127.0.0.1:{port}")
