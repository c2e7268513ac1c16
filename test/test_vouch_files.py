"""What stands beside evidence on the tool's command lines: revocation lists, chains, roots and tables of certificates."""

import pytest

from support.attested import chip  # noqa: F401: fixture
from support.kds import der, kds, pem, revocation_list  # noqa: F401: fixture
from support.kds_tool import cache, fetch, kept, reach, report  # noqa: F401: fixtures
from support.simulated import certificate, made, policy, state  # noqa: F401: fixtures
from support.vectors import AT, VECTORS, genuine, needs_vectors
from support.vouch import could_not, failures, outcomes, shows, verdict_of

REVOCATION = "chain_revocation"


@pytest.fixture
def file_of(tmp_path):
    def write(name, content):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


@pytest.fixture
def requiring(policy):
    """A policy that requires a list."""
    path = policy()
    path.write_text(path.read_text() + "  crl: required\n")
    return path


def revocation(run):
    status, verdict = verdict_of(run)
    return status, outcomes(verdict)[REVOCATION]


# ---- lists beside evidence of every kind ----

LISTS = [("clean", 0, "pass"), ("revoking", 1, "fail"), ("a stranger's", 1, "fail")]


@pytest.fixture
def lists(chip, file_of):
    return {"clean": file_of("clean.crl", revocation_list(chip)),
            "revoking": file_of("revoking.crl", revocation_list(chip, revoked=[chip.ask])),
            "a stranger's": file_of("strange.crl", revocation_list(chip.impostor()))}


@pytest.mark.parametrize("name, status, outcome", LISTS)
def test_policy_test_takes_a_list_beside_a_cmw_and_a_certificate(vouch, policy, made, certificate, lists, name, status,
                                                                 outcome):
    for evidence in made(), certificate():
        run = vouch("policy", "test", policy(), evidence, "--crl", lists[name], "--json")
        assert revocation(run) == (status, outcome)


@pytest.mark.parametrize("name, status, outcome", LISTS)
def test_verify_takes_a_list_beside_a_cmw_and_a_server(vouch, policy, made, certificate, lists, name, status, outcome):
    run = vouch("verify", "--report", made(), "--policy", policy(), "--crl", lists[name], "--json")
    assert revocation(run) == (status, outcome)
    path = certificate()
    with shows(path, path.parent / "client.key") as server:
        run = vouch("verify", server.address, "--policy", policy(), "--crl", lists[name], "--json")
    assert revocation(run) == (status, outcome)


def test_a_list_that_cannot_be_read_is_said_before_a_server_is_dialled(vouch, file_of):
    could_not(vouch("verify", "localhost:1", "--crl", file_of("garbage", b"garbage")), "--crl: ", "verify")


def test_policy_init_pins_nothing_under_a_revoked_authority(vouch, made, lists):
    assert vouch("policy", "init", "--from", made(), "--crl", lists["clean"]).returncode == 0
    run = vouch("policy", "init", "--from", made(), "--crl", lists["revoking"])
    assert (run.returncode, run.stdout) == (1, "")
    assert REVOCATION in run.stderr


# ---- what policy test has from KDS ----

def test_policy_test_has_the_list_that_is_required_fetched_and_then_from_the_cache(kds, vouch, reach, requiring, made,
                                                                                  certificate, chip):
    kds.items[kds.crl] = revocation_list(chip)
    for evidence in made(), certificate():
        assert revocation(vouch("policy", "test", requiring, evidence, "--json", *reach())) == (0, "pass")
    kds.stop()
    assert kds.count("/crl") == 1
    for evidence in made(), certificate():
        assert revocation(vouch("policy", "test", requiring, evidence, "--json", "--offline", *reach())) == (0, "pass")


def test_policy_test_offline_without_the_list_denies_and_asks_nobody(kds, vouch, reach, requiring, made):
    run = vouch("policy", "test", requiring, made(), "--json", "--offline", *reach())
    assert revocation(run) == (1, "fail")
    assert "vouch policy: the revocation list of Milan" in run.stderr
    assert kds.requests == []


def test_policy_test_has_the_certificate_of_a_report_fetched(kds, vouch, reach, policy, report):
    assert vouch("policy", "test", policy(), report, *reach()).returncode == 0
    assert kds.count(kds.vcek) == 1
    assert vouch("policy", "test", policy(), report, "--offline", *reach()).returncode == 0


def test_a_report_whose_certificate_nobody_has_cannot_be_tried(vouch, policy, report):
    could_not(vouch("policy", "test", policy(), report, "--offline"), "the report's certificate is missing", "policy")
    could_not(vouch("policy", "init", "--from", report, "--offline"), "the report's certificate is missing", "policy")


@pytest.mark.parametrize("words", [["--offline"], ["--cache", "d"], ["--set", "kds_timeout=1"], ["--crl", "c"],
                                   ["--certs", "c"]])
def test_policy_check_takes_nothing_of_this(vouch, policy, words):
    could_not(vouch("policy", "check", policy(), *words), "looks at no evidence", "policy")


# ---- authorities in one file ----

@pytest.fixture
def judged(vouch, policy, report, file_of, chip):
    """The verdict on a bare report with these files beside it."""
    def judge(*more, trusting=True):
        words = ["verify", "--report", report, "--policy", policy(trust=trusting)]
        return vouch(*words, "--vcek", file_of("vcek.der", der(chip.vcek)), "--json", *more)

    return judge


def test_the_file_of_authorities_that_kds_hands_out_is_taken_as_it_is(judged, file_of, chip):
    for name, content in ("chain", pem(chip.ask, chip.ark)), ("reversed", pem(chip.ark, chip.ask)):
        assert verdict_of(judged("--ask", file_of(name, content)))[0] == 0


def test_the_root_in_it_is_trusted_no_more_than_any(judged, file_of, chip):
    status, verdict = verdict_of(judged("--ask", file_of("chain", pem(chip.ask, chip.ark)), trusting=False))
    assert (status, failures(verdict)[0]) == (1, "chain_root")


@needs_vectors
def test_a_genuine_chain_file_goes_with_a_genuine_report(vouch, file_of):
    folder, kind = genuine("milan-v3-trustee-1")
    chain = file_of("chain.pem", (folder / "ask.pem").read_bytes() + (folder / "ark.pem").read_bytes())
    words = ["verify", "--report", folder / "report.bin", f"--{kind}", folder / f"{kind}.der", "--at", AT, "--json"]
    assert verdict_of(vouch(*words, "--ask", chain))[0] == 0


# ---- roots that are not ----

def test_an_ark_that_did_not_sign_the_authority_is_an_error(judged, file_of, chip):
    ask, stranger = file_of("ask.pem", pem(chip.ask)), file_of("ark.pem", pem(chip.impostor().ark))
    could_not(judged("--ask", ask, "--ark", stranger), "is not the root that signed the ASK or ASVK", "verify")


@needs_vectors
def test_an_ark_of_another_product_is_an_error_beside_a_genuine_report(vouch):
    milan, kind = genuine("milan-v3-trustee-1")
    genoa, _ = genuine("genoa-v5-oak-1")
    words = ["verify", "--report", milan / "report.bin", f"--{kind}", milan / f"{kind}.der", "--at", AT]
    assert vouch(*words, "--ark", milan / "ark.pem").returncode == 0
    could_not(vouch(*words, "--ark", genoa / "ark.pem"), "is not the root that signed the ASK or ASVK", "verify")


def test_an_ark_that_nobody_trusts_is_an_error_where_its_authority_is_not_known(kds, vouch, reach, policy, report, file_of,
                                                                                chip):
    words = ["verify", "--report", report, "--policy", policy(), *reach()]
    could_not(vouch(*words, "--ark", file_of("ark.pem", pem(chip.impostor().ark))),
              "is neither AMD's root nor one of the policy's trusted_arks", "verify")
    assert vouch(*words, "--ark", file_of("ark.pem", pem(chip.ark))).returncode == 0


@pytest.mark.parametrize("what", ["ask", "garbage"])
def test_what_is_no_root_is_an_error_as_one(judged, file_of, chip, what):
    content = {"ask": pem(chip.ask), "garbage": b"garbage"}[what]
    could_not(judged("--ask", file_of("ask.pem", pem(chip.ask)), "--ark", file_of("ark.pem", content)), "--ark: ",
              "verify")


# ---- a table of certificates in a file ----

def test_the_table_that_a_device_gives_proves_its_report(vouch, policy, report, file_of, chip):
    table = file_of("auxblob", chip.table() + bytes(100))  # devices pad
    for words in ["verify", "--report", report, "--policy", policy()], ["policy", "test", policy(), report]:
        assert verdict_of(vouch(*words, "--certs", table, "--json"))[0] == 0
    status, verdict = verdict_of(vouch("verify", "--report", report, "--certs", table, "--json"))
    assert (status, failures(verdict)[0]) == (1, "chain_root")


@needs_vectors
def test_a_genuine_table_proves_its_genuine_report(vouch):
    folder = VECTORS / "other/veraison-genoa"
    status, verdict = verdict_of(vouch("verify", "--report", folder / "report.bin", "--certs", folder / "auxblob.bin",
                                       "--at", AT, "--json"))
    assert (status, failures(verdict)) == (0, [])


def test_a_file_that_is_no_table_is_an_error(vouch, policy, report, made, file_of, chip):
    words = ["verify", "--report", report, "--policy", policy(), "--certs"]
    could_not(vouch(*words, file_of("vcek.pem", pem(chip.vcek))), "is no table of certificates", "verify")
    could_not(vouch(*words, file_of("none", bytes(64))), "--certs: ", "verify")
    could_not(vouch(*words, "/nonexistent"), "--certs: ", "verify")
    could_not(vouch("verify", "--report", made(), "--certs", file_of("table", chip.table())), "brings its own", "verify")
    could_not(vouch("policy", "test", policy(), report, "--certs", file_of("table", chip.table()), "--vek", report),
              "--certs has all certificates", "policy")


# ---- certificates that carry a report, for kds fetch ----

def test_a_certificate_with_evidence_names_the_vcek_to_fetch(kds, fetch, certificate, cache):
    run = fetch("--report", certificate())
    assert run.returncode == 0, run.stderr
    assert kds.count(kds.vcek) == 1
    assert any(name.startswith("vcek-milan-") for name in kept(cache))


def test_what_carries_no_report_names_nothing(fetch, made, server_identity, file_of, chip):
    could_not(fetch("--report", server_identity.cert_file), "carries no evidence", "kds")
    could_not(fetch("--report", file_of("table", chip.table())), "a table of certificates has no report", "kds")
    could_not(fetch("--report", file_of("short", bytes([3] * 100))), "100 bytes that are no certificate", "kds")
