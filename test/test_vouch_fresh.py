"""Whether evidence from a file answers a challenge: --nonce and --report-data of `vouch verify --report` and `policy test`."""

import pytest

from support.simulated import certificate, made, policy, proofs, state  # noqa: F401: fixtures
from support.vouch import could_not, failures, outcomes, verdict_of

NONCE = "5a" * 32
NOT_CHECKED = "no challenge was given: whether the evidence is fresh was not checked"


@pytest.fixture
def judge(vouch, policy):
    """Both commands on the same evidence; they say the same of it."""
    def run(evidence, *words, formats="[cmw, eat]"):
        file = policy(f"formats: {formats}\n")
        said = [verdict_of(vouch(*command, *words, "--json"))
                for command in (("verify", "--offline", "--report", evidence, "--policy", file),
                                ("policy", "test", file, evidence))]
        assert (said[0][0], outcomes(said[0][1])) == (said[1][0], outcomes(said[1][1]))
        return said[0]
    return run


def found(verdict, name):
    return next(check["found"] for check in verdict["checks"] if check["name"] == name)


@pytest.mark.parametrize("form", ["cmw", "eat"])
def test_evidence_that_answers_the_challenge_is_allowed_and_other_evidence_denied(judge, made, form):
    fresh, stale = made("--format", form, "--nonce", NONCE, name="fresh"), made("--format", form, name="stale")
    status, verdict = judge(fresh, "--nonce", NONCE)
    assert (status, verdict["verdict"], outcomes(verdict)["nonce"]) == (0, "allow", "pass")
    for evidence, nonce, said in (fresh, "5a" * 31 + "5b", "another"), (stale, NONCE, "the evidence is about none"):
        status, verdict = judge(evidence, "--nonce", nonce)
        assert (status, failures(verdict)[0], found(verdict, "nonce")) == (1, "nonce", said)


def test_a_challenge_stands_in_a_file_as_it_is(judge, made, tmp_path):
    (tmp_path / "challenge").write_bytes(bytes.fromhex(NONCE))
    evidence = made("--nonce", NONCE)
    assert judge(evidence, "--nonce", tmp_path / "challenge")[0] == 0
    (tmp_path / "challenge").write_bytes(bytes(32))
    status, verdict = judge(evidence, "--nonce", tmp_path / "challenge")
    assert (status, failures(verdict)) == (1, ["nonce"])


def test_a_challenge_that_is_shorter_than_the_policy_asks_is_denied(judge, made):
    status, verdict = judge(made("--nonce", "00ff"), "--nonce", "00ff")
    assert (status, failures(verdict)) == (1, ["nonce_length"])


def test_without_a_challenge_the_verdict_says_that_freshness_was_not_checked(judge, vouch, made, policy):
    _, verdict = judge(made("--nonce", NONCE))
    for name in "nonce", "nonce_length", "nonce_age":
        assert (outcomes(verdict)[name], found(verdict, name)) == ("skipped", NOT_CHECKED)
    assert NOT_CHECKED in vouch("verify", "--report", made(), "--policy", policy()).stdout


def test_report_data_is_held_against_what_was_asked_for(judge, made):
    evidence = made("--nonce", NONCE)
    raw = evidence.read_bytes()
    at = raw.index(bytes.fromhex("544553545f4d454153"))  # MEASUREMENT, behind REPORT_DATA
    due = raw[at - 64:at].hex()
    status, verdict = judge(evidence, "--report-data", due)
    assert (status, outcomes(verdict)["binding"], outcomes(verdict)["nonce"]) == (0, "pass", "skipped")
    assert "REPORT_DATA was given whole" in found(verdict, "nonce")
    status, verdict = judge(evidence, "--report-data", due[:-1] + ("0" if due[-1] != "0" else "1"))
    assert (status, failures(verdict)) == (1, ["binding"])
    assert judge(evidence, "--report-data", due.upper(), "--nonce", NONCE)[0] == 0


def test_of_a_bare_report_only_report_data_can_be_asked(judge, made, proofs):
    words = proofs(made())
    report = made("--format", "raw", "--nonce", NONCE, name="report.bin")
    due = report.read_bytes()[0x50:0x90].hex()
    assert judge(report, *words)[0] == 0
    assert outcomes(judge(report, *words, "--report-data", due)[1])["binding"] == "pass"
    for asked in ("00" * 64, due[:64]):  # 64 digits: zeros are due behind them
        status, verdict = judge(report, *words, "--report-data", asked)
        assert (status, failures(verdict)) == (1, ["binding"])
    status, verdict = judge(report, *words, "--nonce", NONCE)
    assert (status, failures(verdict)[0]) == (1, "nonce")
    assert "only its whole REPORT_DATA can be asked for" in found(verdict, "nonce")
    status, verdict = judge(report, *words, "--nonce", NONCE, "--report-data", due)
    assert (status, failures(verdict), outcomes(verdict)["binding"]) == (1, ["nonce", "nonce_length"], "pass")
    assert "REPORT_DATA was given whole; ask for no nonce beside it" in found(verdict, "nonce")


def test_a_certificate_in_a_file_answers_a_challenge(vouch, certificate, policy):
    file, leaf = policy(), certificate("--nonce", NONCE)
    status, verdict = verdict_of(vouch("policy", "test", file, leaf, "--nonce", NONCE, "--json"))
    assert (status, outcomes(verdict)["nonce"]) == (0, "pass")
    status, verdict = verdict_of(vouch("policy", "test", file, leaf, "--nonce", "00" * 32, "--json"))
    assert (status, failures(verdict)) == (1, ["nonce"])
    _, verdict = verdict_of(vouch("policy", "test", file, leaf, "--json"))
    assert (outcomes(verdict)["nonce"], found(verdict, "nonce")) == ("skipped", NOT_CHECKED)
    could_not(vouch("policy", "test", file, leaf, "--report-data", "00" * 64), "follows from the certificate", "policy")


@pytest.mark.parametrize("words, said", [
    (["--nonce", "0"], "--nonce: a nonce has 2 to 128 hexadecimal digits"),
    (["--nonce", "00" * 65], "--nonce: a nonce has 2 to 128 hexadecimal digits"),
    (["--nonce", ""], "--nonce is empty"),
    (["--nonce", "/nowhere/nonce"], "--nonce: "),
    (["--nonce", "{empty}"], "is empty"),
    (["--nonce", "{long}"], "--nonce: "),
    (["--nonce", "00", "--nonce", "01"], "--nonce is given twice"),
    (["--report-data", "00" * 63], "--report-data has 128 hexadecimal digits, or 64"),
    (["--report-data", "zz" * 64], "--report-data: "),
    (["--report-data", "00" * 64, "--report-data", "00" * 64], "--report-data is given twice"),
])
def test_what_cannot_be_asked_ends_with_2(vouch, policy, made, tmp_path, words, said):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "long").write_bytes(bytes(65))
    words = [word.format(empty=tmp_path / "empty", long=tmp_path / "long") for word in words]
    evidence = made()
    could_not(vouch("verify", "--report", evidence, *words), said, "verify")
    could_not(vouch("policy", "test", policy(), evidence, *words), said, "policy")


@pytest.mark.parametrize("words", [["--nonce", "00"], ["--report-data", "00" * 64]])
def test_nobody_else_is_asked(vouch, made, policy, words):
    could_not(vouch("verify", "localhost:1", *words), "a server's certificate answers no challenge", "verify")
    could_not(vouch("policy", "init", "--from", made(), *words), "belong to vouch policy test", "policy")
    could_not(vouch("policy", "check", policy(), *words), "belong to vouch policy test", "policy")
