"""The daemon as a Unix process: flags, user, background, signals, word to the service manager."""

import os
import re
import signal
import socket
import subprocess

import psycopg
import pytest

from support import scratch
from support.process import await_condition, unprivileged

ROOT = os.geteuid() == 0


def run(program, *arguments, **options):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, check=False, **options)


def configuration(folder, port, **settings):
    values = {"listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "", "auth_type": "any", "threads": 1,
              **settings}
    file = folder / "pgvouch.ini"
    scratch.write(file, "[pgvouch]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()))
    return file


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def status_of(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(line.split()[1:] for line in lines if line.startswith(name + ":"))


# ---- flags ----

@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_first_line_of_the_version_is_what_the_console_shows(pgvouch, pgvouch_program, flag):
    told = run(pgvouch_program, flag)
    assert told.returncode == 0
    pooler = pgvouch(admin_users="app")
    with pooler.connect(dbname="pgvouch") as console:
        assert console.execute("SHOW VERSION").fetchone()[0] == told.stdout.splitlines()[0]


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_flag(pgvouch_program, flag):
    told = run(pgvouch_program, flag)
    assert told.returncode == 0
    for name in ("-d, --daemon", "-R, --reboot", "-q, --quiet", "-v, --verbose", "-u, --user", "-V, --version",
                 "-h, --help"):
        assert name in told.stdout


@pytest.mark.parametrize("arguments", [[], ["--no-such-flag"], ["one.ini", "two.ini"]])
def test_a_wrong_command_line_is_refused_with_the_usage(pgvouch_program, arguments):
    told = run(pgvouch_program, *arguments)
    assert told.returncode != 0
    assert "Usage" in told.stderr or "--help" in told.stderr


def test_a_file_that_is_not_there_is_named(pgvouch_program):
    told = run(pgvouch_program, "/nonexistent/pgvouch.ini")
    assert told.returncode == 1
    assert "/nonexistent/pgvouch.ini" in told.stderr


def test_an_address_that_is_taken_is_named_with_its_port(pgvouch_program, scratch_folder, ports):
    port = ports.take()
    with socket.create_server(("127.0.0.1", port)):
        told = run(*unprivileged([pgvouch_program, configuration(scratch_folder, port)]))
    assert told.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in told.stderr


def test_quiet_says_nothing_on_standard_error(pgvouch_program, scratch_folder, ports):
    file = configuration(scratch_folder, ports.take(), logfile=scratch_folder / "log")
    process = subprocess.Popen(unprivileged([pgvouch_program, "-q", file]), stderr=subprocess.PIPE)
    await_condition(lambda: (scratch_folder / "log").exists() and "process up" in (scratch_folder / "log").read_text(),
                    "the daemon")
    process.send_signal(signal.SIGQUIT)
    assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 0


def test_reboot_says_that_nothing_is_taken_over(pgvouch_program, scratch_folder, ports):
    process = subprocess.Popen(unprivileged([pgvouch_program, "-R", configuration(scratch_folder, ports.take())]),
                               stderr=subprocess.PIPE, text=True)
    assert any("-R takes nothing over" in line for line in iter(process.stderr.readline, ""))
    assert any("process up" in line for line in iter(process.stderr.readline, ""))  # and hears signals
    process.send_signal(signal.SIGQUIT)
    process.communicate(timeout=20)


# ---- user ----

@pytest.mark.skipif(not ROOT, reason="the suite does not run as root")
def test_root_is_refused(pgvouch_program, scratch_folder, ports):
    told = run(pgvouch_program, configuration(scratch_folder, ports.take()))
    assert told.returncode == 1
    assert "does not run as root" in told.stderr


@pytest.mark.skipif(not ROOT, reason="the suite does not run as root")
@pytest.mark.parametrize("by_flag", [True, False])
def test_root_becomes_the_user_with_all_ids_and_no_way_back(pgvouch_program, scratch_folder, ports, by_flag):
    port = ports.take()
    file = configuration(scratch_folder, port, **({} if by_flag else {"user": "nobody"}))
    command = [pgvouch_program, *(["-u", "nobody"] if by_flag else []), file]
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stderr=subprocess.PIPE, text=True)
    try:
        assert any("process up" in line for line in iter(process.stderr.readline, ""))
        uids, gids = status_of(process.pid, "Uid"), status_of(process.pid, "Gid")
        assert len(set(uids)) == 1 and uids[0] != "0"
        assert len(set(gids)) == 1 and gids[0] != "0"
        assert status_of(process.pid, "CapPrm") == ["0000000000000000"]
        assert "0" not in status_of(process.pid, "Groups")
    finally:
        process.send_signal(signal.SIGQUIT)
        process.communicate(timeout=20)
    assert process.returncode == 0


# ---- background ----

def test_a_daemon_needs_a_pidfile_and_a_log(pgvouch_program, scratch_folder, ports):
    told = subprocess.run(unprivileged([pgvouch_program, "-d", configuration(scratch_folder, ports.take())]),
                          capture_output=True, text=True, timeout=30, check=False)
    assert told.returncode == 1
    assert "pidfile" in told.stderr


def test_a_daemon_goes_into_the_background_and_leaves_its_pidfile_while_it_lives(pgvouch_program, scratch_folder, ports):
    pidfile, log = scratch_folder / "pid", scratch_folder / "log"
    file = configuration(scratch_folder, ports.take(), pidfile=pidfile, logfile=log)
    assert subprocess.run(unprivileged([pgvouch_program, "-d", file]), timeout=30, check=False).returncode == 0
    await_condition(lambda: log.exists() and "process up" in log.read_text(), "the daemon")
    pid = int(pidfile.read_text())
    try:
        assert lives(pid)
        second = subprocess.run(unprivileged([pgvouch_program, file]), capture_output=True, text=True, timeout=30,
                                check=False)
        assert second.returncode == 1 and str(pid) in second.stderr + log.read_text()
    finally:
        os.kill(pid, signal.SIGQUIT)
    await_condition(lambda: not lives(pid), "the daemon's end")
    assert not pidfile.exists()


# ---- signals ----

def test_usr1_pauses_and_usr2_resumes(pgvouch):
    pooler = pgvouch(pool_mode="transaction", admin_users="app")
    with pooler.connect() as client, pooler.connect(dbname="pgvouch") as console:
        assert client.execute("SELECT 1").fetchone() == (1,)
        pooler.process.send(signal.SIGUSR1)
        pooler.await_log("got SIGUSR1")
        client.pgconn.send_query(b"SELECT 1")
        client.pgconn.flush()

        def waiting():
            pools = console.execute("SHOW POOLS")
            names = [column.name for column in pools.description]
            return any(row[names.index("cl_waiting")] for row in pools if row[0] == "app")
        await_condition(waiting, "the client to wait")
        pooler.process.send(signal.SIGUSR2)
        assert client.pgconn.get_result().get_value(0, 0) == b"1"
        while client.pgconn.get_result():
            pass


def test_quit_ends_at_once_whoever_is_connected(pgvouch):
    pooler = pgvouch()
    client = pooler.connect()
    client.execute("SELECT 1")
    pooler.stop()
    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT 1")


def test_hup_reads_the_files_again_and_opens_the_log_anew(pgvouch, pgvouch_program, scratch_folder):
    log = scratch_folder / "log"
    pooler = pgvouch(logfile=log, max_client_conn=50, admin_users="app")
    log.rename(scratch_folder / "log.1")
    pooler.reload(max_client_conn=60)
    await_condition(log.exists, "a new log file")
    with pooler.connect(dbname="pgvouch") as console:
        await_condition(lambda: dict(row[:2] for row in console.execute("SHOW CONFIG"))["max_client_conn"] == "60",
                        "the new setting")


def test_a_reload_of_a_broken_file_changes_nothing_and_names_file_and_line(pgvouch):
    pooler = pgvouch(max_client_conn=50, admin_users="app")
    pooler.reload(max_client_conn="many")
    pooler.await_log("reload failed")
    assert re.search(rf"{pooler.ini}:\d+: .*max_client_conn", pooler.log)
    with pooler.connect(dbname="pgvouch") as console:
        assert dict(row[:2] for row in console.execute("SHOW CONFIG"))["max_client_conn"] == "50"


# ---- the service manager ----

def test_the_service_manager_is_told_of_start_reload_and_end(pgvouch, scratch_folder):
    path = scratch_folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        os.chmod(path, 0o777)
        manager.settimeout(20)
        pooler = pgvouch(env={"NOTIFY_SOCKET": str(path)})
        assert manager.recv(1024) == b"READY=1"
        pooler.process.send(signal.SIGHUP)
        assert manager.recv(1024).startswith(b"RELOADING=1")
        assert manager.recv(1024) == b"READY=1"
        pooler.process.send(signal.SIGTERM)
        assert manager.recv(1024) == b"STOPPING=1"
