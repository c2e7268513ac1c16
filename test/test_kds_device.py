"""Tables of certificates that hosts hand out with a report and that prove nothing: the daemon in an imagined guest has what
is wanting from AMD's key distribution service."""

import json
import re

import cbor2
import pytest

from support import scratch
from support.attested import chip  # noqa: F401: fixture
from support.kds import der, kds, vcek_alike  # noqa: F401: fixture
from support.machine import CERTS_MAX
from support.oracle import CMW, der_content, read_table, write_table
from support.vlek import VlekProcessor
from support.vouch import policy_text, shown_by

# Certificates of VCEKs have the serial number 0, as AMD's have.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

TAKEN = "the one that AMD's KDS has goes with the report"
STAYS = "it goes with it all the same, since KDS gives none"
WITHOUT = "the evidence is without the certificate of the processor's key"


@pytest.fixture(params=["tsm", "sev-guest"])
def provider(request):
    return request.param


@pytest.fixture
def guest(machine, pgvouch, kds, authority, processor, scratch_folder, provider):
    """Starts the daemon in the guest, which may use the devices, and finds the service."""
    machine.let_in(scratch.service_ids()[0])

    def start(**settings):
        return pgvouch(env=machine.env, **{
            "client_tls_sslmode": "allow", "attest_provider": provider, "attest_required": 1, "attest_report_rate": 20,
            "attest_san": "localhost,127.0.0.1", "kds_url": kds.url, "kds_ca_file": authority.ca_file,
            "kds_ark_file": processor / "ark-milan.pem", "kds_proxy": "none", "kds_interval": 0, "kds_timeout": 5,
            "kds_cache_dir": scratch_folder / "kds", **settings})
    return start


@pytest.fixture
def verdict(vouch, processor, scratch_folder):
    """What who asks nobody else makes of the evidence: allow or deny, and the checks that failed."""
    def judge(pooler):
        policy = scratch.write(scratch_folder / "policy.yaml", policy_text(processor / "ark-milan.pem"), 0o644)
        _, document = vouch.verify(f"localhost:{pooler.port}", policy, "--offline")
        return document["verdict"], {check["name"] for check in document["checks"] if check["outcome"] == "fail"}
    return judge


def certificates_shown(pooler):
    extension = shown_by(pooler.host, pooler.port).extensions.get_extension_for_oid(CMW).value.value
    return read_table(cbor2.loads(der_content(0x04, extension))["certs"][1])


def table_of(chip, vcek):
    return write_table({"vcek": vcek, "ask": chip.ask, "ark": chip.ark})


UNFIT = {
    "of an older TCB": (lambda chip: table_of(chip, vcek_alike(chip, microcode=115)), "certificate_tcb: .*microcode 115"),
    "of another chip": (lambda chip: table_of(chip, vcek_alike(chip, hwid=bytes(range(64)))), "chip_id: it is of another"),
    "of a VLEK": (lambda chip: VlekProcessor(chip).table(), "key_kind: VLEK, the report has VCEK"),
    "of both kinds": (lambda chip: write_table({"vcek": chip.vcek, "vlek": VlekProcessor(chip).vcek, "ask": chip.ask,
                                                "ark": chip.ark}), "both a VCEK and a VLEK"),
}
MALFORMED = {
    "reaching outside": lambda chip: chip.table()[:16] + b"\xff\xff\xff\x7f" + chip.table()[20:],
    "rubbish": lambda chip: b"\xee" * 900,
}


@pytest.mark.parametrize("unfit", [*UNFIT, *MALFORMED])
def test_a_table_that_proves_nothing_is_replaced_by_what_kds_has(kds, guest, machine, verdict, chip, unfit):
    make, said = UNFIT.get(unfit) or (MALFORMED[unfit], "the device's table of certificates is left out")
    machine.host.certificates = make(chip)
    pooler = guest()
    assert certificates_shown(pooler) == {"vcek": chip.vcek, "ask": chip.ask, "ark": chip.ark}
    assert verdict(pooler) == ("allow", set())
    assert kds.requests == [kds.chain, kds.vcek]
    (warning,) = (line for line in pooler.log.splitlines() if TAKEN in line)
    assert re.search(f"WARNING attestation: .*{said}", warning)
    assert WITHOUT not in pooler.log


def test_a_host_without_a_table_needs_no_warning(kds, guest, machine, verdict, chip):
    machine.host.certificates = b""
    pooler = guest()
    assert verdict(pooler) == ("allow", set())
    assert kds.requests == [kds.chain, kds.vcek]
    assert TAKEN not in pooler.log and WITHOUT not in pooler.log


@pytest.mark.parametrize("settings, said", [({"kds_offline": 1}, "offline"), ({}, "status 404")])
def test_a_certificate_that_does_not_fit_stays_where_kds_has_none(kds, guest, machine, verdict, chip, settings, said):
    stale = vcek_alike(chip, microcode=115)
    machine.host.certificates = table_of(chip, stale)
    kds.items.clear()
    pooler = guest(**settings)
    assert re.search(f"{WITHOUT}.*certificate_tcb: .*{STAYS}", pooler.log)
    assert said in pooler.log
    assert certificates_shown(pooler)["vcek"] == stale
    outcome, failed = verdict(pooler)
    assert outcome == "deny" and "certificate_tcb" in failed


@pytest.mark.parametrize("malformed", MALFORMED)
def test_a_malformed_table_is_left_out_where_kds_has_nothing(guest, machine, verdict, chip, malformed):
    machine.host.certificates = MALFORMED[malformed](chip)
    pooler = guest(kds_offline=1)
    assert re.search(f"{WITHOUT}.*table of certificates is left out", pooler.log)
    assert certificates_shown(pooler) == {}
    outcome, failed = verdict(pooler)
    assert outcome == "deny" and "vek_certificate" in failed


def test_in_place_of_a_table_that_the_kernel_has_no_room_for_kds_is_asked(kds, guest, machine, verdict, chip, provider):
    if provider == "tsm":
        pytest.skip("configfs-tsm gives no report then: see test_device.py")
    machine.host.certificates = chip.table().ljust(CERTS_MAX + 1, b"\0")
    pooler = guest(attest_max_age=6)
    assert verdict(pooler) == ("allow", set())
    assert kds.requests == [kds.chain, kds.vcek]
    pooler.await_log("the certificate was renewed")
    assert verdict(pooler) == ("allow", set())
    assert pooler.log.count("has room for 16384: reports are asked for without it") == 1
    assert not machine.driver.key_is_wiped


def test_a_certificate_that_fits_is_nobodys_to_ask_for(kds, guest, verdict, chip):
    pooler = guest()
    assert verdict(pooler) == ("allow", set())
    assert kds.requests == []


class Masked:
    """A processor whose chip is told to nobody (MASK_CHIP_KEY)."""

    def __init__(self, chip, **changes):
        self.chip, self.changes = chip, changes

    def report(self, data, measurement, **changes):
        return self.chip.report(data, measurement, **changes, **self.changes)


@pytest.mark.parametrize("changes", [{"chip_id": bytes(64), "key_info": 2}, {"chip_id": bytes(64)},
                                     {"cpuid": bytes([0x1f, 0x01, 0])}], ids=["masked", "not named", "of a product to come"])
def test_a_certificate_of_which_nobody_can_tell_stays(kds, guest, machine, chip, changes):
    machine.host.processor = Masked(chip, **changes)
    pooler = guest()
    assert certificates_shown(pooler) == {"vcek": chip.vcek, "ask": chip.ask, "ark": chip.ark}
    assert kds.requests == []
    assert TAKEN not in pooler.log and WITHOUT not in pooler.log


def test_a_vlek_is_judged_alike_and_cannot_be_had_from_kds(kds, guest, machine, verdict, chip):
    cloud = machine.host.processor = VlekProcessor(chip)
    machine.host.certificates = cloud.table()
    pooler = guest()
    assert certificates_shown(pooler)["vlek"] == cloud.vcek
    assert WITHOUT not in pooler.log
    pooler.stop()
    machine.host.certificates = chip.table()
    pooler = guest()
    assert re.search(f"{WITHOUT}.*key_kind: VCEK, the report has VLEK.*{STAYS}.*hands out no VLEK", pooler.log)
    assert certificates_shown(pooler)["vcek"] == chip.vcek
    assert kds.requests == []


def test_selftest_has_the_certificate_from_kds_where_it_is_told_to(
        kds, vouch, machine, authority, processor, scratch_folder, provider):
    machine.host.certificates = b""
    reach = {"kds_url": kds.url, "kds_ca_file": authority.ca_file, "kds_ark_file": processor / "ark-milan.pem",
             "kds_proxy": "none", "kds_cache_dir": scratch_folder / "kds"}
    words = [word for name, value in reach.items() for word in ("--set", f"{name}={value}")]
    run = vouch("selftest", "--provider", provider, "--kds", "--json", *words, env=machine.env)
    checks = {check["name"]: check for check in json.loads(run.stdout)["checks"]}
    assert checks["certificates"]["outcome"] == "pass" and "KDS" in checks["certificates"]["found"]
    assert (run.returncode, checks["signature"]["outcome"]) == (1, "fail")
    assert "chain_root" in checks["signature"]["found"]  # everything but that its root is not AMD's
    assert kds.requests == [kds.chain, kds.vcek]
