"""Who is let in, and how pgvouch logs in to servers."""

import base64
import hashlib
import hmac

import psycopg
import pytest

from support.certificates import DAY
from support.postgres import PASSWORD
from support.raw import message, startup

MD5 = "md5" + hashlib.md5(f"{PASSWORD}hashed".encode()).hexdigest()


def tls(identity, authority, mode="allow"):
    return {"client_tls_sslmode": mode, "client_tls_cert_file": identity.cert_file,
            "client_tls_key_file": identity.key_file, "client_tls_ca_file": authority.ca_file}


def refused(pooler, **arguments):
    with pytest.raises(psycopg.OperationalError) as caught:
        pooler.connect(**arguments)
    return str(caught.value)


def current_user(pooler, **arguments):
    with pooler.connect(**arguments) as session:
        return session.execute("SELECT current_user").fetchone()[0]


# ---- clients ----

@pytest.mark.parametrize("auth_type", ["ldap", "pam"])
def test_a_method_that_is_not_there_is_refused_at_the_start(pgvouch, auth_type):
    with pytest.raises(RuntimeError, match=f"auth_type = {auth_type} is not in this version"):
        pgvouch(auth_type=auth_type)


def test_trust_lets_known_users_in_without_a_password(pgvouch):
    pooler = pgvouch(auth_type="trust")
    assert current_user(pooler) == "app"


def test_trust_refuses_users_that_the_file_does_not_hold(pgvouch):
    pooler = pgvouch(auth_type="trust")
    assert "no such user: plain" in refused(pooler, user="plain")


def test_any_lets_everyone_in_as_the_databases_user(pgvouch, postgres):
    pooler = pgvouch(databases={"app": postgres.target() + " user=app"}, auth_type="any")
    assert current_user(pooler, user="whoever") == "app"


@pytest.mark.parametrize("auth_type", ["plain", "md5", "scram-sha-256"])
def test_a_right_password_is_let_in_and_a_wrong_one_is_not(pgvouch, auth_type, threads):
    pooler = pgvouch(auth_type=auth_type, users={"app": PASSWORD}, threads=threads)
    assert current_user(pooler, password=PASSWORD) == "app"
    for wrong in (PASSWORD + "x", PASSWORD[:-1], "x", PASSWORD.upper()):
        assert "password authentication failed" in refused(pooler, password=wrong)
    assert current_user(pooler, password=PASSWORD) == "app"


@pytest.mark.parametrize("auth_type", ["plain", "md5", "scram-sha-256"])
def test_an_unknown_user_is_refused_like_a_wrong_password(pgvouch, auth_type):
    pooler = pgvouch(auth_type=auth_type, users={"app": PASSWORD})
    wrong, unknown = refused(pooler, password="wrong"), refused(pooler, user="nobody", password=PASSWORD)
    assert wrong == unknown


@pytest.mark.parametrize("auth_type", ["plain", "md5", "scram-sha-256"])
def test_an_empty_password_is_refused_even_where_the_file_holds_one(pgvouch, auth_type):
    pooler = pgvouch(auth_type=auth_type, users={"app": ""})
    with pooler.raw() as connection:
        connection.send(startup({"user": "app", "database": "app"}))
        assert connection.message().type == "R"
        connection.send(message("p", b"\0"))
        assert connection.error().fields["S"] == "FATAL"
        assert connection.is_closed()


@pytest.mark.parametrize("auth_type", ["plain", "md5"])
def test_an_md5_secret_serves_plain_and_md5(pgvouch, auth_type):
    pooler = pgvouch(auth_type=auth_type, users={"hashed": MD5})
    assert current_user(pooler, password=PASSWORD) == "hashed"
    assert "password authentication failed" in refused(pooler, password="wrong")


def test_an_md5_secret_cannot_serve_scram(pgvouch):
    pooler = pgvouch(auth_type="scram-sha-256", users={"hashed": MD5})
    assert "password authentication failed" in refused(pooler, password=PASSWORD)
    assert "password authentication failed" in refused(pooler, password=MD5)


@pytest.mark.parametrize("auth_type", ["plain", "md5", "scram-sha-256"])
def test_a_scram_secret_serves_every_password_method(pgvouch, postgres, auth_type):
    pooler = pgvouch(auth_type=auth_type, users={"salted": postgres.secret_of("salted")})
    assert current_user(pooler, password=PASSWORD) == "salted"
    assert "password authentication failed" in refused(pooler, password="wrong")


@pytest.mark.parametrize("method, auth_type", [("md5", "md5"), ("scram-sha-256", "scram-sha-256"), ("password", "plain")])
def test_a_client_that_insists_on_a_method_gets_it(pgvouch, method, auth_type):
    pooler = pgvouch(auth_type=auth_type, users={"app": PASSWORD})
    with pooler.connect(password=PASSWORD, require_auth=method) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("binding", ["disable", "require"])
def test_scram_over_tls_with_and_without_channel_binding(pgvouch, server_identity, authority, binding):
    pooler = pgvouch(auth_type="scram-sha-256", users={"app": PASSWORD}, **tls(server_identity, authority))
    with pooler.connect(password=PASSWORD, sslmode="require", channel_binding=binding) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("body", [b"", b"no terminator", b"two\0texts\0"])
def test_a_malformed_password_message_is_refused(pgvouch, body):
    pooler = pgvouch(auth_type="plain", users={"app": PASSWORD})
    with pooler.raw() as connection:
        connection.send(startup({"user": "app", "database": "app"}))
        assert connection.message().type == "R"
        connection.send(message("p", body))
        assert connection.error().fields["S"] == "FATAL"
        assert connection.is_closed()


@pytest.mark.parametrize("auth_type", ["plain", "md5", "scram-sha-256"])
def test_a_query_instead_of_a_password_is_refused(pgvouch, auth_type):
    pooler = pgvouch(auth_type=auth_type, users={"app": PASSWORD})
    with pooler.raw() as connection:
        connection.send(startup({"user": "app", "database": "app"}))
        assert connection.message().type == "R"
        connection.send(message("Q", b"SELECT 1\0"))
        assert connection.error().text == "expected password response"
        assert connection.is_closed()


def test_verify_full_checks_the_servers_name(pgvouch, server_identity, authority):
    pooler = pgvouch(**tls(server_identity, authority))
    root = str(authority.ca_file)
    with pooler.connect(host="localhost", sslmode="verify-full", sslrootcert=root) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


# ---- client certificates ----

def with_certificate(identity):
    return {"sslmode": "require", "sslcert": str(identity.cert_file), "sslkey": str(identity.key_file)}


def test_cert_takes_the_user_from_the_certificate(pgvouch, server_identity, authority):
    pooler = pgvouch(auth_type="cert", **tls(server_identity, authority, "verify-ca"))
    assert current_user(pooler, **with_certificate(authority.issue("app"))) == "app"


def test_cert_refuses_another_users_certificate(pgvouch, server_identity, authority):
    pooler = pgvouch(auth_type="cert", users={"app": "", "plain": ""}, **tls(server_identity, authority, "verify-ca"))
    assert "TLS certificate name mismatch" in refused(pooler, **with_certificate(authority.issue("plain")))


def test_cert_refuses_a_client_without_a_certificate(pgvouch, server_identity, authority):
    pooler = pgvouch(auth_type="cert", **tls(server_identity, authority, "verify-ca"))
    assert "certificate required" in refused(pooler, sslmode="require", sslcert="/nonexistent")


def test_cert_refuses_a_certificate_of_a_stranger(pgvouch, server_identity, authority, stranger):
    pooler = pgvouch(auth_type="cert", **tls(server_identity, authority, "verify-ca"))
    assert refused(pooler, **with_certificate(stranger.issue("app")))
    assert current_user(pooler, **with_certificate(authority.issue("app"))) == "app"


def test_cert_refuses_a_certificate_that_has_expired(pgvouch, server_identity, authority):
    pooler = pgvouch(auth_type="cert", **tls(server_identity, authority, "verify-ca"))
    expired = authority.issue("app", file="expired", lifetime=-DAY)
    assert refused(pooler, **with_certificate(expired))


def test_a_certificate_that_nobody_asked_for_is_ignored(pgvouch, server_identity, stranger, authority):
    pooler = pgvouch(auth_type="trust", **tls(server_identity, authority))
    assert current_user(pooler, **with_certificate(stranger.issue("whoever"))) == "app"


# ---- host-based access ----

def test_the_first_line_that_fits_decides(pgvouch):
    pooler = pgvouch(auth_type="hba", users={"app": "", "plain": PASSWORD}, hba="""
        # a comment
        host  all  plain  127.0.0.1/32  scram-sha-256
        host  app  app    127.0.0.1/32  trust
        host  all  all    0.0.0.0/0     reject
    """)
    assert current_user(pooler) == "app"
    assert "password authentication failed" in refused(pooler, user="plain", password="wrong")
    assert current_user(pooler, user="plain", password=PASSWORD) == "plain"


def test_who_is_on_no_line_is_refused(pgvouch):
    pooler = pgvouch(auth_type="hba", users={"app": "", "plain": ""}, hba="host all app 127.0.0.1/32 trust\n")
    assert "login rejected" in refused(pooler, user="plain")


def test_a_line_for_another_address_does_not_fit(pgvouch):
    pooler = pgvouch(auth_type="hba", hba="host all all 10.0.0.0/8 trust\nhost all all 127.0.0.2/32 trust\n")
    assert "login rejected" in refused(pooler)


def test_hostssl_and_hostnossl_tell_tls_from_plain(pgvouch, server_identity, authority):
    pooler = pgvouch(auth_type="hba", users={"app": "", "plain": ""}, **tls(server_identity, authority), hba="""
        hostssl    all  app    127.0.0.1/32  trust
        hostnossl  all  plain  127.0.0.1/32  trust
    """)
    assert current_user(pooler, sslmode="require") == "app"
    assert "login rejected" in refused(pooler, sslmode="disable")
    assert "login rejected" in refused(pooler, user="plain", sslmode="require")


def test_local_is_the_unix_socket_alone(pgvouch):
    pooler = pgvouch(auth_type="hba", hba="local all all trust\n")
    assert current_user(pooler, host=str(pooler.folder)) == "app"
    assert "login rejected" in refused(pooler)


def test_a_map_lets_a_certificate_be_another_user(pgvouch, server_identity, authority):
    pooler = pgvouch(auth_type="hba", users={"app": "", "plain": ""}, **tls(server_identity, authority),
                     hba="hostssl all all 127.0.0.1/32 cert map=people\n", ident="people  Alice  app\n")
    alice = with_certificate(authority.issue("Alice"))
    assert current_user(pooler, **alice) == "app"
    assert "TLS certificate name mismatch" in refused(pooler, user="plain", **alice)
    assert "TLS certificate name mismatch" in refused(pooler, **with_certificate(authority.issue("app")))


def test_a_line_that_cannot_be_understood_lets_nobody_in_by_accident(pgvouch):
    with pytest.raises(RuntimeError, match="hba"):
        pgvouch(auth_type="hba", hba="host all all 127.0.0.1/32 tursted\n")


# ---- servers ----

@pytest.mark.parametrize("user", ["app", "plain", "hashed", "salted"])
def test_links_log_in_with_the_password_of_the_file(pgvouch, user, threads):
    pooler = pgvouch(auth_type="trust", users={user: PASSWORD}, threads=threads)
    assert current_user(pooler) == user


@pytest.mark.parametrize("user", ["plain", "hashed", "salted"])
def test_links_log_in_with_the_password_of_the_database(pgvouch, postgres, user):
    password = PASSWORD.replace("'", "''")
    pooler = pgvouch(databases={"app": f"{postgres.target()} user={user} password='{password}'"})
    assert current_user(pooler) == user


def test_links_log_in_with_an_md5_secret(pgvouch):
    pooler = pgvouch(auth_type="trust", users={"hashed": MD5})
    assert current_user(pooler) == "hashed"


def test_a_cleartext_login_serves_the_link_whatever_the_file_holds(pgvouch, postgres):
    pooler = pgvouch(auth_type="plain", users={"plain": postgres.secret_of("salted")})
    assert current_user(pooler, password=PASSWORD) == "plain"


def test_scram_keys_pass_through_without_the_password_being_known(pgvouch, postgres, threads):
    pooler = pgvouch(auth_type="scram-sha-256", users={"salted": postgres.secret_of("salted")}, threads=threads)
    for _ in range(3):
        assert current_user(pooler, password=PASSWORD) == "salted"


def test_a_scram_secret_that_is_not_the_servers_cannot_log_in(pgvouch, postgres):
    other = postgres.secret_of("plain")  # the same password under another salt
    pooler = pgvouch(auth_type="scram-sha-256", users={"salted": other}, server_login_retry=0)
    assert "password authentication failed" in refused(pooler, password=PASSWORD)


def test_a_wrong_password_at_the_server_is_told_to_the_client(pgvouch):
    pooler = pgvouch(auth_type="trust", users={"salted": "wrong"})
    assert "password authentication failed" in refused(pooler)


def server_tls(authority, mode="verify-full"):
    return {"server_tls_sslmode": mode, "server_tls_ca_file": authority.ca_file}


def test_links_are_encrypted(pgvouch, postgres, authority):
    pooler = pgvouch(databases={"app": postgres.target(host="localhost")}, users={"encrypted": ""}, **server_tls(authority))
    with pooler.connect() as session:
        assert session.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == ("TLSv1.3",)


def test_links_log_in_with_a_client_certificate(pgvouch, postgres, authority):
    identity = authority.issue("certified")
    pooler = pgvouch(databases={"app": postgres.target(host="localhost")}, users={"certified": ""},
                     server_tls_cert_file=identity.cert_file, server_tls_key_file=identity.key_file,
                     **server_tls(authority))
    assert current_user(pooler) == "certified"


def test_a_server_of_a_stranger_is_not_talked_to(pgvouch, postgres, stranger):
    pooler = pgvouch(databases={"app": postgres.target(host="localhost")}, **server_tls(stranger))
    assert "certificate" in refused(pooler)


def test_a_scram_nonce_that_leaves_no_room_for_the_servers_is_refused(pgvouch):
    pooler = pgvouch(auth_type="scram-sha-256", users={"app": PASSWORD})
    with pooler.raw() as client:
        client.send(startup({"user": "app", "database": "app"}))
        assert client.message().type == "R"
        first = b"n,,n=,r=" + b"x" * 4088
        client.send(message("p", b"SCRAM-SHA-256\0" + len(first).to_bytes(4, "big") + first))
        assert client.error().fields["S"] == "FATAL"
        assert client.is_closed()


def test_one_source_cannot_keep_the_others_from_logging_in(pgvouch):
    """Every wrong password has to be stretched; a source has few of its own stretched at once."""
    iterations, salt = 100_000, b"0123456789abcdef"
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    keys = [base64.b64encode(b).decode() for b in (salt, stored, hmac.digest(salted, b"Server Key", "sha256"))]
    pooler = pgvouch(auth_type="plain", users={"app": f"SCRAM-SHA-256${iterations}:{keys[0]}${keys[1]}:{keys[2]}"})

    def try_to_log_in(password, source):
        client = pooler.raw(source=source)
        client.send(startup({"user": "app", "database": "app"}))
        assert client.message().type == "R"
        client.send(message("p", password + b"\0"))
        return client
    crowd = [try_to_log_in(b"wrong%d" % i, "127.0.0.2") for i in range(60)]
    with try_to_log_in(PASSWORD.encode(), "127.0.0.3") as client:
        client.await_welcome()
    assert pooler.log.count("password authentication failed") < len(crowd) / 2
    for one in crowd:
        one.close()
