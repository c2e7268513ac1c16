"""A simulated processor's evidence in files, as the tool makes it, and policies that believe it."""

import shutil

import cbor2
import pytest
from cryptography.hazmat.primitives import serialization

from . import oracle
from .vouch import policy_text


@pytest.fixture(scope="module")
def state(tmp_path_factory, processor):
    """A simulated processor's keys, belonging to whoever runs the tool."""
    return shutil.copytree(processor, tmp_path_factory.mktemp("simulated") / "state")


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


@pytest.fixture
def proofs(tmp_path):
    """What proves a report that travels alone, as the words of a command line: the certificates of a CMW, in files."""
    def write(cmw):
        words = []
        for name, one in oracle.read_table(cbor2.loads(cmw.read_bytes())["certs"][1]).items():
            path = tmp_path / f"{name}.der"
            path.write_bytes(one.public_bytes(serialization.Encoding.DER))
            words += [f"--{name}", path]
        return words

    return write
