"""A scratch directory, and the unprivileged user that servers run as."""

import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path

BASE = os.environ.get("TMPDIR", "/tmp")


def service_ids():
    """The user and group that servers run as: whoever runs the suite, or nobody in root's place."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def service_user():
    return pwd.getpwuid(service_ids()[0]).pw_name


def make_root():
    # A Unix socket's path may have 107 bytes.
    path = Path(tempfile.mkdtemp(prefix="pgvouch-test.", dir=BASE if len(BASE) <= 40 else "/tmp"))
    give_away(path, 0o711)
    return path


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


def give_away(path, mode):
    if os.geteuid() == 0:
        os.chown(path, *service_ids())
    os.chmod(path, mode)


def make_folder(path, mode=0o711):
    path.mkdir()
    give_away(path, mode)
    return path


def write(path, content, mode=0o600):
    """A file that belongs to the servers."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    give_away(path, mode)
    return path


class Ports:
    """Ports of 127.0.0.1 that nobody listens on; each worker of the suite has a range of its own, below the ephemeral."""

    def __init__(self, worker):
        self.next = self.first = 15000 + worker * 1000

    def take(self):
        for _ in range(1000):
            port = self.next
            self.next = self.first + (self.next + 1 - self.first) % 1000
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
        raise RuntimeError("found no free port")
