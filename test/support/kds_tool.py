"""The tool as a customer of the key distribution service: fixtures, what it keeps, and how it fails."""

import re

import pytest

from .vouch import policy_text


@pytest.fixture
def report(made):
    """A report without certificates."""
    return made("--format", "raw", name="report.bin")


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
