"""A server process that never outlives the suite."""

import os
import signal
import subprocess
import time

from . import scratch


def unprivileged(command, death_signal="KILL"):
    """The command, without root's rights, and ended by the kernel should the suite die."""
    prefix = ["setpriv", "--pdeathsig", death_signal]
    if os.geteuid() == 0:
        uid, gid = scratch.service_ids()
        prefix += [f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--inh-caps=-all"]
    return [*prefix, *map(str, command)]


def as_root(capabilities):
    """Makes a command that starts as root with these capabilities ("CAP_CHOWN …") at most, as a service manager does it. Only
    root can. The kernel forgets to end it with the suite once it becomes another user."""
    bounds = ",".join(["-all", *("+" + name.removeprefix("CAP_").lower() for name in capabilities.split())])

    def command_as_root(command, death_signal="KILL"):
        return ["setpriv", "--pdeathsig", death_signal, "--no-new-privs", "--inh-caps=-all", f"--bounding-set={bounds}",
                *map(str, command)]
    return command_as_root


def run(command, **options):
    """Runs a program to its end, as the servers' user."""
    return subprocess.run(unprivileged(command), check=True, capture_output=True, text=True, **options)


def await_condition(condition, what, seconds=20, pause=0.01):
    """Polls until condition() is true; returns its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"gave up after {seconds} s waiting for {what}")
        time.sleep(pause)
    return value


class Process:
    """A server with its output in a file. To be started in the main thread: the kernel takes the end of the thread that
    started it for the end of the suite."""

    def __init__(self, command, log, cwd, death_signal="KILL", env=None, privileges=unprivileged):
        self.log_file = log
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(
                privileges(command, death_signal), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd,
                env={**os.environ, **(env or {})}, process_group=0)
        self.pid = self.popen.pid

    @property
    def log(self):
        return self.log_file.read_text(errors="replace")

    @property
    def lives(self):
        return self.popen.poll() is None

    def send(self, number):
        self.popen.send_signal(number)

    def await_log(self, text, seconds=20):
        """Waits until the log holds the text, which is the process's own word."""
        def found():
            if text in self.log:
                return True
            if not self.lives:
                raise RuntimeError(f"the process ended with status {self.popen.returncode}:\n{self.log[-4000:]}")
            return False
        await_condition(found, f"{text!r} in the log", seconds)

    def stop(self, number=signal.SIGTERM, seconds=20):
        """Ends the process and returns its exit status; None when it had to be killed."""
        if self.lives:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            return None
