"""The tool and AMD's key distribution service: what is fetched, kept, waited for and refused."""

import datetime
import json
import os
import re
import shutil
import socket
import threading
from pathlib import Path

import pytest

from support import kds as service
from support.kds import Kds, der, pem, revocation_list, vcek_alike, vcek_path
from support.oracle import TCB, Processor
from support.vouch import outcomes, policy_text

TOP = Path(__file__).resolve().parent.parent
VECTORS = Path(os.environ.get("PGVOUCH_VECTORS") or TOP.parent / "shared/vectors")


@pytest.fixture(scope="module")
def state(tmp_path_factory, processor):
    """A simulated processor's keys, belonging to whoever runs the tool."""
    return shutil.copytree(processor, tmp_path_factory.mktemp("kds") / "state")


@pytest.fixture(scope="module")
def simulated(state):
    return Processor.load(state)


@pytest.fixture
def kds(server_identity, simulated):
    """With what AMD's would have of the simulated processor."""
    made = Kds(server_identity)
    made.add_processor(simulated)
    yield made
    made.stop()


@pytest.fixture
def report(vouch, state, tmp_path):
    """A report without certificates."""
    run = vouch("report", "--provider", "simulated", "--state-dir", state, "--out", tmp_path / "report.bin", "--format",
                "raw")
    assert run.returncode == 0, run.stderr
    return tmp_path / "report.bin"


@pytest.fixture
def policy(state, tmp_path):
    def write(more=""):
        path = tmp_path / "policy.yaml"
        path.write_text(policy_text(state / "ark-milan.pem") + more)
        return path

    return write


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache/kds"


@pytest.fixture
def reach(kds, authority, state, cache):
    """The options with which the tool finds the service, with others in place of them."""
    def options(**others):
        settings = {"url": kds.url, "ca_file": authority.ca_file, "ark_file": state / "ark-milan.pem", "proxy": "none",
                    "interval": 0, "timeout": 10, **others}
        words = ["--cache", cache]
        for name, value in settings.items():
            if value is not None:
                words += ["--set", f"kds_{name}={value}"]
        return words

    return options


@pytest.fixture
def fetch(vouch, reach):
    """Runs `vouch kds fetch`; settings of kds_* as keywords."""
    def run(*words, env=None, **settings):
        return vouch("kds", "fetch", *words, *reach(**settings), env=env)

    return run


def kept(cache):
    """The names of what is in the cache, without notes."""
    return {path.name for path in cache.iterdir() if path.suffix in (".der", ".pem")} if cache.exists() else set()


def could_not(run, said):
    assert (run.returncode, run.stdout) == (2, ""), run.stderr
    assert re.search(said, run.stderr), run.stderr


# ---- what comes, and stays ----

def test_a_report_has_its_certificate_fetched_once_and_for_ever(kds, fetch, report, cache):
    first, second = fetch("--report", report, "--json"), fetch("--report", report, "--json")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert kds.requests == [kds.chain, kds.vcek]
    (one,), (other,) = json.loads(first.stdout)["items"], json.loads(second.stdout)["items"]
    assert (one["kind"], one["product"], one["path"], one["from"]) == ("vcek", "Milan", kds.vcek, "kds")
    assert other == {**one, "from": "cache"}
    kds.stop()
    assert fetch("--report", report, "--offline").returncode == 0
    assert len(kept(cache)) == 2


def test_the_cache_is_nobody_elses(fetch, report, cache):
    assert fetch("--report", report).returncode == 0
    assert cache.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in cache.iterdir()} == {0o600}
    assert not [path for path in cache.iterdir() if path.name.startswith(".new")]


def test_everything_is_written_where_it_is_wanted_and_fits_together(kds, fetch, vouch, report, simulated, state,
                                                                    policy, tmp_path):
    kds.items[kds.crl] = revocation_list(simulated)
    out = tmp_path / "out"
    run = fetch("--report", report, "--chain", "--crl", "--out", out)
    assert run.returncode == 0, run.stderr
    assert [line.split()[0] for line in run.stdout.splitlines()] == ["vcek", "chain", "crl"]
    assert (out / "vcek.der").read_bytes() == der(simulated.vcek)
    assert (out / "ask.pem").read_bytes() == pem(simulated.ask)
    assert (out / "ark.pem").read_bytes() == pem(simulated.ark)
    run = vouch("verify", "--report", report, "--vcek", out / "vcek.der", "--ask", out / "ask.pem", "--ark",
                out / "ark.pem", "--crl", out / "crl.der", "--policy", policy(), "--offline")
    assert run.returncode == 0, run.stdout


def test_a_chip_is_named_without_a_report(kds, fetch, simulated):
    run = fetch("--product", "milan", "--hwid", simulated.chip_id.hex(), "--tcb", "4.0.24.219")
    assert run.returncode == 0, run.stderr
    assert kds.requests[-1] == kds.vcek


def test_the_authorities_of_vleks_are_asked_for_by_name(kds, fetch):
    could_not(fetch("--product", "Genoa", "--vlek", "--crl"), "it has none")
    could_not(fetch("--product", "siena", "--vlek", "--chain"), "it has none")
    could_not(fetch("--product", "turin", "--hwid", "0123456789abcdef", "--tcb", "1.2.3.4.105"), "it has none")
    assert kds.requests[:2] == ["/vlek/v1/Genoa/crl", "/vlek/v1/Genoa/cert_chain"]
    assert kds.requests[3] == "/vcek/v1/Turin/0123456789abcdef?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04&ucodeSPL=105"


@pytest.mark.parametrize("words, said", [
    ([], "what to fetch is missing"),
    (["--product", "milan"], "what to fetch is missing"),
    (["--product", "rome", "--chain"], "expected milan, genoa or turin"),
    (["--product", "milan", "--hwid", "00"], "belong together"),
    (["--product", "milan", "--hwid", "00", "--tcb", "1.2.3.4"], "--hwid"),
    (["--product", "milan", "--hwid", 128 * "0", "--tcb", "1.2.3.4.5"], "--tcb"),
    (["--report", "r", "--hwid", "00", "--tcb", "1"], "names chip and TCB itself"),
    (["--report", "r", "--vlek"], "hands out no VLEK"),
    (["--report", "/nonexistent"], "cannot open"),
    (["--product", "milan", "--chain", "--set", "attest_required=1"], "only kds_*"),
    (["--product", "milan", "--chain", "--set", "kds_url=http://127.0.0.1"], "kds_url: expected https"),
    (["word"], "is no option"),
])
def test_a_line_that_does_not_fit_ends_with_2(vouch, words, said):
    run = vouch("kds", "fetch", *words)
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr


def test_there_is_no_other_action(vouch):
    run = vouch("kds", "steal")
    assert run.returncode == 2 and "it is fetch" in run.stderr


# ---- vouch verify ----

def test_a_report_without_its_certificate_is_verified_and_then_offline(kds, vouch, reach, report, policy):
    words = ["verify", "--report", report, "--policy", policy(), "--json"]
    run = vouch(*words, *reach(ark_file=None))
    assert run.returncode == 0, run.stderr
    kds.stop()
    again = vouch(*words, *reach(ark_file=None), "--offline")
    assert again.returncode == 0, again.stderr
    assert outcomes(json.loads(again.stdout)) == outcomes(json.loads(run.stdout))
    assert len(kds.requests) == 2


def test_offline_nobody_is_asked(kds, vouch, reach, report, policy):
    run = vouch("verify", "--report", report, "--policy", policy(), *reach(), "--offline")
    could_not(run, "certificate is missing.*offline")
    assert kds.requests == []


def test_a_certificate_that_is_given_is_not_fetched(kds, vouch, reach, report, policy, simulated, tmp_path):
    (tmp_path / "vcek.der").write_bytes(der(simulated.vcek))
    (tmp_path / "ask.der").write_bytes(der(simulated.ask))
    run = vouch("verify", "--report", report, "--vek", tmp_path / "vcek.der", "--ask", tmp_path / "ask.der",
                "--policy", policy(), *reach())
    assert run.returncode == 0, run.stdout
    assert kds.requests == []


def test_a_vlek_is_not_to_be_had(kds, fetch, vouch, reach, report, tmp_path):
    raw = bytearray(report.read_bytes())
    raw[0x48] |= 1 << 2
    (tmp_path / "vlek.bin").write_bytes(raw)
    could_not(fetch("--report", tmp_path / "vlek.bin"), "hands out no VLEK")
    could_not(vouch("verify", "--report", tmp_path / "vlek.bin", *reach()), "hands out no VLEK")
    assert kds.requests == []


def settings_of(words):
    """What --set says in the options of the service."""
    return [word for pair in zip(words, words[1:]) if pair[0] == "--set" for word in pair]


@pytest.mark.parametrize("command", ["report", "cert"])
def test_what_the_device_does_not_give_is_stapled_when_asked_for(kds, vouch, reach, state, policy, tmp_path, command):
    made = tmp_path / "made"
    words = [command, "--provider", "simulated", "--state-dir", state, "--out", made, "--set",
             "attest_simulated_certificates=0", *settings_of(reach()), "--set", f"kds_cache_dir={tmp_path / 'kds'}"]
    evidence = made if command == "report" else made / "client.crt"
    assert vouch(*words).returncode == 0
    assert vouch("policy", "test", policy("nonce: {required: false}\n"), evidence).returncode != 0
    assert kds.requests == []
    run = vouch(*words, "--kds")
    assert run.returncode == 0, run.stderr
    run = vouch("policy", "test", policy("nonce: {required: false}\n"), evidence)
    assert run.returncode == 0, run.stdout + run.stderr
    assert kds.requests == [kds.chain, kds.vcek]


@pytest.mark.parametrize("command", ["report", "cert"])
def test_what_was_asked_to_be_stapled_and_cannot_be_had_is_a_failure(kds, vouch, reach, state, tmp_path, command):
    kds.items.clear()
    run = vouch(command, "--provider", "simulated", "--state-dir", state, "--out", tmp_path / "made", "--kds", "--set",
                "attest_simulated_certificates=0", *settings_of(reach()))
    could_not(run, "no certificate with its report.*it has none")


needs_vectors = pytest.mark.skipif(not (VECTORS / "expect.tsv").exists(),
                                   reason="genuine vectors are not here: set PGVOUCH_VECTORS")


@needs_vectors
@pytest.mark.parametrize("name, product", [
    ("milan-v3-trustee-1", "milan"), ("genoa-v5-oak-1", "genoa"), ("turin-v5-oak-1", "turin"),
    ("milan-v2-virtee-1", "milan"), ("genoa-v2-oak-1", "genoa")])
def test_genuine_reports_have_their_genuine_certificates(kds, vouch, reach, cache, name, product):
    """The service has what AMD's has. A report of version 2 does not say what it is of: Milan's is looked for first."""
    folder = next(path for path in (VECTORS / "snp").iterdir() if path.name == name)
    report = (folder / "report.bin").read_bytes()
    path = vcek_path(product, report[0x1A0:0x1E0], report[0x180:0x188])
    kds.items[path] = (folder / "vcek.der").read_bytes()
    roots = VECTORS / "roots"
    kds.items[f"/vcek/v1/{service.PRODUCTS[product]}/cert_chain"] = (
        (roots / f"ask_{product}.pem").read_bytes() + (roots / f"ark_{product}.pem").read_bytes())
    run = vouch("verify", "--report", folder / "report.bin", "--json", *reach(ark_file=None))
    assert run.returncode == 0, run.stdout + run.stderr
    assert outcomes(json.loads(run.stdout))["chain_root"] == "pass"
    assert path in kds.requests
    assert len(kept(cache)) == 2


# ---- refusals, and patience ----

def test_what_is_not_there_is_not_asked_for_again(kds, fetch, report):
    del kds.items[kds.vcek]
    could_not(fetch("--report", report), "it has none \\(status 404\\)")
    could_not(fetch("--report", report), "not asked again so soon")
    assert kds.count("/vcek/v1/Milan/" + kds.vcek.split("/")[-1][:16]) == 1


def test_the_memory_of_an_absence_fades(kds, fetch, report):
    body = kds.items.pop(kds.vcek)
    could_not(fetch("--report", report, negative_ttl=0), "it has none")
    kds.items[kds.vcek] = body
    assert fetch("--report", report).returncode == 0


def test_an_absence_at_one_address_says_nothing_of_another(kds, fetch, report, server_identity, simulated):
    del kds.items[kds.vcek]
    could_not(fetch("--report", report), "it has none")
    other = Kds(server_identity)
    try:
        other.add_processor(simulated)
        assert fetch("--report", report, url=other.url).returncode == 0
    finally:
        other.stop()


@pytest.mark.parametrize("answer", [service.throttled(2), service.throttled_until(3), service.status(503, **{
    "Retry-After": "2"})], ids=["seconds", "date", "503"])
def test_a_service_that_throttles_is_waited_for(kds, fetch, report, answer):
    kds.only, kds.once = "blSPL", [answer]
    run = fetch("--report", report)
    assert run.returncode == 0, run.stderr
    assert kds.requests == [kds.chain, kds.vcek, kds.vcek]
    assert kds.times[2] - kds.times[1] > 1.0


def test_a_longer_wait_than_there_is_time_for_is_told_at_once_and_remembered(kds, fetch, report):
    kds.only, kds.once = "blSPL", [service.throttled(600)]
    could_not(fetch("--report", report), "left alone for another (600|599).* status 429")
    could_not(fetch("--report", report, "--chain"), "left alone for another (600|599)")
    assert kds.count("blSPL") == 1
    assert len(kds.requests) == 2


def test_a_throttle_without_a_time_is_waited_for_too(kds, fetch, report):
    kds.only, kds.once = "blSPL", [service.throttled()]
    assert fetch("--report", report).returncode == 0
    assert kds.times[2] - kds.times[1] > 0.9


def test_certificates_are_asked_for_no_faster_than_the_pace(kds, fetch, simulated, report):
    kds.items.pop(kds.vcek)
    could_not(fetch("--report", report, interval=600), "it has none")
    other = fetch("--product", "milan", "--hwid", simulated.chip_id.hex(), "--tcb", "4.0.24.218", interval=600)
    could_not(other, "left alone for another .*kds_interval")
    assert kds.count("blSPL") == 1
    assert fetch("--product", "milan", "--chain", interval=600).returncode == 0


@pytest.mark.parametrize("number", [500, 502])
def test_a_service_in_trouble_is_tried_again_for_as_long_as_there_is_time(kds, fetch, report, number):
    kds.only, kds.once = "blSPL", [service.status(number)]
    assert fetch("--report", report).returncode == 0
    kds.always = service.status(number)
    could_not(fetch("--product", "milan", "--hwid", 128 * "1", "--tcb", "4.0.24.219", timeout=2), f"status {number}")
    assert kds.count("1" * 128) == 2


def test_trouble_is_forgotten_with_the_process(kds, fetch, report):
    kds.only, kds.always = "blSPL", service.status(500)
    could_not(fetch("--report", report, timeout=0.5), "status 500")
    kds.always = None
    assert fetch("--report", report).returncode == 0


def test_a_service_that_hangs_costs_the_time_allowed(kds, fetch, report):
    kds.only, kds.always = "blSPL", service.hangs
    could_not(fetch("--report", report, timeout=1), "did not answer in time|[Tt]imed? ?out")


def test_a_port_where_nobody_listens_is_said(fetch, report):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"https://127.0.0.1:{taken.getsockname()[1]}"
    could_not(fetch("--report", report, url=url, timeout=0.5), "[Cc]onnect")


# ---- lies ----

def lies(simulated):
    impostor = simulated.impostor()
    return {
        "another chip": (service.content(der(vcek_alike(simulated, hwid=bytes(range(64))))), "another chip"),
        "another TCB": (service.content(der(vcek_alike(simulated, microcode=218))), "for the TCB .*microcode 218"),
        "an older bootloader": (service.content(der(vcek_alike(simulated, bootloader=3))), "for the TCB bootloader 3"),
        "another root": (service.content(der(impostor.vcek)), "refused"),
        "an authority": (service.content(der(simulated.ask)), "refused"),
        "garbage": (service.content(bytes(range(256)) * 4), "refused"),
        "a page": (service.content(b"<html>Please log in</html>", "text/html"), "refused"),
        "nothing": (service.content(b""), "refused"),
        "too much": (service.content(bytes(20000)), "longer than"),
        "no end": (service.endless, "longer than"),
        "a redirect": (service.redirect("/vcek/v1/Milan/cert_chain"), "redirect is not followed"),
        "a redirect to plain HTTP": (service.redirect("http://127.0.0.1:9/"), "redirect is not followed"),
        "no content": (service.status(204, b""), "status 204"),
        "a question": (service.status(401), "status 401"),
    }


@pytest.mark.parametrize("name", [
    "another chip", "another TCB", "an older bootloader", "another root", "an authority", "garbage", "a page", "nothing",
    "too much", "no end", "a redirect", "a redirect to plain HTTP", "no content", "a question"])
def test_a_lie_is_refused_and_not_kept(kds, fetch, vouch, reach, report, policy, cache, simulated, name):
    answer, said = lies(simulated)[name]
    kds.only, kds.always = "blSPL", answer
    could_not(fetch("--report", report), said)
    assert kept(cache) == {"chain-vcek-milan.pem"}
    could_not(vouch("verify", "--report", report, "--policy", policy(), *reach()), "certificate is missing")
    kds.always = None
    assert fetch("--report", report).returncode == 0


def test_the_content_decides_and_not_its_type(kds, fetch, report, simulated):
    kds.only, kds.always = "blSPL", service.content(der(simulated.vcek), "text/html")
    assert fetch("--report", report).returncode == 0


def test_a_certificate_in_pem_is_one_too(kds, fetch, vouch, reach, report, policy, simulated):
    kds.items[kds.vcek] = pem(simulated.vcek)
    assert vouch("verify", "--report", report, "--policy", policy(), *reach()).returncode == 0


@pytest.mark.parametrize("name", ["one certificate", "the wrong order", "three certificates", "another root", "garbage"])
def test_a_chain_that_is_none_is_refused(kds, fetch, cache, simulated, name):
    impostor = simulated.impostor()
    kds.items[kds.chain] = {
        "one certificate": pem(simulated.ask), "the wrong order": pem(simulated.ark, simulated.ask),
        "three certificates": pem(simulated.ask, simulated.ark, simulated.ark),
        "another root": pem(impostor.ask, impostor.ark), "garbage": b"-----BEGIN CERTIFICATE-----\nAAAA\n" * 2}[name]
    could_not(fetch("--product", "milan", "--chain"), "refused")
    assert kept(cache) == set()


def test_a_simulated_root_is_believed_by_nobody_who_does_not_name_it(kds, fetch, report, cache):
    could_not(fetch("--report", report, ark_file=None), "refused")
    assert kept(cache) == set()


# ---- the way there ----

def test_a_service_with_a_strangers_certificate_is_told_nothing(fetch, report, stranger, simulated):
    false = Kds(stranger.issue("localhost", names=("127.0.0.1",), file="false-kds"))
    try:
        false.add_processor(simulated)
        could_not(fetch("--report", report, url=false.url, timeout=0.5), "certificate")
        assert false.requests == []
    finally:
        false.stop()


def test_a_service_of_another_name_is_told_nothing(fetch, report, authority, simulated):
    false = Kds(authority.issue("other.example", names=("other.example",), file="other-kds"))
    try:
        false.add_processor(simulated)
        could_not(fetch("--report", report, url=false.url, timeout=0.5), "[Nn]o alternative certificate|match")
        assert false.requests == []
    finally:
        false.stop()


class Proxy:
    """A proxy that knows CONNECT."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.heads = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        self.heads.append(head.decode())
        host, port = head.split()[1].decode().rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def proxy():
    made = Proxy()
    yield made
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()


def test_a_proxy_of_the_configuration_is_used(kds, fetch, report, proxy):
    assert fetch("--report", report, proxy=proxy.url.replace("//", "//me:secret@")).returncode == 0
    assert proxy.heads and f"CONNECT 127.0.0.1:{kds.port} " in proxy.heads[0]
    assert "Proxy-Authorization: Basic" in proxy.heads[0]


def test_a_proxy_of_the_environment_is_used_unless_none_is_wanted(kds, fetch, report, proxy):
    environment = {"https_proxy": proxy.url, "HTTPS_PROXY": proxy.url}
    assert fetch("--product", "milan", "--chain", env=environment, proxy="none").returncode == 0
    assert proxy.heads == []
    assert fetch("--report", report, env=environment, proxy=None).returncode == 0
    assert len(proxy.heads) >= 1


# ---- what the cache says ----

def vcek_file(cache):
    (path,) = cache.glob("vcek-*.der")
    return path


@pytest.mark.parametrize("name", ["another chip", "cut", "nothing", "too long"])
def test_a_file_that_is_not_what_its_name_says_is_thrown_away_and_fetched_anew(kds, fetch, report, cache, simulated,
                                                                               name):
    assert fetch("--report", report).returncode == 0
    path = vcek_file(cache)
    good = path.read_bytes()
    path.write_bytes({"another chip": der(vcek_alike(simulated, hwid=bytes(64))), "cut": good[:100], "nothing": b"",
                      "too long": bytes(20000)}[name])
    offline = fetch("--report", report, "--offline")
    could_not(offline, "is not what its name says and is removed")
    assert not path.exists()
    assert fetch("--report", report).returncode == 0
    assert path.read_bytes() == good
    assert kds.count("blSPL") == 2


def test_a_cache_that_others_may_write_to_keeps_nothing(kds, fetch, report, cache):
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    run = fetch("--report", report)
    assert run.returncode == 0
    assert "others may write into" in run.stderr
    assert kept(cache) == set()


# ---- revocation lists ----

REQUIRED = "  crl: required\n"


def judged(vouch, reach, report, policy, *more, **settings):
    run = vouch("verify", "--report", report, "--policy", policy(REQUIRED), "--json", *more, *reach(**settings))
    assert run.stdout, run.stderr
    return run.returncode, outcomes(json.loads(run.stdout))["chain_revocation"], run.stderr


def test_a_list_that_a_policy_requires_is_fetched_and_kept(kds, vouch, reach, report, policy, simulated):
    kds.items[kds.crl] = revocation_list(simulated)
    assert judged(vouch, reach, report, policy)[:2] == (0, "pass")
    assert judged(vouch, reach, report, policy)[:2] == (0, "pass")
    kds.stop()
    assert judged(vouch, reach, report, policy, "--offline")[:2] == (0, "pass")
    assert kds.count("/crl") == 1


def test_without_a_list_that_a_policy_requires_evidence_is_denied(kds, vouch, reach, report, policy):
    status, revocation, said = judged(vouch, reach, report, policy)
    assert (status, revocation) == (1, "fail")
    assert "revocation list of Milan" in said


def test_no_list_is_fetched_that_no_policy_requires(kds, vouch, reach, report, policy, simulated):
    kds.items[kds.crl] = revocation_list(simulated)
    assert vouch("verify", "--report", report, "--policy", policy(), *reach()).returncode == 0
    assert kds.count("/crl") == 0


def test_a_list_at_hand_counts_whether_it_is_required_or_not(kds, vouch, fetch, reach, report, policy, simulated):
    kds.items[kds.crl] = revocation_list(simulated, revoked=[simulated.ask])
    assert fetch("--product", "milan", "--crl").returncode == 0
    run = vouch("verify", "--report", report, "--policy", policy(), "--json", *reach())
    assert (run.returncode, outcomes(json.loads(run.stdout))["chain_revocation"]) == (1, "fail")


def test_a_revoked_authority_is_denied(kds, vouch, reach, report, policy, simulated):
    kds.items[kds.crl] = revocation_list(simulated, revoked=[simulated.ask])
    assert judged(vouch, reach, report, policy)[:2] == (1, "fail")


def test_a_list_is_fetched_anew_when_it_is_old_and_an_old_one_has_to_do(kds, vouch, reach, report, policy, simulated,
                                                                       cache):
    kds.items[kds.crl] = revocation_list(simulated)
    assert judged(vouch, reach, report, policy)[:2] == (0, "pass")
    (path,) = cache.glob("crl-*")
    os.utime(path, (0, 0))
    kds.only, kds.always = "/crl", service.status(500)
    assert judged(vouch, reach, report, policy, timeout=0.5)[:2] == (0, "pass")
    kds.always = None
    kds.items[kds.crl] = revocation_list(simulated, revoked=[simulated.ask], age=datetime.timedelta(minutes=5))
    assert judged(vouch, reach, report, policy)[:2] == (1, "fail")


def test_an_older_list_does_not_undo_a_newer_one(kds, fetch, vouch, reach, report, policy, simulated, cache):
    kds.items[kds.crl] = revocation_list(simulated, revoked=[simulated.ask])
    assert fetch("--product", "milan", "--crl").returncode == 0
    (path,) = cache.glob("crl-*")
    os.utime(path, (0, 0))
    kds.items[kds.crl] = revocation_list(simulated, age=datetime.timedelta(hours=2))
    run = fetch("--product", "milan", "--crl")
    assert "older than the one that is at hand" in run.stderr
    assert judged(vouch, reach, report, policy)[:2] == (1, "fail")


@pytest.mark.parametrize("name", ["expired", "of the future", "a stranger's", "garbage"])
def test_a_list_that_is_no_good_is_refused(kds, fetch, cache, simulated, name):
    day = datetime.timedelta(days=1)
    kds.items[kds.crl] = {
        "expired": lambda: revocation_list(simulated, age=2 * day, lifetime=day),
        "of the future": lambda: revocation_list(simulated, age=-day),
        "a stranger's": lambda: revocation_list(simulated.impostor()),
        "garbage": lambda: b"garbage"}[name]()
    could_not(fetch("--product", "milan", "--crl"), "refused")
    assert kept(cache) <= {"chain-vcek-milan.pem"}
