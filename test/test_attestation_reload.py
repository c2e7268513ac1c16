"""RELOAD with other policies: sessions that the new ones would not let in end between transactions."""

import datetime
import select
import ssl
from types import SimpleNamespace

import psycopg
import pytest

from support import oracle, raw, scratch
from support.attested import chip, nonce_of  # noqa: F401: fixture
from support.kds import kds, revocation_list  # noqa: F401: fixture
from support.oracle import Draft
from support.process import await_condition, run
from support.vouch import MEASUREMENT, Vouch, policy_text

# Certificates of VCEKs have the serial number 0, as AMD's have.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

GOOD = bytes.fromhex(MEASUREMENT)
OTHER = "77" * 48
HBA = "hostssl all all 127.0.0.1/32 trust attest=strict\n"
ANY_NONCE = "nonce: {required: false, source: any}\n"
NO_NONCE = "nonce: {required: false, max_age: 1h}\n"
FORBIDDING = {
    "measurement": ({"measurement": OTHER}, "", f'measurement {MEASUREMENT} is not allowed by policy "strict"'),
    "tcb": ({}, 'tcb: {min_version: "9.0.0"}\n', "tcb_min_version: committed firmware "),
    "tcb component": ({}, "tcb: {min_reported: {milan: {snp: 255}}}\n", "tcb_min_reported: "),
    "only product": ({}, "chip: {products_allowed: [genoa]}\n", "product_allowed: Milan, expected one of: genoa"),
    "product": ({}, "chip: {products_denied: [milan]}\n", "product_denied: Milan, expected none of: milan"),
    "key": ({}, "chip: {key_kinds: [vlek]}\n", "key_kind_allowed: "),
    "format": ({}, "formats: [eat, dice]\n", "format: cmw, expected a format that the policy accepts"),
    "nonce": ({"nonce": "nonce: {max_age: 1h}\n"}, "", "nonce: the evidence carried none"),
    "root": ({"ark": "00" * 32}, "", "chain_root: a root that certificates.trusted_arks does not name"),
    "list": ({"certificates": "  crl: required\n"}, "",
             "chain_revocation: there is no revocation list of this root, expected not revoked"),
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

    def __init__(self, start, processor, certificate, path, policy, settings):
        self.ark, self.certificate, self.path = processor / "ark-milan.pem", certificate, path
        self.version = 0
        self.write(**policy)
        self.pooler = start(**{"users": {"app": "", "dba": ""}, "admin_users": "dba", "auth_type": "hba", "hba": HBA,
                               "sections": {"policies": {"strict": path}}, "client_tls_sslmode": "require",
                               "client_tls_protocols": "tlsv1.3", "attest_provider": "simulated",
                               "attest_required": 1, "attest_san": "localhost", "attest_state_dir": processor,
                               **settings})

    def write(self, more="", certificates="", nonce=NO_NONCE, path=None, **options):
        """`certificates`: lines of that group."""
        text = policy_text(options.pop("ark", self.ark), nonce + more, **options) + certificates
        self.version += 1
        return scratch.write(path or self.path, text.replace('"1.0"', f'"1.{self.version}"'), 0o644)

    def is_in_force(self):
        """Whether somebody who comes now is judged by the policy that was written last."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            pass
        return f" version 1.{self.version}," in self.pooler.log

    def change(self, more="", **options):
        self.write(more, **options)
        self.pooler.reload()
        await_condition(self.is_in_force, "the changed policy")

    def change_hba(self, hba, policies=("strict",)):
        """Of the lines with which it began, others, and policies that stay; each has a file beside the first one's."""
        scratch.write(self.pooler.folder / "hba.conf", hba)
        self.pooler.sections["policies"] = {name: self.path.parent / f"{name}.yaml" for name in policies}
        self.pooler.reload()

    def is_let_in(self, **options):
        """Without evidence."""
        try:
            self.pooler.connect(sslmode="require", **options).close()
        except psycopg.OperationalError:
            return False
        return True

    def is_met(self):
        """With evidence."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, **options):
        return self.pooler.connect(**{"sslmode": "require", "sslcert": self.certificate / "client.crt",
                                      "sslkey": self.certificate / "client.key", **options})


@pytest.fixture
def attested(pgvouch, processor, certificate, scratch_folder):
    def start(policy=None, folder=None, **settings):
        return Attested(pgvouch, processor, folder or certificate, scratch_folder / "strict.yaml", policy or {},
                        settings)

    return start


@pytest.fixture
def shown(tmp_path):
    """A folder with a client's key and certificate, as a draft has made it."""
    def keep(draft, der):
        (tmp_path / "client.crt").write_text(ssl.DER_cert_to_PEM_cert(der))
        (tmp_path / "client.key").write_bytes(oracle.pem_of_key(draft.key))
        (tmp_path / "client.key").chmod(0o600)
        return tmp_path

    return keep


def goes_on(session):
    return session.execute("SELECT 40 + 2").fetchone() == (42,)


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


@pytest.mark.parametrize("mode", ["warn", "disabled"])
def test_a_session_without_a_nonce_goes_on_where_the_mode_of_nonce_lets_it(attested, mode):
    daemon = attested()
    session = daemon.connect()
    daemon.change(nonce=f"nonce: {{mode: {mode}, max_age: 1h}}\n")
    assert goes_on(session)


@pytest.mark.parametrize("forbidden", ["measurement", "tcb", "product"])
@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
def test_a_transaction_is_finished_first(attested, postgres, pool_mode, forbidden):
    options, more, reason = FORBIDDING[forbidden]
    daemon = attested(pool_mode=pool_mode)
    session = daemon.connect()
    session.execute("BEGIN")
    session.execute("CREATE TEMPORARY TABLE kept (n int) ON COMMIT DROP")
    daemon.change(more, **options)
    with pytest.raises(psycopg.OperationalError, match="attestation refused"):
        daemon.connect()
    session.execute("INSERT INTO kept VALUES (7)")
    assert session.execute("SELECT n FROM kept").fetchone() == (7,)
    assert session.execute("COMMIT").statusmessage == "COMMIT"
    assert f"attestation is no longer accepted: {reason}" in end_of(session)


def test_a_session_goes_on_that_is_accepted_again_before_its_transaction_ends(attested):
    daemon = attested()
    session = daemon.connect()
    session.execute("BEGIN")
    daemon.change(measurement=OTHER)
    daemon.change()
    assert session.execute("COMMIT").statusmessage == "COMMIT"
    assert goes_on(session)


@pytest.mark.parametrize("forbidden", ["measurement", "tcb", "product"])
def test_the_end_has_the_state_of_a_shutdown_by_the_operator(attested, forbidden):
    options, more, _ = FORBIDDING[forbidden]
    daemon = attested(threads=2)
    session = daemon.connect()
    daemon.change(more, **options)
    assert select.select([session.fileno()], [], [], 20)[0]
    with pytest.raises(psycopg.errors.AdminShutdown):
        session.execute("SELECT 1")


def test_every_worker_looks_at_its_clients(attested):
    daemon = attested(threads=3)
    sessions = [daemon.connect() for _ in range(9)]
    daemon.change(measurement=OTHER)
    for session in sessions:
        assert "attestation is no longer accepted" in end_of(session)


def test_more_clients_than_are_judged_in_a_turn_all_end(attested):
    """Also where the worker has places that nobody has any more."""
    daemon = attested(pool_mode="transaction")
    sessions = [daemon.connect() for _ in range(60)]
    for gone in sessions[::3]:
        gone.close()
    del sessions[::3]
    with daemon.connect(user="dba", dbname="pgvouch") as console:
        await_condition(lambda: sum("app" in client for client in console.execute("SHOW CLIENTS")) == len(sessions),
                        "what the closed sessions leave")
    daemon.change(measurement=OTHER)
    for session in sessions:
        assert "attestation is no longer accepted" in end_of(session)


def test_a_session_stays_where_the_new_policy_only_warns(attested):
    daemon = attested()
    session = daemon.connect()
    daemon.change(measurement=OTHER, mode="warn")
    assert goes_on(session)


@pytest.mark.parametrize("forbidden", ["measurement", "tcb", "product"])
@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
def test_a_session_stays_where_the_new_policy_keeps_it_until_one_does_not(attested, pool_mode, forbidden):
    options, more, reason = FORBIDDING[forbidden]
    daemon = attested(pool_mode=pool_mode)
    session = daemon.connect()
    daemon.change(more + "on_policy_change: keep\n", **options)
    with pytest.raises(psycopg.OperationalError, match="attestation refused"):
        daemon.connect()
    assert goes_on(session)
    daemon.change(more, **options)
    assert f"attestation is no longer accepted: {reason}" in end_of(session)


def test_a_measurement_that_is_retired_since_ends_a_session_at_the_next_reload(attested):
    """Time alone ends nothing."""
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    release = f"strict\n  sets: [{{name: old, values: ['{MEASUREMENT}'], not_after: '{ends:%Y-%m-%dT%H:%M:%SZ}'}}]"
    daemon = attested(policy={"measurement": OTHER, "mode": release})
    session = daemon.connect()
    await_condition(lambda: not daemon.is_met(), "the release has ended")
    assert goes_on(session)
    daemon.change(measurement=OTHER, mode=release)
    assert "attestation is no longer accepted: measurement" in end_of(session)


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


# ---- what an earlier policy tolerated, or did not look at ----

def broken(chip, draft):
    report = bytearray(chip.report(draft.report_data(), GOOD))
    report[oracle.SIGNED_SIZE] ^= 1
    return draft.with_report(bytes(report), chip.table())


TOLERATED = {
    "signature": (broken, {"certificates": "  verify_signature: false\n"}, {},
                  "report_signature: it did not hold when the session began"),
    "chain": (lambda chip, draft: draft.with_evidence(chip.impostor(), GOOD),
              {"certificates": "  verify_chain: false\n"}, {}, "chain: the chain did not verify when the session began"),
    "masked": (lambda chip, draft: draft.with_evidence(chip, GOOD, chip_id=bytes(64)),
               {"certificates": "  allow_masked_chip_id: true\n"}, {}, "chip_id: masked"),
    "source": (lambda chip, draft: draft.with_evidence(chip, GOOD),
               {}, {"nonce": "nonce: {required: false, source: server}\n"},
               "nonce: when the session began nobody asked whose it is"),
}


@pytest.mark.parametrize("name", TOLERATED)
def test_what_is_tolerated_no_longer_ends_a_session(attested, shown, chip, name):
    make, before, after, reason = TOLERATED[name]
    before, after = {"nonce": ANY_NONCE, **before}, {"nonce": ANY_NONCE, **after}
    draft = Draft(nonce=b"n" * 32)
    daemon = attested(before, shown(draft, make(chip, draft)))
    session = daemon.connect()
    daemon.change(**before)
    assert goes_on(session)
    daemon.change(**after)
    assert f"attestation is no longer accepted: {reason}" in end_of(session)


def test_a_report_without_a_key_ends_a_session_once_it_is_not_tolerated(attested, shown, chip, ports):
    """It answers a nonce of this server's: a policy that would take any is refused."""
    http = f"127.0.0.1:{ports.take()}"
    formats = {"more": "formats: [go-eat]\n"}
    tolerant = {"certificates": "  allow_unbound: true\n", **formats}
    daemon = attested(tolerant, http_listen=http)
    daemon.pooler.nonce_url = f"http://{http}/api/v1/nonce"
    draft = Draft()
    daemon.certificate = shown(draft, draft.with_go_eat(chip, GOOD, nonce_of(daemon.pooler)))
    session = daemon.connect()
    daemon.change(**tolerant)
    assert goes_on(session)
    daemon.change(**formats)
    reason = "binding: the report binds a nonce and no key"
    assert f"attestation is no longer accepted: {reason}" in end_of(session)


def test_what_held_holds_though_nobody_asked_for_it(attested):
    daemon = attested({"certificates": "  verify_signature: false\n  verify_chain: false\n"})
    session = daemon.connect()
    daemon.change()
    with daemon.connect():
        assert goes_on(session)


# ---- revocation ----

HOUR = datetime.timedelta(hours=1)
REVOKED = "chain_revocation: the root has revoked the intermediate"


@pytest.fixture
def reach(kds, authority, processor, scratch_folder):
    """The settings with which KDS is found, and what is kept of it."""
    return {"kds_url": kds.url, "kds_ca_file": authority.ca_file, "kds_ark_file": processor / "ark-milan.pem",
            "kds_proxy": "none", "kds_interval": 0, "kds_cache_dir": scratch_folder / "kds"}


@pytest.fixture
def keep_list(scratch_folder, chip):
    """Puts a list where an earlier fetch would have left it."""
    def keep(**options):
        folder = scratch_folder / "kds"
        if not folder.exists():
            scratch.make_folder(folder)
        scratch.write(folder / "crl-vcek-milan.der", revocation_list(chip, **options))

    return keep


@pytest.fixture
def listed(attested, kds, reach, vouch_program, scratch_folder, chip):
    """A daemon with a list at hand; list_now puts another one in its place."""
    def list_now(**options):
        kds.items[kds.crl] = revocation_list(chip, **options)
        words = [word for name, value in reach.items() for word in ("--set", f"{name}={value}")]
        for kept in (scratch_folder / "kds").glob("crl-*"):
            kept.unlink()
        run([vouch_program, "kds", "fetch", "--product", "milan", "--crl", *words])

    list_now(age=HOUR)
    daemon = attested(kds_offline=1, **reach)
    daemon.list_now = list_now
    return daemon


def test_a_list_that_revokes_since_ends_a_session_at_the_next_reload(listed, chip):
    session = listed.connect()
    listed.change()
    assert goes_on(session)
    listed.list_now(revoked=[chip.ask])
    listed.change()
    assert f"no longer accepted: {REVOKED}" in end_of(session)


def test_a_list_that_revokes_is_nothing_to_a_policy_that_looks_at_none(listed, chip):
    session = listed.connect()
    listed.list_now(revoked=[chip.ask])
    listed.change(certificates='  crl: "off"\n')
    with listed.connect():
        assert goes_on(session)


def test_a_list_must_be_as_young_as_the_new_policy_wants(listed):
    session = listed.connect()
    listed.change(certificates="  crl: required\n")
    assert goes_on(session)
    listed.change(certificates="  crl: required\n  crl_max_age: 30m\n")
    assert "no longer accepted: chain_revocation: the revocation list is too old" in end_of(session)


# Made later than the one in memory; both times are before now, or after it.
OUT_OF_FORCE = {"ended": {"age": HOUR / 2, "lifetime": HOUR / 4}, "of the future": {"age": -HOUR}}
DEMANDS = {"if available": "", "required": "  crl: required\n  crl_max_age: 7d\n"}


@pytest.mark.parametrize("demand", DEMANDS)
@pytest.mark.parametrize("when", OUT_OF_FORCE)
def test_a_list_that_is_not_in_force_revokes_at_a_reload(listed, keep_list, chip, when, demand):
    listed.change(certificates=DEMANDS[demand])
    session = listed.connect()
    keep_list(revoked=[chip.ask], **OUT_OF_FORCE[when])
    listed.change(certificates=DEMANDS[demand])
    assert f"no longer accepted: {REVOKED}" in end_of(session)
    with pytest.raises(psycopg.OperationalError, match=REVOKED):
        listed.connect()


@pytest.mark.parametrize("when", OUT_OF_FORCE)
def test_a_list_that_is_not_in_force_revokes_from_the_start(attested, reach, keep_list, chip, when):
    keep_list(revoked=[chip.ask], **OUT_OF_FORCE[when])
    daemon = attested(kds_offline=1, **reach)
    with pytest.raises(psycopg.OperationalError, match=REVOKED):
        daemon.connect()


def test_a_list_does_not_stand_in_for_a_newer_one_that_has_ended(listed, keep_list):
    session = listed.connect()
    keep_list(**OUT_OF_FORCE["ended"])
    listed.change(certificates=DEMANDS["required"])
    assert "no longer accepted: chain_revocation: the revocation list is too old" in end_of(session)


# ---- which policy it is ----

def test_a_session_is_judged_by_the_policy_that_its_user_has_now(attested):
    daemon = attested()
    mine, others = daemon.connect(), daemon.connect(user="dba", dbname="pgvouch")
    daemon.write(path=daemon.path.parent / "other.yaml", measurement=OTHER)
    daemon.change_hba("hostssl all app 127.0.0.1/32 trust attest=other\n" + HBA, ["strict", "other"])
    told = end_of(mine)
    assert f'attestation is no longer accepted: measurement {MEASUREMENT} is not allowed by policy "other"' in told
    assert others.execute("SHOW VERSION").fetchone()


def test_a_session_stays_where_another_policy_takes_the_place_of_its_own(attested):
    daemon = attested()
    session = daemon.connect()
    daemon.write(path=daemon.path.parent / "other.yaml")
    daemon.path.unlink()
    daemon.change_hba("hostssl all all 127.0.0.1/32 trust attest=other\n", ["other"])
    await_condition(daemon.is_in_force, "the other policy")
    assert goes_on(session)


def test_a_policy_of_the_same_name_is_that_of_another_file(attested):
    daemon = attested()
    session = daemon.connect()
    daemon.path = daemon.write(path=daemon.path.parent / "stricter.yaml", measurement=OTHER)
    daemon.pooler.sections["policies"] = {"strict": daemon.path}
    daemon.pooler.reload()
    assert "attestation is no longer accepted: measurement " in end_of(session)


@pytest.mark.parametrize("hba", ["hostssl all all 127.0.0.1/32 trust\n", "hostssl all all 127.0.0.1/32 trust attest=none\n"])
def test_a_session_stays_of_which_no_policy_asks_anything_any_more(attested, hba):
    daemon = attested()
    session = daemon.connect()
    daemon.path.unlink()
    daemon.change_hba(hba, [])
    await_condition(daemon.is_let_in, "the end of the policy")
    assert goes_on(session)


REJECTED = "hostssl all app 127.0.0.1/32 reject\nhostssl all dba 127.0.0.1/32 trust attest=none\n"


def test_a_session_whose_user_is_let_in_no_longer_is_judged_by_the_policy_that_let_it_in(attested):
    daemon = attested(client_attest_policy="strict")
    session = daemon.connect()
    daemon.change_hba(REJECTED)
    await_condition(lambda: daemon.is_let_in(user="dba", dbname="pgvouch"), "the other lines")
    assert not daemon.is_let_in()
    assert goes_on(session)
    daemon.write(measurement=OTHER)
    daemon.pooler.reload()
    assert "measurement" in end_of(session)


def test_a_session_ends_that_nothing_can_judge_any_more(attested):
    daemon = attested(client_attest_policy="strict")
    session = daemon.connect()
    daemon.pooler.settings["client_attest_policy"] = ""
    daemon.change_hba(REJECTED, policies=())
    assert 'there is no policy "strict" any more' in end_of(session)


def test_a_session_stays_that_came_without_evidence(attested):
    daemon = attested(hba="hostssl all all 127.0.0.1/32 trust\n")
    session = daemon.connect()
    daemon.change_hba(HBA)
    await_condition(daemon.is_in_force, "the policy")
    assert not daemon.is_let_in()
    assert goes_on(session)


def test_the_policy_of_all_clients_is_asked_where_no_line_names_one(attested):
    daemon = attested(auth_type="trust", client_attest_policy="strict")
    session = daemon.connect()
    daemon.write(path=daemon.path.parent / "other.yaml", measurement=OTHER)
    daemon.pooler.sections["policies"]["other"] = daemon.path.parent / "other.yaml"
    daemon.pooler.reload(client_attest_policy="other")
    assert 'is not allowed by policy "other"' in end_of(session)


def test_without_a_policy_of_all_clients_sessions_stay(attested):
    daemon = attested(auth_type="trust", client_attest_policy="strict")
    session = daemon.connect()
    daemon.write(measurement=OTHER)
    daemon.pooler.reload(client_attest_policy="")
    await_condition(daemon.is_let_in, "the end of the policy")
    assert goes_on(session)


# ---- logins that are under way ----

def ask_password(attest):
    """Lines that ask `app` for a password, and more of it, and whom `is_in_force` asks for."""
    return f"hostssl all app 127.0.0.1/32 password{attest}\n" + HBA


def at_password(daemon):
    """A login of which only the password is due."""
    shown = SimpleNamespace(cert_file=daemon.certificate / "client.crt", key_file=daemon.certificate / "client.key")
    login = daemon.pooler.raw().secure(raw.client_tls(identity=shown))
    login.send(raw.startup({"user": "app", "database": "app"}))
    assert login.message().type == "R"
    return login


def answered(login):
    return login.send(raw.message("p", raw.cstring("secret")))


@pytest.fixture
def asking(attested):
    def start(attest):
        return attested(users={"app": "secret", "dba": ""}, hba=ask_password(attest))

    return start


def test_a_login_is_refused_that_began_before_evidence_was_asked_for(asking):
    daemon = asking("")
    login = at_password(daemon)
    daemon.change_hba(ask_password(" attest=strict"))
    await_condition(lambda: not daemon.is_let_in(password="secret"), "the other lines")
    refused = answered(login).error()
    assert refused.sqlstate == "28000"
    assert refused.text.startswith("attestation refused: evidence: none was asked for when the login began")
    assert login.is_closed()


@pytest.mark.parametrize("more", ["", "on_policy_change: keep\n"])
def test_a_login_is_refused_whose_evidence_a_new_policy_does_not_accept(asking, more):
    """There is no session yet that could be kept."""
    daemon = asking(" attest=strict")
    login = at_password(daemon)
    daemon.change(more, measurement=OTHER)
    refused = answered(login).error()
    assert refused.sqlstate == "28000"
    assert refused.text.startswith(f"attestation refused: measurement {MEASUREMENT} is not allowed")


def test_a_login_goes_on_that_the_new_policy_would_let_in(asking):
    daemon = asking(" attest=strict")
    login = at_password(daemon)
    daemon.change("chip: {products_allowed: [milan]}\n")
    assert answered(login).await_welcome()


def test_a_login_goes_on_of_which_other_rules_ask_no_evidence(asking):
    daemon = asking("")
    login = at_password(daemon)
    daemon.change_hba(REJECTED.replace("app 127.0.0.1/32 reject", "app 127.0.0.1/32 password"))
    await_condition(lambda: daemon.is_let_in(user="dba", dbname="pgvouch"), "the other lines")
    assert answered(login).await_welcome()
