"""The tool and a key distribution service that lacks, throttles, fails, hangs, lies, or is somebody else's; proxies."""

import socket
import threading

import pytest

from support import kds as service
from support.attested import chip  # noqa: F401: fixture
from support.kds import Kds, der, kds, pem, vcek_alike  # noqa: F401: fixture
from support.kds_tool import cache, could_not, fetch, kept, policy, reach, report  # noqa: F401: fixtures
from support.simulated import made, state  # noqa: F401: fixtures


LONG = bytes(100_000)  # more than anything that is asked for here


# ---- refusals, and patience ----

def test_what_is_not_there_is_not_asked_for_again(kds, fetch, report):
    del kds.items[kds.vcek]
    could_not(fetch("--report", report), "it has none \\(status 404\\)")
    could_not(fetch("--report", report), "not asked again so soon")
    assert kds.count("/vcek/v1/Milan/" + kds.vcek.split("/")[-1][:16]) == 1


def test_an_absence_may_be_told_at_length(kds, fetch, report):
    kds.only, kds.always = "blSPL", service.status(404, LONG)
    could_not(fetch("--report", report), "it has none \\(status 404\\)")


def test_the_memory_of_an_absence_fades(kds, fetch, report):
    body = kds.items.pop(kds.vcek)
    could_not(fetch("--report", report, negative_ttl=0), "it has none")
    kds.items[kds.vcek] = body
    assert fetch("--report", report).returncode == 0


def test_an_absence_at_one_address_says_nothing_of_another(kds, fetch, report, server_identity, chip):
    del kds.items[kds.vcek]
    could_not(fetch("--report", report), "it has none")
    other = Kds(server_identity)
    try:
        other.add_processor(chip)
        assert fetch("--report", report, url=other.url).returncode == 0
    finally:
        other.stop()


@pytest.mark.parametrize("answer", [service.throttled(2), service.throttled_until(3), service.status(503, **{
    "Retry-After": "2"}), service.status(429, LONG, **{"Retry-After": "2"}), service.status(503, LONG, **{
    "Retry-After": "2"}), service.without_end(429, **{"Retry-After": "2"})], ids=[
        "seconds", "date", "503", "with a long page", "503 with a long page", "with a page without end"])
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


def test_certificates_are_asked_for_no_faster_than_the_pace(kds, fetch, chip, report):
    kds.items.pop(kds.vcek)
    could_not(fetch("--report", report, interval=600), "it has none")
    other = fetch("--product", "milan", "--hwid", chip.chip_id.hex(), "--tcb", "4.0.24.218", interval=600)
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

def lies(chip):
    impostor = chip.impostor()
    return {
        "another chip": (service.content(der(vcek_alike(chip, hwid=bytes(range(64))))), "another chip"),
        "another TCB": (service.content(der(vcek_alike(chip, microcode=218))), "for the TCB .*microcode 218"),
        "an older bootloader": (service.content(der(vcek_alike(chip, bootloader=3))), "for the TCB bootloader 3"),
        "another root": (service.content(der(impostor.vcek)), "refused"),
        "an authority": (service.content(der(chip.ask)), "refused"),
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
def test_a_lie_is_refused_and_not_kept(kds, fetch, vouch, reach, report, policy, cache, chip, name):
    answer, said = lies(chip)[name]
    kds.only, kds.always = "blSPL", answer
    could_not(fetch("--report", report), said)
    assert kept(cache) == {"chain-vcek-milan.pem"}
    could_not(vouch("verify", "--report", report, "--policy", policy(), *reach()), "certificate is missing")
    kds.always = None
    assert fetch("--report", report).returncode == 0


def test_the_content_decides_and_not_its_type(kds, fetch, report, chip):
    kds.only, kds.always = "blSPL", service.content(der(chip.vcek), "text/html")
    assert fetch("--report", report).returncode == 0


def test_a_certificate_in_pem_is_one_too(kds, fetch, vouch, reach, report, policy, chip):
    kds.items[kds.vcek] = pem(chip.vcek)
    assert vouch("verify", "--report", report, "--policy", policy(), *reach()).returncode == 0


@pytest.mark.parametrize("name", ["one certificate", "the wrong order", "three certificates", "another root", "garbage"])
def test_a_chain_that_is_none_is_refused(kds, fetch, cache, chip, name):
    impostor = chip.impostor()
    kds.items[kds.chain] = {
        "one certificate": pem(chip.ask), "the wrong order": pem(chip.ark, chip.ask),
        "three certificates": pem(chip.ask, chip.ark, chip.ark),
        "another root": pem(impostor.ask, impostor.ark), "garbage": b"-----BEGIN CERTIFICATE-----\nAAAA\n" * 2}[name]
    could_not(fetch("--product", "milan", "--chain"), "refused")
    assert kept(cache) == set()


def test_a_simulated_root_is_believed_by_nobody_who_does_not_name_it(kds, fetch, report, cache):
    could_not(fetch("--report", report, ark_file=None), "refused")
    assert kept(cache) == set()


# ---- the way there ----

def test_a_service_with_a_strangers_certificate_is_told_nothing(fetch, report, stranger, chip):
    false = Kds(stranger.issue("localhost", names=("127.0.0.1",), file="false-kds"))
    try:
        false.add_processor(chip)
        could_not(fetch("--report", report, url=false.url, timeout=0.5), "certificate")
        assert false.requests == []
    finally:
        false.stop()


def test_a_service_of_another_name_is_told_nothing(fetch, report, authority, chip):
    false = Kds(authority.issue("other.example", names=("other.example",), file="other-kds"))
    try:
        false.add_processor(chip)
        could_not(fetch("--report", report, url=false.url, timeout=0.5), "[Nn]o alternative certificate|match")
        assert false.requests == []
    finally:
        false.stop()


class Proxy:
    """A proxy that knows CONNECT, and answers it with `refusal` where that is given."""

    def __init__(self, refusal=None):
        self.refusal = refusal
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
        if self.refusal:
            client.sendall(f"HTTP/1.1 {self.refusal}\r\nContent-Length: 0\r\n\r\n".encode())
            client.close()
            return
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


    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def proxy():
    made = Proxy()
    yield made
    made.stop()


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


def test_a_proxy_is_left_out_where_the_environment_says_so(kds, fetch, proxy):
    environment = {"https_proxy": proxy.url, "HTTPS_PROXY": proxy.url, "no_proxy": "127.0.0.1"}
    assert fetch("--product", "milan", "--chain", env=environment, proxy=None).returncode == 0
    assert proxy.heads == []


@pytest.mark.parametrize("refusal", ["407 Proxy Authentication Required", "403 Forbidden"])
def test_a_proxy_that_refuses_is_named_with_its_answer(kds, fetch, report, refusal):
    refusing = Proxy(refusal)
    try:
        said = fetch("--report", report, proxy=refusing.url.replace("//", "//me:hunter2@"), timeout=2)
        could_not(said, refusal[:3])
        assert "hunter2" not in said.stderr
        assert kds.requests == []
    finally:
        refusing.stop()


MALFORMED = ["http://me:hunter2@127.0.0.1:99999", "foo://me:hunter2@127.0.0.1:1", "http://me:hunter2@[bad", "http://me:hunter2"]


@pytest.mark.parametrize("value", MALFORMED)
def test_a_proxy_that_is_none_is_refused_without_showing_its_password(fetch, value):
    said = fetch("--product", "milan", "--chain", proxy=value)
    could_not(said, r"invalid value for parameter kds_proxy .*expected none, or \[http://\]")
    assert "hunter2" not in said.stderr


@pytest.mark.parametrize("value", MALFORMED)
def test_a_proxy_of_the_environment_that_is_none_is_not_shown(fetch, value):
    said = fetch("--product", "milan", "--chain", proxy=None, env={"https_proxy": value, "HTTPS_PROXY": value})
    could_not(said, "")
    assert "hunter2" not in said.stderr
