"""What the documents say is so: links lead somewhere, examples work, lists are complete.

A code block whose fence says `test` behind its language is tried: `ini` starts the daemon, `hba` and `yaml` are read by
it, `sh` runs line by line against the daemon of the same document's `ini` block. Paths of an installed pgvouch stand for
a scratch directory."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from support import scratch
from support.process import Process, run

TOP = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([TOP / "README.md", TOP / "NEWS.md", TOP / "test/README.md", *TOP.glob("doc/*.md")])
INSTALLED = {"/etc/pgvouch": "etc", "/var/lib/pgvouch": "lib", "/run/pgvouch": "run", "/var/log/pgvouch": "log"}
PASSWORD = "of the documents"


def named(path):
    return str(path.relative_to(TOP))


def blocks(path, language):
    """The code blocks to be tried, with what else the fence says."""
    found = re.findall(r"^```(\w+) test(?: (\w+))?\n(.*?)^```$", path.read_text(), re.M | re.S)
    return [(mark, text) for of, mark, text in found if of == language]


def examples(language, *files):
    found = [pytest.param(text, id=f"{named(path)}-{number}") for path in DOCUMENTS
             for number, (mark, text) in enumerate(blocks(path, language)) if not mark]
    return found + [pytest.param((TOP / file).read_text(), id=file) for file in files]


class Installation:
    """A scratch directory in place of the paths of an installed pgvouch, and the daemon there."""

    def __init__(self, folder, program, ports):
        self.folder = folder
        self.program = program
        self.ports = {"6432": str(ports.take()), "8432": str(ports.take())}
        self.process = None
        for name in INSTALLED.values():
            scratch.make_folder(folder / name)
        self.write("etc/userlist.txt", "".join(f'"{name}" "{PASSWORD}"\n' for name in ("app", "dba", "monitor")))
        for name in ("hba.conf", "policy.yaml"):
            self.write(f"etc/{name}", (TOP / "etc" / name).read_text())

    def moved(self, text):
        for path, name in INSTALLED.items():
            text = text.replace(path, str(self.folder / name))
        for port, other in self.ports.items():
            text = re.sub(rf"\b{port}\b", other, text)
        return text

    def write(self, name, text):
        return scratch.write(self.folder / name, self.moved(text), 0o644)

    def start(self, ini):
        written = self.write("etc/pgvouch.ini", ini)
        self.process = Process([self.program, written], self.folder / "stderr", self.folder)
        self.process.await_log("process up", seconds=60)

    def stop(self):
        if self.process:
            assert self.process.stop(signal.SIGQUIT) == 0, self.process.log


@pytest.fixture
def installation(scratch_folder, pgvouch_program, ports):
    made = Installation(scratch_folder, pgvouch_program, ports)
    yield made
    made.stop()


# ---- links ----

def anchors(path):
    """Of the headings, as forges make them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_relative_link_leads_somewhere(document):
    wrong = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


# ---- examples ----

def test_every_block_to_be_tried_is_of_a_language_that_is():
    languages = {language for path in DOCUMENTS
                 for language in re.findall(r"^```(\w+) test\b", path.read_text(), re.M)}
    assert languages == {"ini", "hba", "yaml", "sh"}


@pytest.mark.parametrize("text", examples("ini", "etc/pgvouch.ini"))
def test_an_example_of_the_configuration_starts_the_daemon(installation, text):
    installation.start(re.sub(r"^attest_provider = auto$", "attest_provider = simulated", text, flags=re.M))


def test_the_example_without_a_processor_that_attests_refuses_to_start(installation):
    if os.path.exists("/dev/sev-guest") or os.path.exists("/sys/kernel/config/tsm/report"):
        pytest.skip("this machine may have such a processor")
    with pytest.raises(RuntimeError, match="attest_required"):
        installation.start((TOP / "etc/pgvouch.ini").read_text())
    assert installation.process.stop() == 1
    installation.process = None


def test_every_default_of_the_example_is_accepted(installation):
    defaults = re.findall(r"^;(\w+ =.*)$", (TOP / "etc/pgvouch.ini").read_text(), re.M)
    assert len(defaults) > 100
    installation.start("\n".join(["[pgvouch]", *defaults, "unix_socket_dir = /run/pgvouch", ""]))


@pytest.mark.parametrize("text", examples("hba", "etc/hba.conf"))
def test_an_example_of_an_hba_file_is_accepted(installation, text):
    installation.write("etc/hba.conf", text)
    installation.start("[databases]\n[policies]\nstrict = /etc/pgvouch/policy.yaml\n[pgvouch]\n"
                       "unix_socket_dir = /run/pgvouch\nauth_type = hba\nauth_hba_file = /etc/pgvouch/hba.conf\n"
                       "client_tls_sslmode = allow\nattest_provider = auto\n")


@pytest.mark.parametrize("text", examples("yaml", "etc/policy.yaml"))
def test_an_example_of_a_policy_is_accepted(installation, text):
    installation.write("etc/policy.yaml", text)
    installation.start("[databases]\n[policies]\nstrict = /etc/pgvouch/policy.yaml\n[pgvouch]\n"
                       "unix_socket_dir = /run/pgvouch\nclient_tls_sslmode = allow\nattest_provider = simulated\n"
                       "attest_state_dir = /var/lib/pgvouch\n")


@pytest.mark.parametrize("without", ["csp_ids", "(chip_ids_allowed|chip_ids_denied|key_kinds)"])
def test_every_key_that_the_example_of_a_policy_comments_out_is_accepted(installation, without):
    """But for those that exclude one another."""
    example, left_out = re.subn(rf"^ *#{without}:.*\n", "", (TOP / "etc/policy.yaml").read_text(), flags=re.M)
    assert left_out == without.count("|") + 1
    text = re.sub(r"^( *)#(?=[a-z_]+:|  )", r"\1", example, flags=re.M)
    assert not re.search(r"^ *#\w+:", text, re.M)
    test_an_example_of_a_policy_is_accepted(installation, text)


def test_the_example_of_a_user_list_is_accepted(installation):
    installation.write("etc/userlist.txt", (TOP / "etc/userlist.txt").read_text())
    installation.start("[databases]\n[pgvouch]\nunix_socket_dir = /run/pgvouch\n"
                       "auth_file = /etc/pgvouch/userlist.txt\n")


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if blocks(path, "sh")], ids=named)
def test_the_commands_of_a_document_work_with_its_configuration(installation, vouch_program, postgres, document):
    (_, ini), *_ = blocks(document, "ini")
    ini = ini.replace("host=127.0.0.1 port=5432 dbname=app", postgres.target())
    (_, hba), *_ = blocks(document, "hba")
    installation.write("etc/hba.conf", hba)
    for mark, policy in blocks(document, "yaml"):
        installation.write(f"etc/{mark or 'policy'}.yaml", policy)
    installation.start(ini)
    environment = {**os.environ, "PATH": f"{vouch_program.parent}:{os.environ['PATH']}", "PGPASSWORD": PASSWORD,
                   "PGCONNECT_TIMEOUT": "10"}
    for _, text in blocks(document, "sh"):
        for command in installation.moved(text).splitlines():
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60, env=environment)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


# ---- completeness ----

def test_every_check_stands_in_the_document_of_the_profile():
    text = (TOP / "doc/attestation.md").read_text()
    checks = {name for path in TOP.glob("include/*/*.h")
              for name in re.findall(r'^#define \w+_CHECK_\w+\s+"(\w+)"', path.read_text(), re.M)}
    assert len(checks) > 30
    assert {name for name in checks if f"`{name}`" not in text} == set()


def test_every_key_of_a_policy_stands_in_the_document_and_in_the_example():
    source = (TOP / "src/attest/policy_keys.c").read_text()
    keys = re.findall(r'^    \{(\w+), "(\w+)", read_\w+,', source, re.M)
    assert len(keys) > 60
    document, example = (TOP / "doc/attestation.md").read_text(), (TOP / "etc/policy.yaml").read_text()
    assert [key for _, key in keys if f"`{key}`" not in document] == []
    assert [key for _, key in keys if not re.search(rf"^ *#?{key}:", example, re.M)] == []


@pytest.mark.parametrize("program, words, page", [
    ("pgvouch", [], "pgvouch.8"),
    *(("vouch", [command], "vouch.1") for command in ("verify", "cert", "report", "show", "policy", "selftest", "kds")),
], ids=lambda value: value[0] if isinstance(value, list) and value else None)
def test_every_option_stands_in_the_manual(request, program, words, page):
    path = request.getfixturevalue(f"{program}_program")
    told = run([path, *words, "--help"]).stdout
    options = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", told, re.M))
    assert len(options) >= 4
    manual = (TOP / "doc" / page).read_text().replace(r"\-", "-")
    assert {option for option in options if not re.search(rf"{option}\b", manual)} == set()


def settings(inert):
    text = (TOP / "include/config/settings.def").read_text()
    rows = re.findall(r'^SETTING_(?!GROUP|ALIAS)\w+\((\w+), .*?(?:, |\| )([RSPDN0]), "[^"]*"\)$', text, re.M)
    assert len(rows) > 100
    return {name for name, last_flag in rows if (last_flag == "N") == inert}


def read_by(source, name):
    return re.search(rf"\bset(tings)?(\.|->){name}(_us)?\b|\bconfig_{name}(_us)?\(", source)


def test_a_setting_that_nothing_reads_is_said_to_have_no_effect():
    source = "\n".join(path.read_text() for path in TOP.glob("src/*/*.c"))
    assert {name for name in settings(inert=False) if not read_by(source, name)} == set()


def test_a_setting_that_is_said_to_have_no_effect_is_read_by_nothing():
    source = "\n".join(path.read_text() for path in TOP.glob("src/*/*.c") if path.parent.name != "config")
    assert {name for name in settings(inert=True) if read_by(source, name)} == set()


def test_the_daemon_warns_of_a_setting_that_has_no_effect(pgvouch):
    pooler = pgvouch(disable_pqexec=1)
    assert "disable_pqexec is accepted, but has no effect in this version" in pooler.log


def test_every_test_of_the_negative_corpus_is_in_the_file_that_is_named():
    table = (TOP / "test/README.md").read_text().split("## The negative corpus")[1]
    count = 0
    for cell in re.findall(r"^\|.*\| (`test_[^|]*) \|$", table, re.M):
        text = ""
        for name in re.findall(r"`(test_\w+(?:\.py)?)`", cell):
            file = TOP / "test" / (name if name.endswith(".py") else f"unit/{name}.c")
            if name.endswith(".py") or file.exists():
                text = file.read_text()
                continue
            assert re.search(rf"\b{name}\b", text), f"{name} is not where test/README.md says"
            count += 1
    assert count >= 34
