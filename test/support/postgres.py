"""A scratch PostgreSQL cluster."""

import shutil
import signal
from pathlib import Path

import psycopg

from . import scratch
from .process import Process, await_condition, run

# One user for each way of authentication, and `app`, who is trusted.
USERS = {"app": "trust", "plain": "password", "hashed": "md5", "salted": "scram-sha-256"}
PASSWORD = "it's a sécret"

HBA = """\
local    all  all                      trust
hostssl  all  certified  127.0.0.1/32  cert
hostssl  all  encrypted  127.0.0.1/32  trust
""" + "".join(f"host  all  {user}  127.0.0.1/32  {method}\n" for user, method in USERS.items())

SETTINGS = {
    "listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": "200", "shared_buffers": "32MB",
    "ssl": "on", "log_min_messages": "warning", "max_wal_size": "2GB", "autovacuum": "off",
}


def programs():
    """The folder of the newest installed server's programs."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    if folders and (folders[-1] / "initdb").exists():
        return folders[-1]
    found = shutil.which("initdb")
    if not found:
        raise RuntimeError("PostgreSQL's server was not found: apt install postgresql")
    return Path(found).parent


class Postgres:
    kind = "postgres"
    host = "127.0.0.1"
    user = "app"
    database = "app"

    def __init__(self, folder, port, authority):
        self.folder = scratch.make_folder(folder)
        self.data = folder / "data"
        self.port = port
        self.authority = authority
        self.process = None
        run([programs() / "initdb", f"--pgdata={self.data}", "--username=postgres", "--auth=trust", "--encoding=UTF8",
             "--locale=C", "--no-sync"], cwd=folder)
        scratch.write(self.data / "pg_hba.conf", HBA)
        identity = authority.issue("localhost", names=("localhost", "127.0.0.1"), file="postgres")
        self.settings = {**SETTINGS, "port": port, "unix_socket_directories": folder, "ssl_cert_file": identity.cert_file,
                         "ssl_key_file": identity.key_file, "ssl_ca_file": authority.ca_file}
        self.start()
        self._make_users()

    def start(self):
        settings = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        # SIGQUIT makes it go at once, and take its processes and shared memory along.
        self.process = Process([programs() / "postgres", "-D", self.data, *settings], self.folder / "log", self.folder,
                               death_signal="QUIT")
        await_condition(self._answers, "PostgreSQL", seconds=60)

    def _answers(self):
        if not self.process.lives:
            raise RuntimeError(f"PostgreSQL did not start:\n{self.process.log}")
        try:
            self.admin().close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_users(self):
        with self.admin() as admin:
            for user in (*USERS, "certified", "encrypted"):
                admin.execute(f"SET password_encryption = '{'md5' if user == 'hashed' else 'scram-sha-256'}'")
                admin.execute(f"CREATE USER {user} PASSWORD '{PASSWORD.replace(chr(39), chr(39) * 2)}'")
            admin.execute("CREATE DATABASE app OWNER app")
        with self.admin("app") as admin:
            admin.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")

    def admin(self, database="postgres"):
        """A superuser's connection that goes around pgvouch, in autocommit."""
        return psycopg.connect(host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True,
                               connect_timeout=10)

    def secret_of(self, user):
        """What the server keeps of the user's password."""
        with self.admin() as admin:
            return admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [user]).fetchone()[0]

    def links(self, database="app", where="true"):
        """How many connections the database has."""
        with self.admin() as admin:
            return admin.execute(f"SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND {where}",
                                 [database]).fetchone()[0]

    def target(self, database=None, host=None):
        """The right side of a [databases] line."""
        return f"host={host or self.host} port={self.port} dbname={database or self.database}"

    def stop(self):
        return self.process.stop(signal.SIGQUIT)
