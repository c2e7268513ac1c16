"""The tool `vouch` on reports from files: genuine ones, made ones, and what is left of them when anything is wrong."""

import datetime
import json
import os
import re
import shutil
import subprocess
from hashlib import sha512
from pathlib import Path

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from support.vouch import MEASUREMENT, Vouch, certificates_of, outcomes, policy_text, shows

TOP = Path(__file__).resolve().parent.parent
VECTORS = Path(os.environ.get("PGVOUCH_VECTORS") or TOP.parent / "shared/vectors")
AT = "2026-01-01T00:00:00Z"
VCEK, ASK, ARK = ("63da758de6644564adc5f4b93be8accd", "4ab7b379bbac4fe4a02f05aef327c782",
                  "c0b406a4a803495297433fb6014cd0ae")
CHECKS = {"": None, "version": "report_version", "signature": "report_signature",
          "certificate expired": "chain_validity"}

needs_vectors = pytest.mark.skipif(not (VECTORS / "expect.tsv").exists(),
                                   reason="genuine vectors are not here: set PGVOUCH_VECTORS")


def expectations():
    if not (VECTORS / "expect.tsv").exists():
        return [pytest.param(None, marks=needs_vectors)]
    heading, *lines = (VECTORS / "expect.tsv").read_text().splitlines()
    rows = [dict(zip(heading.split("\t"), line.split("\t"))) for line in lines]
    return [pytest.param(row, id=f"{row['name']}-{row['at'][:4]}") for row in rows]


@pytest.fixture(scope="session")
def vouch(vouch_program):
    return Vouch(vouch_program)


@pytest.fixture(scope="module")
def state(tmp_path_factory, processor):
    """A simulated processor's keys, belonging to whoever runs the tool."""
    return shutil.copytree(processor, tmp_path_factory.mktemp("vouch") / "state")


@pytest.fixture
def made(vouch, state, tmp_path):
    """Makes a simulated report, in a file."""
    def make(*more, name="report.cmw"):
        run = vouch("report", "--provider", "simulated", "--state-dir", state, "--out", tmp_path / name, *more)
        assert (run.returncode, run.stdout) == (0, ""), run.stderr
        assert "protects nothing" in run.stderr
        return tmp_path / name

    return make


@pytest.fixture
def policy(state, tmp_path):
    def write(more="", trust=True, **options):
        path = tmp_path / "policy.yaml"
        path.write_text(policy_text(state / "ark-milan.pem" if trust else None, more, **options))
        return path

    return write


@pytest.fixture
def certificate(vouch, state, tmp_path):
    """A certificate that carries evidence."""
    def make(*more):
        run = vouch("cert", "--out", tmp_path / "minted", "--cn", "a\u202egood name", "--state-dir", state, *more)
        assert run.returncode == 0, run.stderr
        return tmp_path / "minted/client.crt"

    return make


def verdict_of(run):
    assert run.stdout, run.stderr
    return run.returncode, json.loads(run.stdout)


def failures(verdict):
    return [check["name"] for check in verdict["checks"] if check["outcome"] == "fail"]


def table_of(table):
    """The entries of a GUID table."""
    entries, at = {}, 0
    while any(table[at:at + 16]):
        offset, size = (int.from_bytes(table[at + n:at + n + 4], "little") for n in (16, 20))
        entries[table[at:at + 16].hex()] = table[offset:offset + size]
        at += 24
    return entries


def could_not(run, said, command):
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"vouch {command}: ")
    assert said in run.stderr


# ---- vouch verify --report: genuine reports ----

def genuine(name):
    folder = VECTORS / "snp" / name
    kind = "vcek" if (folder / "vcek.der").exists() else "vlek"
    return folder, kind


@needs_vectors
@pytest.mark.parametrize("row", expectations())
def test_a_genuine_report_gets_its_verdict_at_its_time(vouch, row):
    folder, kind = genuine(row["name"])
    assert kind == row["key"]
    for chain in [], ["--ask", folder / "ask.pem", "--ark", folder / "ark.pem"]:
        for flag in f"--{kind}", "--vek":
            status, verdict = verdict_of(vouch("verify", "--report", folder / "report.bin", flag,
                                               folder / f"{kind}.der", "--at", row["at"], "--json", *chain))
            assert (verdict["verdict"], status) == (row["verdict"], {"allow": 0, "deny": 1}[row["verdict"]])
            found = failures(verdict)
            assert (found[0] if found else None) == CHECKS[row["failing_check"]]
            assert outcomes(verdict)["binding"] == "skipped"
            assert outcomes(verdict)["policy"] == "skipped"


@needs_vectors
def test_without_a_policy_the_output_says_what_was_not_asked(vouch):
    folder, _ = genuine("milan-v3-trustee-1")
    run = vouch("verify", "--report", folder / "report.bin", "--vcek", folder / "vcek.der", "--at", AT)
    assert run.returncode == 0
    assert "policy   none\n" in run.stdout
    assert "No policy was given" in run.stdout
    assert "no certificate: what REPORT_DATA binds was not looked at" in run.stdout


@needs_vectors
@pytest.mark.parametrize("more, denied", [
    ("", None), ("tcb: {min_version: \"1.55.29\"}\n", None), ("tcb: {min_version: \"99.0.0\"}\n", "tcb_min_version"),
    ("guest: {smt_disabled: false, min_guest_svn: 4000000}\n", "guest_svn"),
])
def test_a_genuine_report_is_judged_by_a_policy(vouch, policy, more, denied):
    folder, _ = genuine("milan-v3-trustee-1")
    measurement = json.loads(vouch("show", folder / "report.bin", "--json").stdout)["report"]["measurement"]
    more = more if "guest" in more else f"{more}guest: {{smt_disabled: false}}\n"
    status, verdict = verdict_of(vouch("verify", "--report", folder / "report.bin", "--vek", folder / "vcek.der",
                                       "--at", AT, "--json", "--policy",
                                       policy(more, trust=False, measurement=measurement)))
    assert failures(verdict) == ([denied] if denied else [])
    assert status == (1 if denied else 0)
    assert "policy" not in outcomes(verdict)


@needs_vectors
def test_a_report_with_the_certificate_of_another_chip_is_denied(vouch):
    folder, _ = genuine("milan-v3-trustee-1")
    other, _ = genuine("milan-v3-msteeav-1")
    status, verdict = verdict_of(vouch("verify", "--report", folder / "report.bin", "--vcek", other / "vcek.der",
                                       "--at", AT, "--json"))
    assert status == 1
    assert {"report_signature", "chip_id"} <= set(failures(verdict))


@needs_vectors
def test_a_certificate_under_the_flag_of_another_kind_is_denied(vouch):
    folder, _ = genuine("milan-v3-trustee-1")
    status, verdict = verdict_of(vouch("verify", "--report", folder / "report.bin", "--vlek", folder / "vcek.der",
                                       "--at", AT, "--json"))
    assert (status, failures(verdict)[0]) == (1, "vek_certificate")


def test_an_ark_of_the_command_line_is_not_trusted_for_itself(vouch, made, policy, tmp_path):
    """The simulated processor's chain, given whole: it stands on a root that nobody pinned."""
    members = cbor2.loads(made().read_bytes())
    table = table_of(members["certs"][1])
    (tmp_path / "report.bin").write_bytes(members["snp"][1])
    words = ["verify", "--json", "--report", tmp_path / "report.bin"]
    for flag, guid in ("--vek", VCEK), ("--ask", ASK), ("--ark", ARK):
        (tmp_path / flag).write_bytes(table[guid])
        words += [flag, tmp_path / flag]
    status, verdict = verdict_of(vouch(*words))
    assert (status, failures(verdict)[0]) == (1, "chain_root")
    assert verdict_of(vouch(*words, "--policy", policy()))[0] == 0


def revocations(state, issuer, *revoked, days=1):
    """A list by the simulated root."""
    key = serialization.load_pem_private_key((state / "ark-milan.key").read_bytes(), None)
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer)
               .last_update(now - datetime.timedelta(days=2)).next_update(now + datetime.timedelta(days=days)))
    for serial in revoked:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial)
                                                  .revocation_date(now - datetime.timedelta(days=2)).build())
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    return builder.sign(key, hashes.SHA384(), rsa_padding=pss).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("revoked, days, outcome", [(False, 1, "pass"), (True, 1, "fail"), (False, -1, "fail")])
def test_a_revocation_list_is_obeyed_and_must_speak(vouch, made, policy, state, tmp_path, revoked, days, outcome):
    members = cbor2.loads(made().read_bytes())
    table = table_of(members["certs"][1])
    ask = x509.load_der_x509_certificate(table[ASK])
    files = {"report.bin": members["snp"][1], "vek": table[VCEK], "ask": table[ASK], "ark": table[ARK],
             "crl": revocations(state, ask.issuer, *([ask.serial_number] if revoked else []), days=days)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    status, verdict = verdict_of(vouch("verify", "--json", "--policy", policy(), "--report", tmp_path / "report.bin",
                                       *(word for name in ("vek", "ask", "ark", "crl")
                                         for word in (f"--{name}", tmp_path / name))))
    assert outcomes(verdict)["chain_revocation"] == outcome
    assert status == (0 if outcome == "pass" else 1)


@needs_vectors
@pytest.mark.parametrize("name", ["report.bin", "vcek.der"])
def test_one_flipped_bit_is_denied(vouch, tmp_path, name):
    folder, _ = genuine("turin-v5-oak-1")
    files = {}
    for file in "report.bin", "vcek.der":
        content = bytearray((folder / file).read_bytes())
        if file == name:
            content[200] ^= 1
        files[file] = tmp_path / file
        files[file].write_bytes(content)
    status, verdict = verdict_of(vouch("verify", "--report", files["report.bin"], "--vek", files["vcek.der"],
                                       "--at", AT, "--json"))
    assert (status, verdict["verdict"]) == (1, "deny")


@needs_vectors
@pytest.mark.parametrize("size", [0, 1183, 1185])
def test_a_report_of_another_length_is_denied(vouch, tmp_path, size):
    folder, _ = genuine("milan-v3-trustee-1")
    (tmp_path / "cut.bin").write_bytes(((folder / "report.bin").read_bytes() + b"\0")[:size])
    status, verdict = verdict_of(vouch("verify", "--report", tmp_path / "cut.bin", "--vek", folder / "vcek.der",
                                       "--json"))
    assert (status, failures(verdict)[0]) == (1, "report_length")


# ---- vouch verify --report: what cannot be tried ----

@pytest.mark.parametrize("words, said", [
    (["--report", "r"], "cannot open"),
    (["--report", "r", "localhost:1"], "exclude each other"),
    (["--report", "r", "--ca", "c"], "belong to a server"),
    (["--report", "r", "--save-report", "c"], "belong to a server"),
    (["--report", "r", "--direct-tls"], "belong to a server"),
    (["--report", "r", "--vek", "a", "--vcek", "b"], "exclude each other"),
    (["localhost:1", "--vek", "a"], "belong to --report"),
    (["localhost:1", "--crl", "a"], "belong to --report"),
    (["localhost:1", "--at", "2025-02-30T00:00:00Z"], "expected a time in UTC"),
    (["localhost:1", "--at", "2025-01-31"], "expected a time in UTC"),
    (["localhost:1", "--at", "2025-01-31T00:00:00+01:00"], "expected a time in UTC"),
    (["localhost:1", "--at", AT, "--at", AT], "given twice"),
])
def test_a_line_that_does_not_fit_ends_with_2(vouch, words, said):
    could_not(vouch("verify", *words), said, "verify")


def test_files_that_do_not_fit_end_with_2(vouch, made, tmp_path):
    cmw, raw = made(), made("--format", "raw", name="report.bin")
    could_not(vouch("verify", "--report", raw, "--offline"), "the report's certificate is missing", "verify")
    could_not(vouch("verify", "--report", cmw, "--vek", raw), "brings its own certificates", "verify")
    could_not(vouch("verify", "--report", raw, "--vek", tmp_path / "none"), "--vek", "verify")
    (tmp_path / "empty").touch()
    could_not(vouch("verify", "--report", raw, "--vek", tmp_path / "empty"), "is empty", "verify")
    could_not(vouch("verify", "--report", raw, "--vek", raw, "--crl", raw), "--crl", "verify")


# ---- vouch verify HOST:PORT without a policy ----

def test_a_simulated_server_without_a_policy_is_denied_for_its_root(vouch, certificate):
    path = certificate()
    with shows(path, path.parent / "client.key") as server:
        run = vouch("verify", server.address)
        status, verdict = verdict_of(vouch("verify", server.address, "--json"))
    assert run.returncode == 1
    assert "No policy was given" in run.stdout
    assert (status, failures(verdict)[0]) == (1, "chain_root")
    assert outcomes(verdict)["binding"] == "pass"
    assert outcomes(verdict)["policy"] == "skipped"
    assert "measurement" not in outcomes(verdict)
    assert "policy" not in verdict["reason"]


def test_the_time_of_check_counts_for_a_server_too(vouch, certificate, policy):
    path = certificate()
    with shows(path, path.parent / "client.key") as server:
        assert vouch("verify", server.address, "--policy", policy()).returncode == 0
        status, verdict = verdict_of(vouch("verify", server.address, "--policy", policy(), "--at",
                                           "2020-01-01T00:00:00Z", "--json"))
    assert status == 1
    assert {"chain_validity", "leaf_validity", "issued_at"} == set(failures(verdict))


# ---- vouch report ----

def test_a_report_binds_nonce_and_time_and_holds(vouch, made, policy):
    path = made("--nonce", "00ff")
    bind = cbor2.loads(cbor2.loads(path.read_bytes())["bind"][1])
    assert (bind[1], bind[2], bind[3], bind[5]) == (1, 3, b"", bytes.fromhex("00ff"))
    status, verdict = verdict_of(vouch("verify", "--report", path, "--policy", policy(), "--json"))
    assert (status, verdict["verdict"]) == (0, "allow")
    assert outcomes(verdict)["binding"] == "pass"


def test_report_data_is_what_the_profile_says(made):
    members = cbor2.loads(made("--nonce", "aa" * 64).read_bytes())
    bind = cbor2.loads(members["bind"][1])

    def lp(value):
        return len(value).to_bytes(2, "big") + value

    due = sha512(lp(b"pgvouch/snp-report/v1") + bind[4].to_bytes(8, "big") + lp(b"") + lp(bind[5])).digest()
    assert members["snp"][1][0x50:0x90] == due


@pytest.mark.parametrize("key, value", [(4, 1), (5, b"another")])
def test_a_report_under_another_bind_record_is_denied(vouch, made, policy, key, value):
    path = made("--nonce", "00ff")
    members = cbor2.loads(path.read_bytes())
    bind = cbor2.loads(members["bind"][1])
    bind[key] = value
    members["bind"][1] = cbor2.dumps(bind, canonical=True)
    path.write_bytes(cbor2.dumps(members, canonical=True))
    status, verdict = verdict_of(vouch("verify", "--report", path, "--policy", policy(), "--json"))
    assert (status, failures(verdict)) == (1, ["binding"])


def test_a_raw_report_is_its_bytes_and_goes_to_standard_output(vouch, state):
    run = subprocess.run([vouch.program, "report", "--provider", "simulated", "--state-dir", state, "--format", "raw"],
                         stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    assert len(run.stdout) == 1184
    assert bytes.fromhex(MEASUREMENT) == run.stdout[0x90:0xC0]
    assert run.stdout[0x50:0x90].hex() in run.stderr.decode()


def test_nobody_can_choose_report_data(vouch, state):
    could_not(vouch("report", "--provider", "simulated", "--state-dir", state, "--report-data", "00" * 64),
              "unknown option --report-data", "report")


@pytest.mark.parametrize("words, said", [
    (["--provider", "simulated"], "--state-dir DIR is missing"),
    (["--provider", "none"], "--provider"),
    (["--format", "jwt"], "expected cmw, eat or raw"),
    (["--nonce", "0"], "nonce"),
    (["--nonce", "00" * 65], "nonce"),
    (["out"], "is no option"),
])
def test_a_report_that_cannot_be_made_ends_with_2(vouch, state, tmp_path, words, said):
    more = [] if "--provider" in words else ["--provider", "simulated", "--state-dir", state]
    could_not(vouch("report", "--out", tmp_path / "r", *more, *words), said, "report")
    assert not (tmp_path / "r").exists()


def test_a_report_that_cannot_be_written_ends_with_2(vouch, state, tmp_path):
    could_not(vouch("report", "--provider", "simulated", "--state-dir", state, "--out", tmp_path / "no/r"),
              "no/r", "report")


# ---- vouch show ----

def shown(vouch, path):
    run = vouch("show", path, "--json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@needs_vectors
@pytest.mark.parametrize("name", sorted({row.values[0]["name"] for row in expectations() if row.values[0]}))
def test_a_genuine_report_is_shown_as_its_facts_say(vouch, name):
    folder, kind = genuine(name)
    facts = json.loads((folder / "FACTS.json").read_text())
    report = shown(vouch, folder / "report.bin")["report"]
    due = facts["report"]
    for field in ("version", "guest_svn", "vmpl", "measurement", "report_data", "host_data", "family_id", "image_id",
                  "report_id", "chip_id"):
        assert report[field] == due[field], field
    assert int(report["policy"]["value"], 16) == int(due["policy"], 16)
    assert report["policy"]["debug"] == bool(due["policy_bits"]["debug"])
    assert int(report["platform_info"]["value"], 16) == int(due["platform_info"], 16)
    if due["version"] > 2:
        for tcb in "current_tcb", "reported_tcb", "committed_tcb", "launch_tcb":
            assert report[tcb]["microcode"] == due[tcb]["microcode"]
            assert report[tcb]["snp"] == due[tcb]["snp"]
    certificate = shown(vouch, folder / f"{kind}.der")
    assert certificate["evidence"] is None
    assert certificate["certificate"]["vek"]["kind"] == kind.upper()


@needs_vectors
def test_pem_certificates_are_shown_with_those_behind_them(vouch, tmp_path):
    folder, _ = genuine("milan-v3-trustee-1")
    (tmp_path / "chain").write_bytes((folder / "ask.pem").read_bytes() + (folder / "ark.pem").read_bytes())
    document = shown(vouch, tmp_path / "chain")
    assert document["certificate"]["subject"].startswith("CN=SEV-Milan")
    assert [other["subject"][:9] for other in document["others"]] == ["CN=ARK-Mi"]


def test_a_cmw_is_shown_whole(vouch, made):
    document = shown(vouch, made("--nonce", "00ff"))
    assert document["kind"] == "CMW"
    assert document["bind"]["nonce"] == "00ff"
    assert document["report"]["measurement"] == MEASUREMENT
    assert document["report"]["reported_tcb"]["microcode"] == 219
    assert set(document["certs"]) == {"vcek", "ask", "ark", "unknown_entries"}


def test_a_table_of_certificates_is_shown(vouch, made, tmp_path):
    (tmp_path / "table").write_bytes(cbor2.loads(made().read_bytes())["certs"][1])
    document = shown(vouch, tmp_path / "table")
    assert document["kind"] == "table of certificates"
    assert document["certs"]["vcek"]["vek"]["kind"] == "VCEK"


def test_a_certificate_with_evidence_is_shown_from_file_der_and_server(vouch, certificate, tmp_path):
    path = certificate("--san", "dns:one.example")
    (tmp_path / "der").write_bytes(certificates_of(path.parent)[0].public_bytes(serialization.Encoding.DER))
    with shows(path, path.parent / "client.key") as server:
        documents = [shown(vouch, where) for where in (path, tmp_path / "der", server.address)]
    assert documents[0] == documents[1] == documents[2]
    assert documents[0]["certificate"]["subject_alt_names"] == ["DNS:one.example"]
    assert documents[0]["evidence"]["report"]["product"] == "Milan"


def test_evidence_that_is_malformed_is_shown_as_such(vouch, tmp_path, authority):
    builder = x509.CertificateBuilder().subject_name(authority.certificate.subject)
    broken = (builder.issuer_name(authority.certificate.subject).public_key(authority.key.public_key())
              .serial_number(1).not_valid_before(authority.certificate.not_valid_before_utc)
              .not_valid_after(authority.certificate.not_valid_after_utc)
              .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.35"), b"\x04\x01\xa0"),
                             critical=False).sign(authority.key, hashes.SHA256()))
    (tmp_path / "broken.pem").write_bytes(broken.public_bytes(serialization.Encoding.PEM))
    assert "CMW" in shown(vouch, tmp_path / "broken.pem")["evidence"]["problem"]


def test_the_readable_form_says_that_nothing_was_verified(vouch, made):
    run = vouch("show", made())
    assert run.returncode == 0
    assert f"  measurement         {MEASUREMENT}\n" in run.stdout
    assert run.stdout.endswith("Decoded, not verified.\n")
    assert "\x1b" not in run.stdout


@pytest.mark.parametrize("content, said", [
    (b"", "is empty"),
    (b"hello", "no certificate (PEM or DER), CMW, EAT, CoRIM or table"),
    (b"\0" * 24, "no certificate (PEM or DER), CMW, EAT, CoRIM or table"),
    (b"\x30\x03abc", "certificate"),
    (b"\xa4\x01", "CMW"),
    (b"\xa1" * 10000, "nested"),
    (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
    (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds no certificate"),
    (b"x" * (1024 * 1024 + 1), "larger than"),
])
def test_what_is_none_of_these_ends_with_2(vouch, tmp_path, content, said):
    (tmp_path / "it").write_bytes(content)
    could_not(vouch("show", tmp_path / "it"), said, "show")


@pytest.mark.parametrize("words, said", [
    ([], "what to show is missing"), (["a", "b"], "one word too many"), (["/no/such:1"], "No such file"),
    (["none.bin"], "No such file"), (["127.0.0.1:1"], "cannot connect"), (["x", "--jsn"], "unknown option"),
    (["::1:70000"], "::1"), ([""], "is empty"),
])
def test_what_is_not_there_cannot_be_shown(vouch, words, said):
    could_not(vouch("show", *words), said, "show")


# ---- vouch policy ----

def test_a_policy_is_explained_in_plain_words(vouch, policy):
    run = vouch("policy", "check", policy('tcb: {min_version: "1.51.0", mode: warn}\n'))
    assert (run.returncode, run.stderr) == (0, "")
    assert f"the image is {MEASUREMENT}; else refused" in run.stdout
    assert "1.51.0 or newer; else let in with a warning" in run.stdout
    assert "warning  simulated attestation protects nothing" in run.stdout


def test_every_demand_of_a_policy_is_explained(vouch, policy):
    run = vouch("policy", "check", policy("chip: {products_denied: [milan]}\nplatform: {required: [ecc], mode: warn}\n"
                                          "launch: {id_key_required: true, mode: disabled}\n"))
    assert re.search(r"^  chip.products_denied +product: none of: milan; else refused$", run.stdout, re.M)
    assert re.search(r"^  platform.required +bits of PLATFORM_INFO: set: ecc; else let in with a warning$", run.stdout, re.M)
    assert re.search(r"^  launch.id_key_required +not looked at: mode is disabled$", run.stdout, re.M)


def test_what_a_policy_leaves_open_is_warned_of(vouch, tmp_path):
    (tmp_path / "open.yaml").write_text("guest: {mode: disabled}\nnonce: {source: any}\n"
                                        "certificates: {verify_signature: false}\n")
    run = vouch("policy", "check", tmp_path / "open.yaml")
    assert run.returncode == 0
    for part in ("any image", "not looked at: mode is disabled", "anybody can make it", "its host may look into",
                 "known holes", "by its own clock"):
        assert part in run.stdout


def test_every_key_of_a_policy_is_explained():
    """Groups whose keys are told together stand as the group. What demands something of a report is told by its row."""
    rows = re.findall(r'^    \{(\w+), "(\w+)", read_\w+, .*NO_DEMAND\}', (TOP / "src/attest/policy_keys.c").read_text(),
                      re.M)
    keys = [("" if group == "TOP" else group.lower(), key) for group, key in rows]
    told = set(re.findall(r'^    \{"([\w.]+)", explain_\w+\}', (TOP / "src/app/vouch_explain.c").read_text(), re.M))
    assert len(keys) > 20
    silent = {"version", "mode", "cache_duration", "crl_max_age"}  # in the heading, and within other sentences
    missing = {f"{group}.{key}" if group else key for group, key in keys
               if key not in silent and not {group, key, f"{group}.{key}"} & told}
    assert missing == set()


def test_a_policy_that_is_wrong_is_not_valid(vouch, tmp_path):
    (tmp_path / "bad.yaml").write_text("version: \"1\"\nmeasurments: {}\n")
    run = vouch("policy", "check", tmp_path / "bad.yaml")
    assert (run.returncode, run.stdout) == (1, "")
    assert f"{tmp_path}/bad.yaml:2" in run.stderr


def test_a_policy_is_tried_on_a_report_and_on_a_certificate(vouch, policy, made, certificate):
    for evidence in made(), certificate():
        status, verdict = verdict_of(vouch("policy", "test", policy(), evidence, "--json"))
        assert (status, verdict["verdict"]) == (0, "allow")
        status, verdict = verdict_of(vouch("policy", "test", policy(measurement="11" * 48), evidence, "--json"))
        assert (status, failures(verdict)) == (1, ["measurement"])
    run = vouch("policy", "test", policy(mode="warn", measurement="11" * 48), made())
    assert run.returncode == 0
    assert "verdict  warn" in run.stdout
    assert f"file     {made()}" in run.stdout


def test_a_session_is_not_asked_of_a_file(vouch, policy, certificate):
    _, verdict = verdict_of(vouch("policy", "test", policy(), certificate(), "--json"))
    skipped = {name for name, outcome in outcomes(verdict).items() if outcome == "skipped"}
    assert {"tls_version", "nonce", "nonce_length", "nonce_age"} <= skipped


def test_a_policy_made_from_evidence_loads_and_allows_it(vouch, made, certificate, tmp_path):
    for number, evidence in enumerate((made(), certificate(), made("--set", "attest_simulated_policy=0xa0000",
                                                                   "--set", "attest_simulated_guest_svn=7",
                                                                   name="debug.cmw"))):
        run = vouch("policy", "init", "--from", evidence)
        assert (run.returncode, run.stderr) == (0, "")
        assert "allow_simulated: true" in run.stdout
        (tmp_path / f"{number}.yaml").write_text(run.stdout)
        assert verdict_of(vouch("policy", "test", tmp_path / f"{number}.yaml", evidence, "--json"))[0] == 0
    assert "debug_disabled: false  # its host may look" in run.stdout
    assert "min_guest_svn: 7" in run.stdout
    other = made("--measurement", "11" * 48, name="other.cmw")
    status, verdict = verdict_of(vouch("policy", "test", tmp_path / "0.yaml", other, "--json"))
    assert (status, failures(verdict)) == (1, ["measurement"])


@needs_vectors
def test_a_policy_made_from_a_genuine_report_trusts_amd_alone(vouch, tmp_path):
    folder, _ = genuine("genoa-v5-oak-1")
    evidence = [folder / "report.bin", "--vcek", folder / "vcek.der", "--at", AT]
    run = vouch("policy", "init", "--from", *evidence)
    assert (run.returncode, run.stderr) == (0, "")
    assert "trusted_arks" not in run.stdout
    (tmp_path / "p.yaml").write_text(run.stdout)
    assert verdict_of(vouch("policy", "test", tmp_path / "p.yaml", *evidence, "--json"))[0] == 0


@needs_vectors
@pytest.mark.parametrize("name, at, said", [("milan-v2-cmc-neg-105", AT, "report_signature"),
                                            ("milan-v3-trustee-4", "2026-11-23T00:00:00Z", "chain_validity")])
def test_evidence_that_does_not_hold_is_not_pinned(vouch, name, at, said):
    folder, kind = genuine(name)
    run = vouch("policy", "init", "--from", folder / "report.bin", f"--{kind}", folder / f"{kind}.der", "--at", at)
    assert (run.returncode, run.stdout) == (1, "")
    assert "the evidence does not hold" in run.stderr
    assert said in run.stderr


def test_a_root_that_hides_what_it_is_is_not_pinned(vouch, made):
    """The simulated chain without its root: nothing says whose it is."""
    path = made()
    members = cbor2.loads(path.read_bytes())
    table = bytearray(members["certs"][1])
    at = table.index(bytes.fromhex("c0b406a4a80349529743"))
    table[at] ^= 1  # the root now stands under a GUID of nobody's
    members["certs"][1] = bytes(table)
    path.write_bytes(cbor2.dumps(members, canonical=True))
    run = vouch("policy", "init", "--from", path)
    assert (run.returncode, run.stdout) == (1, "")
    assert "chain" in run.stderr


@pytest.mark.parametrize("words, said", [
    ([], "what to do is missing"), (["chek", "p"], "unknown action"), (["check"], "the policy's file is missing"),
    (["check", "a", "b"], "one word too many"), (["check", "p", "--vek", "v"], "looks at no evidence"),
    (["check", "p", "--at", AT], "looks at no evidence"), (["check", "p", "--json"], "belongs to vouch policy test"),
    (["check", "/none"], "cannot open"), (["test", "p"], "the evidence is missing"),
    (["test", "a", "b", "c"], "one word too many"), (["test", "/none", "e"], "cannot open"),
    (["init"], "--from EVIDENCE is missing"), (["init", "p"], "one word too many"),
    (["init", "--from", "/none"], "cannot open"), (["check", "p", "--from", "e"], "belongs to vouch policy init"),
])
def test_a_wrong_line_for_policy_ends_with_2(vouch, words, said):
    could_not(vouch("policy", *words), said, "policy")


def test_what_is_no_evidence_cannot_be_tried(vouch, policy, made, certificate, tmp_path):
    (tmp_path / "table").write_bytes(cbor2.loads(made().read_bytes())["certs"][1])
    could_not(vouch("policy", "test", policy(), tmp_path / "table"), "is no evidence", "policy")
    could_not(vouch("policy", "test", policy(), certificate(), "--vek", made()), "brings its own", "policy")


def test_a_certificate_without_evidence_is_denied(vouch, policy, server_identity):
    status, verdict = verdict_of(vouch("policy", "test", policy(), server_identity.cert_file, "--json"))
    assert (status, failures(verdict)) == (1, ["evidence"])


# ---- vouch selftest ----

def test_a_machine_that_gives_no_reports_is_told_what_is_missing(vouch):
    if Path("/dev/sev-guest").exists() or Path("/sys/kernel/config/tsm/report").exists():
        pytest.skip("this machine has a provider")
    run = vouch("selftest", "--json")
    document = json.loads(run.stdout)
    assert (run.returncode, document["attests"], document["provider"]) == (1, False, None)
    assert {"device", "provider", "report"} <= set(failures(document))
    run = vouch("selftest")
    assert run.returncode == 1
    assert "/dev/sev-guest" in run.stdout
    assert run.stdout.endswith("This machine gives no evidence that others believe.\n")


def test_a_simulated_processor_passes_and_is_said_to_protect_nothing(vouch, state):
    words = ["selftest", "--provider", "simulated", "--state-dir", state]
    run = vouch(*words, "--json")
    document = json.loads(run.stdout)
    assert (run.returncode, document["attests"], document["provider"]) == (0, True, "simulated")
    found = outcomes(document)
    assert (found["provider"], found["report"], found["speed"], found["cpu"]) == ("warn", "pass", "pass", "skipped")
    assert "it protects nothing" in vouch(*words).stdout


def test_a_slow_processor_is_said_to_be_throttled_and_left_alone(vouch, state):
    run = vouch("selftest", "--provider", "simulated", "--state-dir", state, "--set", "attest_simulated_latency=1100ms",
                "--json")
    document = json.loads(run.stdout)
    speed, = (check for check in document["checks"] if check["name"] == "speed")
    assert (run.returncode, speed["outcome"]) == (0, "warn")
    assert "throttled" in speed["found"]


@pytest.mark.parametrize("words, said", [
    (["now"], "is no option"), (["--provider", "simulated"], "--state-dir DIR is missing"), (["--jsn"], "unknown option"),
])
def test_a_wrong_line_for_selftest_ends_with_2(vouch, words, said):
    could_not(vouch("selftest", *words), said, "selftest")
