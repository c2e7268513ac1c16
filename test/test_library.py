"""libvouch as another program meets it: installed, found by pkg-config, used from C, C++ and Python."""

import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cbor2
import pytest

from support import oracle
from support.simulated import state  # noqa: F401: fixture
from support.vectors import expectations, genuine, needs_vectors
from support.vouch import MEASUREMENT, policy_text

TOP = Path(__file__).resolve().parent.parent
SANITIZER = os.environ.get("PGVOUCH_TEST_SANITIZER")
HEADER = TOP / "include/api/vouch.h"
EXAMPLES = TOP / "doc/examples"


class Installed:
    """What `make install` put below a folder of its own."""

    def __init__(self, build, folder):
        self.folder = folder
        subprocess.run(["make", "-s", "-C", build, "install", f"DESTDIR={folder}"], check=True, capture_output=True)
        self.pkgconfig = next(folder.rglob("vouch.pc")).parent
        self.libraries = self.pkgconfig.parent

    def ask(self, *words):
        env = {**os.environ, "PKG_CONFIG_PATH": str(self.pkgconfig), "PKG_CONFIG_SYSROOT_DIR": str(self.folder),
               "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1", "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1"}
        return subprocess.run(["pkg-config", *words, "vouch"], env=env, check=True, capture_output=True,
                              text=True).stdout.split()

    def compile(self, compiler, source, program, *flags):
        sanitizer = [f"-fsanitize={SANITIZER}"] if SANITIZER else []
        subprocess.run([compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", *flags, *sanitizer, source, "-o", program,
                        *self.ask("--cflags", "--libs")], check=True)
        return program

    def run(self, *words):
        return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "LD_LIBRARY_PATH": str(self.libraries)})


@pytest.fixture(scope="module")
def installed(build, tmp_path_factory):
    return Installed(build, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def check(installed, tmp_path_factory):
    """Runs the example in C: its status, and the lines of what it printed."""
    program = installed.compile("cc", EXAMPLES / "vouch-check.c", tmp_path_factory.mktemp("example") / "vouch-check",
                                "-std=c11", "-D_GNU_SOURCE")

    def run(*words):
        return installed.run(program, *words)

    return run


@pytest.fixture
def policy(state, tmp_path):
    def write(**options):
        path = tmp_path / "policy.yaml"
        path.write_text(policy_text(state / "ark-milan.pem", **options))
        return path

    return write


def verdict(run):
    assert run.stdout, run.stderr
    return re.search(r"^verdict (\w+)$", run.stdout, re.M).group(1)


def failures(run):
    return re.findall(r"^fail +(\w+)", run.stdout, re.M)


def seconds(at):
    return int(datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp())


def test_it_stands_where_linker_loader_and_pkg_config_look(installed):
    version = installed.ask("--modversion")[0]
    real = installed.libraries / f"libvouch.so.{version}"
    assert real.is_file() and not real.is_symlink()
    assert (installed.libraries / "libvouch.so.0").resolve() == real.resolve()
    assert (installed.libraries / "libvouch.so").resolve() == real.resolve()
    dynamic = subprocess.run(["readelf", "-d", real], check=True, capture_output=True, text=True).stdout
    assert "Library soname: [libvouch.so.0]" in dynamic
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic
    if not SANITIZER:
        needed = set(re.findall(r"Shared library: \[(lib[a-z_]+)", dynamic))
        assert needed <= {"libcrypto", "libyaml", "libjansson", "libc", "libm", "libcurl", "libevent", "libevent_pthreads"}


def test_it_offers_what_its_header_declares_and_nothing_else(installed):
    library = installed.libraries / "libvouch.so"
    symbols = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    offered = {line.split()[2].split("@")[0] for line in symbols.splitlines() if line.split()[1] in "TDBRVW"}
    declared = set(re.findall(r"^VOUCH_API [\w *]*?\*?(vouch_\w+)\(", HEADER.read_text(), re.M))
    assert len(declared) > 25
    assert offered == declared


def test_every_function_is_documented():
    page = (TOP / "doc/libvouch.3").read_text()
    declared = re.findall(r"^VOUCH_API [\w *]*?\*?(vouch_\w+)\(", HEADER.read_text(), re.M)
    assert [name for name in declared if name not in page] == []


def test_what_is_installed_is_the_header_of_this_version(installed):
    header = next(installed.folder.rglob("vouch.h"))
    assert header.read_text() == HEADER.read_text()
    assert installed.ask("--cflags") == [f"-I{header.parent}"]


@pytest.mark.parametrize("compiler, flags, name", [("cc", ["-std=c11"], "it.c"), ("cc", ["-std=c2x"], "it.c"),
                                                   ("c++", ["-std=c++11"], "it.cc"), ("c++", ["-std=c++20"], "it.cc")])
def test_a_program_in_c_or_c_plus_plus_includes_and_links_it(installed, tmp_path, compiler, flags, name):
    (tmp_path / name).write_text('#include <vouch.h>\n#include <stdio.h>\n'
                                 'int main(void) { vouch_request *r = vouch_request_new(); puts(vouch_version());\n'
                                 '  vouch_request_free(r); return VOUCH_ALLOW == 2 ? 0 : 1; }\n')
    run = installed.run(installed.compile(compiler, tmp_path / name, tmp_path / "it", *flags))
    assert (run.returncode, run.stdout.split()) == (0, installed.ask("--modversion"))


@needs_vectors
@pytest.mark.parametrize("row", expectations())
def test_a_genuine_report_gets_its_verdict(check, row):
    folder, kind = genuine(row["name"])
    run = check("-v", folder / f"{kind}.der", "-t", seconds(row["at"]), "report", folder / "report.bin")
    assert (verdict(run), run.returncode) == (row["verdict"], {"allow": 0, "deny": 1}[row["verdict"]])


@needs_vectors
@pytest.mark.skipif(SANITIZER is not None, reason="an interpreter without the sanitizer cannot load the library")
@pytest.mark.parametrize("row", expectations())
def test_python_gets_the_verdict_that_the_tool_prints(installed, vouch, row):
    folder, kind = genuine(row["name"])
    run = installed.run(sys.executable, EXAMPLES / "vouch_check.py", folder / "report.bin", folder / f"{kind}.der",
                        seconds(row["at"]))
    tool = vouch("verify", "--report", folder / "report.bin", "--vek", folder / f"{kind}.der", "--at", row["at"], "--json")
    assert run.stdout, run.stderr
    assert json.loads(run.stdout) == json.loads(tool.stdout)


@needs_vectors
@pytest.mark.skipif(SANITIZER is not None, reason="an interpreter without the sanitizer cannot load the library")
@pytest.mark.parametrize("row", expectations())
def test_the_facts_of_a_genuine_report_are_told_by_name(installed, row):
    folder, kind = genuine(row["name"])
    program = (f"import sys, json; sys.path.insert(0, {str(EXAMPLES)!r}); import vouch_check as v\n"
               f"v.verify(open({str(folder / 'report.bin')!r}, 'rb').read(), "
               f"open({str(folder / f'{kind}.der')!r}, 'rb').read(), {seconds(row['at'])}, "
               "lambda verdict: print(json.dumps(v.facts(verdict))))")
    run = installed.run(sys.executable, "-c", program)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    raw = (folder / "report.bin").read_bytes()
    assert (told["format"], told["nonce"], told["issued_at"], told["policy"]) == ("raw", "not-asked", "", "")
    assert told["checked_at"] == str(seconds(row["at"]))
    assert {name for name in told if told[name] != told[name].lower()} <= {"csp_id"}
    for name, (at, size) in {"measurement": (0x90, 48), "report_data": (0x50, 64), "host_data": (0xC0, 32),
                             "family_id": (0x10, 16), "image_id": (0x20, 16), "report_id": (0x140, 32),
                             "reported_tcb": (0x180, 8), "current_tcb": (0x38, 8), "committed_tcb": (0x1E0, 8),
                             "launch_tcb": (0x1F0, 8)}.items():
        assert told[name] == raw[at:at + size].hex(), name
    chip = raw[0x1A0:0x1E0]
    assert told["chip_id"] == (chip.hex() if any(chip) else "")
    for name, at in {"report_version": 0, "guest_svn": 4, "vmpl": 0x30}.items():
        assert told[name] == str(int.from_bytes(raw[at:at + 4], "little")), name
    assert int(told["guest_policy"], 16) == int.from_bytes(raw[8:16], "little")
    assert (told["key_kind"], told["csp_id"] != "") == (kind, kind == "vlek")
    if row["verdict"] == "allow":
        assert (told["root"], told["simulated"]) == ("amd", "false")
        assert int(told["valid_until"]) > seconds(row["at"])
        place = {"fmc": 0, "bootloader": 1, "tee": 2, "snp": 3} if told["product"] == "turin" else \
            {"bootloader": 0, "tee": 1, "snp": 6}
        for part in ("fmc", "bootloader", "tee", "snp", "microcode"):
            at = {**place, "microcode": 7}.get(part)
            assert told[f"reported_tcb.{part}"] == ("" if at is None else str(raw[0x180 + at]))


def test_every_fact_is_documented(installed, tmp_path):
    (tmp_path / "names.c").write_text('#include <vouch.h>\n#include <stdio.h>\nint main(void) {\n'
                                      '  for (size_t i = 0; *vouch_fact_name(i); i++) puts(vouch_fact_name(i));\n'
                                      '  return 0; }\n')
    run = installed.run(installed.compile("cc", tmp_path / "names.c", tmp_path / "names", "-std=c11"))
    names = run.stdout.split()
    assert len(names) > 50
    page, header = (TOP / "doc/libvouch.3").read_text(), HEADER.read_text()
    for name in names:
        field, _, part = name.partition(".")
        for text in page, header:
            assert re.search(rf"\b{field}\b", text), name
            assert not part or f".{part}" in text, name


@needs_vectors
def test_a_report_with_a_flipped_bit_is_denied(check, tmp_path):
    folder, kind = genuine("milan-v3-trustee-1")
    report = bytearray((folder / "report.bin").read_bytes())
    report[0x90] ^= 1
    (tmp_path / "report.bin").write_bytes(report)
    run = check("-v", folder / f"{kind}.der", "-t", seconds("2026-01-01T00:00:00Z"), "report", tmp_path / "report.bin")
    assert (verdict(run), run.returncode, failures(run)) == ("deny", 1, ["report_signature"])


def test_a_simulated_report_is_judged_by_a_policy(check, vouch, state, policy, tmp_path):
    made = vouch("report", "--provider", "simulated", "--state-dir", state, "--out", tmp_path / "report.cmw")
    assert made.returncode == 0, made.stderr
    run = check("-p", policy(), "cmw", tmp_path / "report.cmw")
    assert (verdict(run), run.returncode) == ("allow", 0)
    run = check("-p", policy(measurement="22" * 48), "cmw", tmp_path / "report.cmw")
    assert (verdict(run), run.returncode, failures(run)) == ("deny", 1, ["measurement"])
    run = check("cmw", tmp_path / "report.cmw")
    assert (verdict(run), failures(run)[0]) == ("deny", "chain_root")


@pytest.mark.parametrize("form", ["cmw", "eat"])
def test_every_form_that_the_tool_makes_is_read(check, vouch, state, policy, tmp_path, form):
    path, measurement = tmp_path / "evidence", "44" * 48
    made = vouch("report", "--provider", "simulated", "--state-dir", state, "--out", path, "--format", form,
                 "--measurement", measurement)
    assert made.returncode == 0, made.stderr
    run = check("-p", policy(measurement=measurement, more=f"formats: [{form}]\n"), "-f", "measurement", "cmw", path)
    assert (verdict(run), run.returncode, run.stdout.splitlines()[-1]) == ("allow", 0, f"measurement {measurement}")
    run = check("-p", policy(measurement=measurement, more="formats: [dice]\n"), "-f", "format", "cmw", path)
    assert (verdict(run), failures(run), run.stdout.splitlines()[-1]) == ("deny", ["format"], f"format {form}")


def test_a_cmw_in_json_is_read(check, vouch, state, policy, tmp_path):
    made = vouch("report", "--provider", "simulated", "--state-dir", state, "--out", tmp_path / "report.cmw")
    assert made.returncode == 0, made.stderr
    collection = cbor2.loads((tmp_path / "report.cmw").read_bytes())
    (tmp_path / "report.json").write_text(json.dumps(oracle.cmw_json(collection)))
    run = check("-p", policy(), "-f", "format", "cmw", tmp_path / "report.json")
    assert (verdict(run), run.stdout.splitlines()[-1]) == ("allow", "format cmw")
    (tmp_path / "report.json").write_text("{}")
    run = check("cmw", tmp_path / "report.json")
    assert (run.returncode, run.stdout) == (2, "")


def test_a_time_that_nothing_vouches_for_is_not_told(check, state, policy, tmp_path):
    """The same evidence in the certificate that it is about, and in another."""
    draft, thief, chip = oracle.Draft(), oracle.Draft(), oracle.Processor.load(state)
    cmw = oracle.canonical(oracle.cmw_map(chip.report(draft.report_data(), bytes.fromhex(MEASUREMENT)), chip.table(),
                                          draft.bind.write()))
    for one, outcome, told in (draft, "allow", f"issued_at {draft.bind.issued_at}"), (thief, "deny", "issued_at "):
        (tmp_path / "leaf.der").write_bytes(one.with_cbor(cmw))
        run = check("-p", policy(), "-f", "issued_at", "cert", tmp_path / "leaf.der")
        assert (verdict(run), run.stdout.splitlines()[-1]) == (outcome, told)


def test_a_certificate_with_simulated_evidence_is_judged_by_a_policy(check, vouch, state, policy, tmp_path):
    made = vouch("cert", "--out", tmp_path / "minted", "--cn", "client", "--state-dir", state)
    assert made.returncode == 0, made.stderr
    run = check("-p", policy(), "cert", tmp_path / "minted/client.crt")
    assert (verdict(run), run.returncode) == ("allow", 0)
    run = check("-p", policy(), "-t", "4000000000", "cert", tmp_path / "minted/client.crt")
    assert verdict(run) == "deny" and "leaf_validity" in failures(run)


def test_what_a_policy_leaves_open_is_told_and_not_printed_by_the_library(check, vouch, state, tmp_path):
    made = vouch("report", "--provider", "simulated", "--state-dir", state, "--out", tmp_path / "report.cmw")
    assert made.returncode == 0
    (tmp_path / "open.yaml").write_text("version: '1'\n")
    run = check("-p", tmp_path / "open.yaml", "cmw", tmp_path / "report.cmw")
    assert run.stderr == "vouch-check: open.yaml: no measurements are named: any guest image will do\n"


@pytest.mark.parametrize("words, said", [
    (["-p", "/nowhere/policy.yaml", "report", "{f}"], "/nowhere/policy.yaml"),
    (["-p", "{f}", "report", "{f}"], ":1:"),
    (["report", "{f}"], "the report's certificate is missing"),
    (["cmw", "{f}"], "the CMW"),
    (["cert", "{f}"], "certificate"),
    (["-v", "{f}", "cmw", "{f}"], "the CMW")])
def test_what_cannot_be_tried_is_an_error_and_no_verdict(check, tmp_path, words, said):
    (tmp_path / "nonsense").write_text("- nonsense\n")
    run = check(*[word.format(f=tmp_path / "nonsense") for word in words])
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr
