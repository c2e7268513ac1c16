"""A scratch CockroachDB node, or one that runs already."""

import os
import re
import shutil
import subprocess
from urllib.parse import urlsplit

import psycopg

from . import scratch
from .process import Process, await_condition

WHERE = "no cockroach: put it in PATH, or set COCKROACH=/path/to/cockroach or PGVOUCH_TEST_COCKROACH_URL=postgresql://..."


def program():
    return os.environ.get("COCKROACH") or shutil.which("cockroach")


def url():
    return os.environ.get("PGVOUCH_TEST_COCKROACH_URL")


def available():
    return bool(program() or url())


class Cockroach:
    kind = "cockroach"

    def __init__(self, folder):
        self.folder = scratch.make_folder(folder)
        self.process = None
        given = url() or self._start()
        parts = urlsplit(given)
        self.host = parts.hostname
        self.port = parts.port or 26257
        self.user = parts.username or "root"
        self.password = parts.password
        self.database = parts.path.lstrip("/") or "defaultdb"
        await_condition(self._answers, "CockroachDB", seconds=60)

    def _start(self):
        found = program()
        helps = subprocess.run([found, "start-single-node", "--help"], capture_output=True, check=False)
        verb = "start-single-node" if helps.returncode == 0 else "start"  # before version 19.2
        listening = self.folder / "url"
        self.process = Process(
            [found, verb, "--insecure", "--listen-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0",
             "--store=type=mem,size=640MiB", f"--listening-url-file={listening}"], self.folder / "log", self.folder,
            env={"HOME": str(self.folder)})

        def written():
            if not self.process.lives:
                raise RuntimeError(f"cockroach did not start:\n{self.process.log[-4000:]}")
            return listening.exists() and re.search(r"\S+", listening.read_text())
        return await_condition(written, "cockroach's address", seconds=60).group()

    def _answers(self):
        try:
            self.admin().close()
        except psycopg.OperationalError:
            return False
        return True

    def admin(self, database=None):
        return psycopg.connect(host=self.host, port=self.port, user=self.user, password=self.password,
                               dbname=database or self.database, autocommit=True, connect_timeout=10)

    def target(self, database=None):
        word = f" password={self.password}" if self.password else ""
        return f"host={self.host} port={self.port} dbname={database or self.database} user={self.user}{word}"

    def stop(self):
        return self.process.stop() if self.process else 0
