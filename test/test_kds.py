"""The tool and AMD's key distribution service: what is fetched, kept, and used."""

import json

import pytest

from support import kds as service
from support.attested import chip  # noqa: F401: fixture
from support.kds import der, kds, pem, revocation_list, vcek_alike, vcek_path  # noqa: F401: fixture
from support.kds_tool import cache, could_not, fetch, kept, policy, reach, report  # noqa: F401: fixtures
from support.simulated import made, state  # noqa: F401: fixtures
from support.vectors import VECTORS, needs_vectors
from support.vouch import outcomes


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


def test_everything_is_written_where_it_is_wanted_and_fits_together(kds, fetch, vouch, report, chip, state,
                                                                    policy, tmp_path):
    kds.items[kds.crl] = revocation_list(chip)
    out = tmp_path / "out"
    run = fetch("--report", report, "--chain", "--crl", "--out", out)
    assert run.returncode == 0, run.stderr
    assert [line.split()[0] for line in run.stdout.splitlines()] == ["vcek", "chain", "crl"]
    assert (out / "vcek.der").read_bytes() == der(chip.vcek)
    assert (out / "ask.pem").read_bytes() == pem(chip.ask)
    assert (out / "ark.pem").read_bytes() == pem(chip.ark)
    run = vouch("verify", "--report", report, "--vcek", out / "vcek.der", "--ask", out / "ask.pem", "--ark",
                out / "ark.pem", "--crl", out / "crl.der", "--policy", policy(), "--offline")
    assert run.returncode == 0, run.stdout


def test_a_chip_is_named_without_a_report(kds, fetch, chip):
    run = fetch("--product", "milan", "--hwid", chip.chip_id.hex(), "--tcb", "4.0.24.219")
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


# ---- what the cache says ----

def vcek_file(cache):
    (path,) = cache.glob("vcek-*.der")
    return path


@pytest.mark.parametrize("name", ["another chip", "cut", "nothing", "too long"])
def test_a_file_that_is_not_what_its_name_says_is_thrown_away_and_fetched_anew(kds, fetch, report, cache, chip, name):
    assert fetch("--report", report).returncode == 0
    path = vcek_file(cache)
    good = path.read_bytes()
    path.write_bytes({"another chip": der(vcek_alike(chip, hwid=bytes(64))), "cut": good[:100], "nothing": b"",
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


# ---- where certificates are missing ----

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


def test_a_certificate_that_is_given_is_not_fetched(kds, vouch, reach, report, policy, chip, tmp_path):
    (tmp_path / "vcek.der").write_bytes(der(chip.vcek))
    (tmp_path / "ask.der").write_bytes(der(chip.ask))
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
