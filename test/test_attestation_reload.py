"""RELOAD with other policies: sessions that the new ones would not let in end between transactions."""

import select

import psycopg
import pytest

from support import scratch
from support.process import await_condition
from support.vouch import MEASUREMENT, Vouch, policy_text

OTHER = "77" * 48
FORBIDDING = {
    "measurement": ({"measurement": OTHER}, "", f'measurement {MEASUREMENT} is not allowed by policy "strict"'),
    "tcb": ({}, 'tcb: {min_version: "9.0.0"}\n', "tcb_min_version: committed firmware "),
    "product": ({}, "chip: {products_denied: [milan]}\n", "product_denied: Milan, expected none of: milan"),
}


@pytest.fixture(scope="session")
def certificate(vouch_program, processor, scratch_root):
    """A client's, with evidence."""
    folder = scratch_root / "certificate-for-reload"
    made = Vouch(vouch_program)("cert", "--out", folder, "--state-dir", processor)
    assert made.returncode == 0, made.stderr
    return folder


class Attested:
    """A daemon that lets in by the policy `strict`, which can be changed."""

    def __init__(self, start, processor, certificate, path, settings):
        self.ark, self.certificate, self.path = processor / "ark-milan.pem", certificate, path
        self.version = 0
        self.write()
        self.pooler = start(users={"app": "", "dba": ""}, admin_users="dba", auth_type="hba",
                            hba="hostssl all all 127.0.0.1/32 trust attest=strict",
                            sections={"policies": {"strict": path}}, client_tls_sslmode="require",
                            client_tls_protocols="tlsv1.3", attest_provider="simulated", attest_required=1,
                            attest_san="localhost", attest_state_dir=processor, **settings)

    def write(self, more="", **options):
        text = policy_text(self.ark, "nonce: {required: false, max_age: 1h}\n" + more, **options)
        self.version += 1
        scratch.write(self.path, text.replace('"1.0"', f'"1.{self.version}"'), 0o644)

    def is_in_force(self):
        """Whether somebody who comes now is judged by the policy as it stands."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            pass
        return f'by policy "strict" version 1.{self.version},' in self.pooler.log

    def change(self, more="", **options):
        self.write(more, **options)
        self.pooler.reload()
        await_condition(self.is_in_force, "the changed policy")

    def connect(self, **options):
        return self.pooler.connect(sslmode="require", sslcert=self.certificate / "client.crt",
                                   sslkey=self.certificate / "client.key", **options)


@pytest.fixture
def attested(pgvouch, processor, certificate, scratch_folder):
    def start(**settings):
        return Attested(pgvouch, processor, certificate, scratch_folder / "strict.yaml", settings)

    return start


def end_of(session):
    """What the server says last, without being asked."""
    assert select.select([session.fileno()], [], [], 20)[0], "the session goes on"
    with pytest.raises(psycopg.OperationalError) as error:
        session.execute("SELECT 'too late'")
    return str(error.value)


@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
@pytest.mark.parametrize("forbidden", FORBIDDING)
def test_an_idle_session_ends_at_once(attested, pool_mode, forbidden):
    options, more, reason = FORBIDDING[forbidden]
    daemon = attested(pool_mode=pool_mode)
    session = daemon.connect()
    assert session.execute("SELECT 40 + 2").fetchone() == (42,)
    daemon.change(more, **options)
    told = end_of(session)
    assert f"attestation is no longer accepted: {reason}" in told


@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
def test_a_transaction_is_finished_first(attested, postgres, pool_mode):
    daemon = attested(pool_mode=pool_mode)
    session = daemon.connect()
    session.execute("BEGIN")
    session.execute("CREATE TEMPORARY TABLE kept (n int) ON COMMIT DROP")
    daemon.change(measurement=OTHER)
    with pytest.raises(psycopg.OperationalError, match="attestation refused"):
        daemon.connect()
    session.execute("INSERT INTO kept VALUES (7)")
    assert session.execute("SELECT n FROM kept").fetchone() == (7,)
    assert session.execute("COMMIT").statusmessage == "COMMIT"
    assert "attestation is no longer accepted: measurement " in end_of(session)


def test_the_end_has_the_state_of_a_shutdown_by_the_operator(attested):
    daemon = attested(threads=2)
    session = daemon.connect()
    daemon.change(measurement=OTHER)
    assert select.select([session.fileno()], [], [], 20)[0]
    with pytest.raises(psycopg.errors.AdminShutdown):
        session.execute("SELECT 1")


def test_every_worker_looks_at_its_clients(attested):
    daemon = attested(threads=3)
    sessions = [daemon.connect() for _ in range(9)]
    daemon.change(measurement=OTHER)
    for session in sessions:
        assert "attestation is no longer accepted" in end_of(session)


@pytest.mark.parametrize("more", ["on_policy_change: keep\n", "measurements_mode_warn"])
def test_a_session_stays_where_the_new_policy_keeps_it_or_only_warns(attested, more):
    daemon = attested()
    session = daemon.connect()
    if more == "measurements_mode_warn":
        daemon.change(measurement=OTHER, mode="warn")
    else:
        daemon.change(more, measurement=OTHER)
        with pytest.raises(psycopg.OperationalError, match="attestation refused"):
            daemon.connect()
    assert session.execute("SELECT 40 + 2").fetchone() == (42,)


def test_a_session_stays_that_the_new_policy_would_let_in(attested):
    daemon = attested()
    session = daemon.connect()
    daemon.change("chip: {products_allowed: [milan], key_kinds: [vcek]}\nevidence: {max_age: 1h}\n")
    with daemon.connect() as another:
        assert another.execute("SELECT 1").fetchone() == (1,)
    assert session.execute("SELECT 40 + 2").fetchone() == (42,)


def test_a_policy_that_cannot_be_read_ends_nothing(attested):
    daemon = attested()
    session = daemon.connect()
    scratch.write(daemon.path, "chip: {products_denied: [pentium]}\n", 0o644)
    with pytest.raises(psycopg.Error, match=r'strict.yaml:1: chip.products_denied: expected milan, genoa, siena'):
        with daemon.connect(user="dba", dbname="pgvouch") as console:
            console.execute("RELOAD")
    assert session.execute("SELECT 40 + 2").fetchone() == (42,)


def test_the_consoles_sessions_end_too(attested):
    daemon = attested()
    console = daemon.connect(user="dba", dbname="pgvouch")
    console.execute("SHOW VERSION")
    daemon.change(measurement=OTHER)
    assert "attestation is no longer accepted" in end_of(console)
