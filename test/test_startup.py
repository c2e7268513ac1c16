"""Startup packets, well formed and not: what a client may send before it has logged in."""

import os
import struct
import time
from pathlib import Path

import pytest

from support import raw, scratch
from support.pooler import Pooler
from support.process import await_condition
from support.raw import GSSENC_REQUEST, SSL_REQUEST, Closed, client_tls, packet, startup

USER = {"user": "app", "database": "app"}


@pytest.fixture
def pooler(pgvouch):
    return pgvouch()


@pytest.fixture
def secure_pooler(pgvouch, server_identity):
    return pgvouch(client_tls_sslmode="allow", client_tls_cert_file=server_identity.cert_file,
                   client_tls_key_file=server_identity.key_file)


def refusal(pooler, data):
    """Sends bytes on a connection of their own; the error that comes back, after which the connection is closed."""
    with pooler.raw() as connection:
        error = connection.send(data).error()
        assert error.fields["S"] == "FATAL"
        assert connection.is_closed()
    return error


def still_serves(pooler):
    with pooler.session() as session:
        return session.value("SELECT 42") == "42"


# ---- lengths ----

@pytest.mark.parametrize("length", [0, 3, 4, 7, 10001, 2**31 - 1, 2**31, 2**32 - 1])
def test_a_length_that_cannot_be_is_refused_at_once(pooler, length):
    error = refusal(pooler, struct.pack(">I", length))
    assert error.sqlstate == "08P01"
    assert error.text == "invalid length of startup packet"
    assert still_serves(pooler)


def test_a_length_one_too_short_is_refused(pooler):
    good = startup(USER)
    assert refusal(pooler, struct.pack(">I", len(good) - 1) + good[4:]).sqlstate == "08P01"
    assert still_serves(pooler)


def test_a_length_one_too_long_waits_for_the_missing_byte_and_then_refuses_it(pooler):
    good = startup(USER)
    with pooler.raw() as connection:
        connection.send(struct.pack(">I", len(good) + 1), good[4:], b"x")
        assert connection.error().sqlstate == "08P01"
        assert connection.is_closed()


def test_the_longest_packet_is_taken(pgvouch):
    pooler = pgvouch(ignore_startup_parameters="filler")
    fixed = len(startup({**USER, "filler": ""}))
    with pooler.session(filler="x" * (10000 - fixed)) as session:
        assert session.value("SELECT 1") == "1"


@pytest.mark.parametrize("request_", [SSL_REQUEST, GSSENC_REQUEST])
def test_a_request_with_a_body_is_refused(pooler, request_):
    code = struct.unpack(">I", request_[4:])[0]
    assert refusal(pooler, packet(code, b"\0")).sqlstate == "08P01"


def test_a_packet_truncated_at_every_byte_lets_nobody_in(pooler):
    good = startup(USER)
    for n in range(len(good)):
        with pooler.raw() as connection:
            connection.send(good[:n]).end_sending()
            assert connection.is_closed(), n
    assert still_serves(pooler)


def test_a_packet_that_claims_to_be_whole_when_cut_is_refused_at_every_byte(pooler):
    good = startup(USER)
    for n in range(8, len(good)):
        assert refusal(pooler, struct.pack(">I", n) + good[4:n]).sqlstate in ("08P01", "28000"), n
    assert still_serves(pooler)


def test_a_packet_sent_byte_by_byte_is_taken(pooler):
    with pooler.raw() as connection:
        connection.send_one_by_one(startup(USER))
        connection.await_welcome()
        assert connection.value("SELECT 1") == "1"


# ---- codes and versions ----

@pytest.mark.parametrize("code", [0, 1, 1 << 16, 2 << 16, 4 << 16, 4 << 16 | 1, 0x7FFFFFFF, 0xFFFFFFFF, 80877101, 80877105])
def test_an_unknown_code_is_refused_as_a_version(pooler, code):
    error = refusal(pooler, packet(code, b"user\0app\0\0"))
    assert error.sqlstate == "0A000"
    assert error.text == f"unsupported frontend protocol {code >> 16}.{code & 0xffff}: server supports 3.0 to 3.2"


def test_version_3_0_is_spoken_without_negotiation(pooler):
    with pooler.raw() as connection:
        assert connection.send(startup(USER)).message().type == "R"
        connection.await_welcome()
        assert len(connection.key) == 8


def test_version_3_2_is_spoken_with_a_longer_cancel_key(pooler):
    with pooler.raw() as connection:
        assert connection.send(startup(USER, raw.PROTOCOL_3_2)).message().type == "R"
        connection.await_welcome()
        assert 8 < len(connection.key) <= 260


def negotiated(message):
    version, count = struct.unpack_from(">II", message.body)
    names = message.body[8:].split(b"\0")[:-1]
    assert len(names) == count
    return version, [name.decode() for name in names]


@pytest.mark.parametrize("minor", [3, 9, 9999])
def test_a_newer_minor_version_is_negotiated_down(pooler, minor):
    with pooler.raw() as connection:
        answer = connection.send(startup(USER, 3 << 16 | minor)).message()
        assert answer.type == "v"
        assert negotiated(answer) == (raw.PROTOCOL_3_2, [])
        connection.await_welcome()
        assert connection.value("SELECT 1") == "1"


def test_protocol_options_are_named_as_unknown_and_not_forwarded(pooler):
    with pooler.raw() as connection:
        answer = connection.send(startup({**USER, "_pq_.first": "1", "_pq_.second": ""})).message()
        assert answer.type == "v"
        version, names = negotiated(answer)
        assert version == raw.PROTOCOL_3_0
        assert names == ["_pq_.first", "_pq_.second"]
        connection.await_welcome()
        assert connection.value("SELECT 1") == "1"


# ---- parameters ----

def test_a_missing_last_terminator_is_refused(pooler):
    error = refusal(pooler, packet(raw.PROTOCOL_3_0, b"user\0app\0database\0app\0"))
    assert error.text == "invalid startup packet layout: expected terminator as last byte"


@pytest.mark.parametrize("body", [b"", b"user", b"user\0", b"user\0app", b"\xff" * 100])
def test_a_layout_without_terminators_is_refused(pooler, body):
    assert refusal(pooler, packet(raw.PROTOCOL_3_0, body)).sqlstate == "08P01"


def test_bytes_behind_the_last_terminator_are_refused(pooler):
    assert refusal(pooler, packet(raw.PROTOCOL_3_0, b"user\0app\0\0more")).sqlstate == "08P01"


@pytest.mark.parametrize("parameters", [{}, {"database": "app"}, {"user": "", "database": "app"}])
def test_a_client_without_a_user_is_refused(pooler, parameters):
    error = refusal(pooler, startup(parameters))
    assert error.sqlstate == "28000"
    assert error.text == "no PostgreSQL user name specified in startup packet"


def test_the_database_is_named_like_the_user_when_it_is_not_given(pooler):
    with pooler.raw() as connection:
        connection.log_in(user="app")
        assert connection.value("SELECT current_database()") == "app"


def test_an_empty_database_is_one_that_is_not_given(pooler):
    with pooler.raw() as connection:
        connection.log_in(user="app", database="")
        assert connection.value("SELECT current_database()") == "app"


def test_the_last_of_repeated_parameters_holds(pooler):
    with pooler.raw() as connection:
        connection.send(startup([("user", "nobody"), ("database", "nowhere"), ("application_name", "first"),
                                 ("application_name", "last"), ("user", "app"), ("database", "app")]))
        connection.await_welcome()
        assert connection.value("SHOW application_name") == "last"


def test_an_empty_value_is_a_value(pooler):
    with pooler.session(application_name="") as session:
        assert session.value("SHOW application_name") == ""


def test_ten_thousand_parameters_are_refused(pooler):
    error = refusal(pooler, startup([("user", "app")] + [(f"p{i}", "") for i in range(10000)]))
    assert error.sqlstate == "08P01"
    assert still_serves(pooler)


def test_more_parameters_than_anyone_needs_are_refused_within_the_length_limit(pooler):
    error = refusal(pooler, startup([("user", "app")] + [("a", "")] * 3000))
    assert "parameters" in error.text
    assert still_serves(pooler)


def test_a_parameter_that_cannot_be_carried_is_refused_by_name(pooler):
    error = refusal(pooler, startup({**USER, "search_path": "elsewhere"}))
    assert error.text == "unsupported startup parameter: search_path"


def test_a_parameter_that_the_configuration_ignores_is_dropped(pgvouch):
    pooler = pgvouch(ignore_startup_parameters="extra_float_digits, search_path")
    with pooler.session(search_path="elsewhere") as session:
        assert "elsewhere" not in session.value("SHOW search_path")


@pytest.mark.parametrize("options", [
    "-c application_name=chosen", "-capplication_name=chosen", "--application_name=chosen",
    "--application-name=chosen", "  -c  application_name=chosen  ", "-c application_name=other -c application_name=chosen"])
def test_options_set_parameters(pooler, options):
    with pooler.session(options=options) as session:
        assert session.value("SHOW application_name") == "chosen"


def test_a_backslash_in_options_protects_a_space(pooler):
    with pooler.session(options=r"-c application_name=two\ words") as session:
        assert session.value("SHOW application_name") == "two words"


@pytest.mark.parametrize("options", ["-c", "-c x", "-c =x", "-d 5", "word", "-c search_path=elsewhere", "--=x"])
def test_options_that_cannot_be_carried_are_refused(pooler, options):
    error = refusal(pooler, startup({**USER, "options": options}))
    assert error.text.startswith("unsupported startup parameter")


def test_a_replication_connection_is_refused(pooler):
    assert refusal(pooler, startup({**USER, "replication": "database"})).sqlstate == "0A000"
    with pooler.session(replication="off") as session:
        assert session.value("SELECT 1") == "1"


def test_an_unknown_database_is_named_in_the_refusal(pooler):
    error = refusal(pooler, startup({"user": "app", "database": "nowhere"}))
    assert (error.sqlstate, error.text) == ("3D000", "no such database: nowhere")


# ---- requests for encryption ----

def test_ssl_request_is_answered_n_without_tls_and_the_session_goes_on_plain(pooler):
    with pooler.raw() as connection:
        assert connection.send(SSL_REQUEST).receive(1) == b"N"
        connection.log_in(**USER)
        assert connection.value("SELECT 1") == "1"


def test_gssenc_request_is_answered_n_and_ssl_request_may_follow(pooler):
    with pooler.raw() as connection:
        assert connection.send(GSSENC_REQUEST).receive(1) == b"N"
        assert connection.send(SSL_REQUEST).receive(1) == b"N"
        connection.log_in(**USER)


@pytest.mark.parametrize("request_", [SSL_REQUEST, GSSENC_REQUEST])
def test_a_request_that_comes_twice_is_refused(pooler, request_):
    with pooler.raw() as connection:
        assert connection.send(request_).receive(1) == b"N"
        assert connection.send(request_).error().sqlstate == "08P01"
        assert connection.is_closed()


def test_a_session_over_tls(secure_pooler):
    with secure_pooler.raw() as connection:
        connection.secure().log_in(**USER)
        assert connection.socket.version() == "TLSv1.3"
        assert connection.value("SELECT 1") == "1"


def test_gssenc_request_before_tls_is_answered_n(secure_pooler):
    with secure_pooler.raw() as connection:
        assert connection.send(GSSENC_REQUEST).receive(1) == b"N"
        connection.secure().log_in(**USER)
        assert connection.value("SELECT 1") == "1"


@pytest.mark.parametrize("request_", [SSL_REQUEST, GSSENC_REQUEST])
def test_a_request_for_encryption_inside_tls_is_refused(secure_pooler, request_):
    with secure_pooler.raw() as connection:
        connection.secure().send(request_)
        assert connection.error().sqlstate == "08P01"
        assert connection.is_closed()


@pytest.mark.parametrize("behind", [b"\0", startup(USER), b"\x16\x03\x01"])
def test_bytes_behind_ssl_request_are_refused_before_the_handshake(secure_pooler, behind):
    with secure_pooler.raw() as connection:
        error = connection.send(SSL_REQUEST + behind).error()
        assert error.text == "received unencrypted data after SSL request"
        assert connection.is_closed()
    assert still_serves(secure_pooler)


def test_direct_tls_with_the_postgresql_protocol(secure_pooler):
    with secure_pooler.raw() as connection:
        connection.secure(client_tls(alpn=["postgresql"]), request=False)
        assert connection.socket.selected_alpn_protocol() == "postgresql"
        connection.log_in(**USER)
        assert connection.value("SELECT 1") == "1"


@pytest.mark.parametrize("alpn", [[], ["http/1.1"], ["postgresqlx"], ["h2", "postgres"]])
def test_direct_tls_for_another_protocol_is_refused(secure_pooler, alpn):
    with secure_pooler.raw() as connection, pytest.raises((OSError, Closed)):
        connection.secure(client_tls(alpn=alpn), request=False).log_in(**USER)
    assert still_serves(secure_pooler)


def test_direct_tls_where_tls_is_off_is_no_startup_packet(pooler):
    with pooler.raw() as connection, pytest.raises(OSError):
        connection.secure(client_tls(alpn=["postgresql"]), request=False)
    assert still_serves(pooler)


def test_direct_tls_after_a_request_is_no_startup_packet(secure_pooler):
    with secure_pooler.raw() as connection:
        assert connection.send(GSSENC_REQUEST).receive(1) == b"N"
        connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        assert connection.error().text == "invalid length of startup packet"


def test_garbage_instead_of_a_handshake_ends_the_connection(secure_pooler):
    with secure_pooler.raw() as connection:
        assert connection.send(SSL_REQUEST).receive(1) == b"S"
        connection.send(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(Closed):
            while connection.receive(1):
                pass
    assert still_serves(secure_pooler)


def test_a_startup_packet_byte_by_byte_inside_tls(secure_pooler):
    with secure_pooler.raw() as connection:
        connection.secure().send_one_by_one(startup(USER))
        connection.await_welcome()
        assert connection.value("SELECT 1") == "1"


def test_plain_clients_are_refused_where_tls_is_required(pgvouch, server_identity):
    pooler = pgvouch(client_tls_sslmode="require", client_tls_cert_file=server_identity.cert_file,
                     client_tls_key_file=server_identity.key_file)
    error = refusal(pooler, startup(USER))
    assert (error.sqlstate, error.text) == ("28000", "SSL required")
    with pooler.connect(sslmode="require") as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


# ---- clients that stall ----

@pytest.mark.parametrize("beginning", [b"", b"\0\0", startup(USER)[:-1], SSL_REQUEST])
def test_a_client_that_stalls_is_closed_after_client_login_timeout(pgvouch, server_identity, beginning):
    pooler = pgvouch(client_login_timeout=1, client_tls_sslmode="allow", tcp_defer_accept=0,
                     client_tls_cert_file=server_identity.cert_file, client_tls_key_file=server_identity.key_file)
    with pooler.raw() as connection:
        connection.send(beginning)
        if beginning == SSL_REQUEST:
            assert connection.receive(1) == b"S"
        else:
            assert connection.error().text == "client_login_timeout"
        assert connection.is_closed()
    assert still_serves(pooler)


def test_stalled_clients_do_not_hold_up_others(pooler):
    stalled = [pooler.raw().send(b"\0\0\0") for _ in range(50)]
    assert still_serves(pooler)
    for connection in stalled:
        connection.close()


def test_a_client_that_goes_away_during_login_leaves_its_place(pgvouch):
    pooler = pgvouch(max_client_conn=1)
    for beginning in (b"\0\0\0", startup(USER)[:-1], startup(USER)):
        pooler.raw().send(beginning).close()

        def admitted():
            with pooler.raw() as connection:
                try:
                    connection.log_in(**USER)
                except (AssertionError, Closed):
                    return False
                return connection.value("SELECT 1") == "1"
        await_condition(admitted, "the place of the client that left")


def test_a_login_with_a_query_behind_it_in_one_packet(pooler):
    with pooler.raw() as connection:
        connection.send(startup(USER), raw.query("SELECT 7"))
        connection.await_welcome()
        assert raw.rows_of(connection.until("Z")) == [["7"]]


# ---- descriptors ----

def test_when_descriptors_run_out_the_log_and_the_sessions_do_not(pgvouch_program, postgres, scratch_folder, ports):
    wrapper = scratch_folder / "few-descriptors"
    scratch.write(wrapper, f'#!/bin/sh\nulimit -n 64\nexec {pgvouch_program} "$@"\n', 0o700)
    pooler = Pooler(wrapper, scratch_folder / "pooler", ports.take(), {"app": postgres.target()})
    with pooler.session() as session:
        assert session.value("SELECT 1") == "1"
        crowd = [pooler.raw() for _ in range(80)]
        pooler.await_log("cannot accept a client")
        began = time.monotonic()
        for _ in range(200):
            assert session.value("SELECT 1") == "1"
        assert pooler.log.count("cannot accept a client") <= 2 + 10 * (time.monotonic() - began)
        for one in crowd:
            one.close()
        assert still_serves(pooler)
    pooler.stop()


# ---- sockets ----

def keepalive_timer_s(local_port, remote_port):
    """Seconds until the kernel's next keepalive probe on this end of a connection (proc_net_tcp: tr 02), or None."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (int(fields[1][-4:], 16), int(fields[2][-4:], 16)) == (local_port, remote_port):
            kind, ticks = fields[5].split(":")
            return int(ticks, 16) / os.sysconf("SC_CLK_TCK") if kind == "02" else None
    raise LookupError(f"no connection from port {local_port} to port {remote_port}")


def client_keepalive_s(pooler):
    with pooler.session() as session:
        return keepalive_timer_s(pooler.port, session.socket.getsockname()[1])


def test_a_client_has_the_keepalive_that_the_settings_say(pgvouch, postgres, database):
    pooler = pgvouch(databases={"app": postgres.target(database)}, tcp_keepidle=1234)
    system = int(Path("/proc/sys/net/ipv4/tcp_keepalive_time").read_text())
    assert client_keepalive_s(pooler) == pytest.approx(1234, abs=30)
    pooler.reload(tcp_keepalive=0)
    await_condition(lambda: client_keepalive_s(pooler) is None, "clients without keepalive")
    pooler.reload(tcp_keepalive=1, tcp_keepidle=0)
    await_condition(lambda: client_keepalive_s(pooler) == pytest.approx(system, abs=30), "the system's own keepalive")
