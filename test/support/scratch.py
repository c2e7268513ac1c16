"""A scratch directory, and the unprivileged user that servers run as."""

import collections
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
    """Ports of 127.0.0.1 below the ephemeral ones. Each is held by a bound socket, so that no other suite on this machine
    takes it; a server that sets SO_REUSEADDR, as they do, can still listen there."""

    HELD = 200

    def __init__(self, worker):
        self.next = self.first = 15000 + worker * 1000
        self.held = collections.deque()

    def take(self):
        for _ in range(1000):
            port = self.next
            self.next = self.first + (self.next + 1 - self.first) % 1000
            holder = socket.socket()
            try:
                holder.bind(("127.0.0.1", port))
            except OSError:
                holder.close()
                continue
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.held.append(holder)
            if len(self.held) > self.HELD:
                self.held.popleft().close()
            return port
        raise RuntimeError("found no free port")

    def close(self):
        while self.held:
            self.held.pop().close()
