"""A running pgvouch with a configuration of its own."""

import signal

import psycopg

from . import scratch
from .process import Process, unprivileged
from .raw import PROTOCOL_3_0, Raw


def ini_lines(section, values):
    return [f"[{section}]", *(f"{name} = {value}" for name, value in values.items()), ""]


def quoted(text):
    return '"' + str(text).replace('"', '""') + '"'


class Pooler:
    """Starts at once, and listens when the constructor returns."""

    host = "127.0.0.1"

    def __init__(self, program, folder, port, databases, settings=None, users=None, hba=None, ident=None, sections=None,
                 env=None, flags=(), privileges=unprivileged):
        self.program = program
        self.folder = scratch.make_folder(folder)
        self.port = port
        self.ini = folder / "pgvouch.ini"
        self.databases = databases
        self.users = {"app": ""} if users is None else users
        self.sections = sections or {}
        self.settings = {"listen_addr": self.host, "listen_port": port, "unix_socket_dir": folder, "auth_type": "trust",
                         "auth_file": folder / "userlist.txt", "server_tls_sslmode": "disable", "threads": 1}
        for name, lines in (("hba", hba), ("ident", ident)):
            if lines is not None:
                scratch.write(folder / f"{name}.conf", lines)
                self.settings[f"auth_{name}_file"] = folder / f"{name}.conf"
        self.settings.update(settings or {})
        self.database = next(iter(databases), None)
        self.user = next(iter(self.users), "app")
        self.stopped = False
        self.write_configuration()
        self.process = Process([program, *flags, self.ini], folder / "log", folder, env=env, privileges=privileges)
        self.process.await_log("process up")

    def write_configuration(self):
        lines = ini_lines("databases", self.databases)
        for section, values in self.sections.items():
            lines += ini_lines(section, values)
        lines += ini_lines("pgvouch", self.settings)
        scratch.write(self.ini, "\n".join(lines))
        scratch.write(self.folder / "userlist.txt",
                      "".join(f"{quoted(user)} {quoted(secret)}\n" for user, secret in self.users.items()))

    def reload(self, **settings):
        """Changes settings and tells the daemon; the workers take them up soon after: await what is to change."""
        self.settings.update(settings)
        self.write_configuration()
        self.process.send(signal.SIGHUP)

    @property
    def log(self):
        return self.process.log

    def await_log(self, text, seconds=20):
        self.process.await_log(text, seconds)

    def arguments(self, **others):
        """What libpq is told, with others in place of the defaults."""
        return {"host": self.host, "port": self.port, "user": self.user, "dbname": self.database,
                "sslmode": "disable", "connect_timeout": 10, **others}

    def connect(self, autocommit=True, **others):
        """A psycopg 3 connection. prepare_threshold=None: it makes no named statements unasked."""
        return psycopg.connect(autocommit=autocommit, prepare_threshold=None, **self.arguments(**others))

    def conninfo(self, **others):
        """The same as a connection string, for other programs."""
        return psycopg.conninfo.make_conninfo(**self.arguments(**others))

    def raw(self, **options):
        """A connection on which nothing has been sent."""
        return Raw(self.host, self.port, **options)

    def session(self, version=PROTOCOL_3_0, **parameters):
        """A raw connection that has logged in without a password."""
        raw = self.raw()
        raw.log_in(version, **{"user": self.user, "database": self.database, **parameters})
        return raw

    def stop(self):
        """Ends the daemon at once; raises when it crashed, hung or a sanitizer ended it."""
        if self.stopped:
            return
        self.stopped = True
        alive = self.process.lives
        status = self.process.stop(signal.SIGQUIT)
        if status is None:
            raise AssertionError("pgvouch did not stop")
        if status != 0 or not alive:
            raise AssertionError(f"pgvouch ended with status {status}{'' if alive else ' before it was told to'}")
        for sign in ("AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:"):
            if sign in self.log:
                raise AssertionError(f"the log holds a report of {sign}")
