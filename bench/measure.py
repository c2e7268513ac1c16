#!/usr/bin/env python3
"""Measures what running poolers take, by turns, and prints a Markdown table of medians. Started by bench/run.

CPU time is that of all threads of the process (schedstat), divided by the transactions that pgbench reports; system
calls are counted by perf, or by strace where perf may not, in a run of their own; memory is the growth of the resident set
by a number of clients that have logged in and then do nothing.
"""

import argparse
import os
import re
import signal
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Contestant:
    name: str
    pid: int
    port: int


@dataclass(frozen=True)
class Row:
    """One line of the table: a load, and who runs it under which column."""

    title: str
    tls: bool
    options: tuple
    database: str = "bench"
    user: str = "bench"


LOADS = [
    Row("transaction, simple protocol", False, ("-M", "simple")),
    Row("transaction, extended protocol", False, ("-M", "extended")),
    Row("transaction, prepared statements, session mode", False, ("-M", "prepared"), "bench_session"),
    Row("transaction, simple protocol", True, ("-M", "simple")),
    Row("transaction, extended protocol", True, ("-M", "extended")),
    Row("transaction, prepared statements, session mode", True, ("-M", "prepared"), "bench_session"),
    Row("transaction, simple protocol, one client", True, ("-M", "simple", "-c", "1")),
    Row("login and one SELECT", False, ("-C",)),
    Row("login and one SELECT", True, ("-C",)),
    Row("login by SCRAM and one SELECT", True, ("-C",), "bench", "scram"),
]


def column_of(contestant, row):
    """The table's column for this contestant in this row, or None where it does not run."""
    if contestant.name == "pgvouch-attested":
        return "pgvouch, attested" if row.tls and "-C" in row.options and row.user == "bench" else None
    if contestant.name.startswith("relay-"):
        if row.user == "scram" or (contestant.name == "relay-tls") != row.tls:
            return None
        return "relay"
    return contestant.name


def cpu_ns(pid):
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def pgbench(args, contestant, row, seconds):
    """Runs the load; returns the number of transactions."""
    # The relay has no session pools of its own: its database is the backend's.
    database = "bench" if contestant.name.startswith("relay") else row.database
    conninfo = (
        f"host=127.0.0.1 port={contestant.port} user={row.user} dbname={database} password=secret "
        f"sslmode={'require' if row.tls else 'disable'} gssencmode=disable"
    )
    command = [args.pgbench, "-n", "-S", "-c", str(args.clients), "-j", "1", "-T", str(seconds), *row.options, conninfo]
    if "-c" in row.options:
        command[command.index("-c") : command.index("-c") + 2] = []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"transactions actually processed: (\d+)", done.stdout)
    failed = re.search(r"failed transactions: (\d+)", done.stdout)
    if done.returncode != 0 or not found or (failed and int(failed.group(1))):
        raise SystemExit(f"{contestant.name}, {row.title}: pgbench failed:\n{done.stdout}{done.stderr}")
    return int(found.group(1))


def cpu_per_transaction(args, contestant, row):
    before = cpu_ns(contestant.pid)
    transactions = pgbench(args, contestant, row, args.seconds)
    return (cpu_ns(contestant.pid) - before) / 1000 / transactions


def count_with_perf(pid, run):
    counter = subprocess.Popen(
        ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", str(pid)],
        stderr=subprocess.PIPE, text=True,
    )
    time.sleep(0.3)
    transactions = run()
    counter.send_signal(signal.SIGINT)
    output = counter.communicate()[1]
    return int(re.search(r"^(\d+),", output, re.MULTILINE).group(1)), transactions


def count_with_strace(pid, run):
    counter = subprocess.Popen(["strace", "-f", "-c", "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    transactions = run()
    counter.send_signal(signal.SIGINT)
    output = counter.communicate()[1]
    return int(re.search(r"^100\.00\s+\S+\s+(?:\d+\s+)?(\d+).*total$", output, re.MULTILINE).group(1)), transactions


def syscall_counter():
    """perf where this kernel lets it count; else strace; else None."""
    try:
        probe = subprocess.run(
            ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "true"], capture_output=True, text=True, check=False
        )
        if re.search(r"^\d+,", probe.stderr, re.MULTILINE):
            return count_with_perf
    except FileNotFoundError:
        pass
    if subprocess.run(["sh", "-c", "command -v strace"], capture_output=True, check=False).returncode == 0:
        return count_with_strace
    return None


def resident_bytes(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"no resident size of process {pid}")


def log_in(port, tls):
    """A client of the raw protocol that is logged in and idle."""
    client = socket.create_connection(("127.0.0.1", port))
    if tls:
        client.sendall(struct.pack("!ii", 8, 80877103))
        if client.recv(1) != b"S":
            raise SystemExit("no TLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        client = context.wrap_socket(client)
    parameters = b"user\0bench\0database\0bench\0\0"
    client.sendall(struct.pack("!ii", 8 + len(parameters), 196608) + parameters)
    answer = b""
    while not answer.endswith(b"Z\0\0\0\5I"):
        part = client.recv(4096)
        if not part:
            raise SystemExit(f"login refused: {answer!r}")
        answer += part
    return client


def memory_per_client(contestant, tls, count):
    """The growth after a first batch has come and gone, so that what a process keeps for good is not counted."""
    for warm in [log_in(contestant.port, tls) for _ in range(20)]:
        warm.close()
    time.sleep(1.0)
    before = resident_bytes(contestant.pid)
    clients = [log_in(contestant.port, tls) for _ in range(count)]
    time.sleep(1.0)
    grown = resident_bytes(contestant.pid) - before
    for client in clients:
        client.close()
    return grown / count


COLUMNS = ["pgbouncer", "pgvouch", "pgvouch, attested", "relay"]


def line(title, values, form):
    cells = [form.format(values[c]) if c in values else "" for c in COLUMNS]
    ratio = ""
    if "pgbouncer" in values and "pgvouch" in values:
        ratio = f"{values['pgvouch'] / values['pgbouncer']:.2f}"
    return f"| {title} | " + " | ".join(cells) + f" | {ratio} |"


def channel(tls):
    return "TLS" if tls else "plain"


def measure_cpu(args, contestants):
    samples = {row: {} for row in LOADS}
    for turn in range(args.rounds):
        for row in LOADS:
            for contestant in contestants:
                column = column_of(contestant, row)
                if column:
                    print(f"round {turn + 1}/{args.rounds}: {channel(row.tls)}, {row.title}: {column}", file=sys.stderr)
                    samples[row].setdefault(column, []).append(cpu_per_transaction(args, contestant, row))
    return {row: {c: statistics.median(v) for c, v in columns.items()} for row, columns in samples.items()}


def measure_syscalls(args, contestants):
    count = syscall_counter()
    results = {}
    if not count:
        print("neither perf nor strace can count system calls here", file=sys.stderr)
        return results
    for row in (r for r in LOADS if "-C" not in r.options):
        for contestant in contestants:
            column = column_of(contestant, row)
            if column:
                calls, transactions = count(contestant.pid, lambda c=contestant, r=row: pgbench(args, c, r, 2))
                results.setdefault(row, {})[column] = calls / transactions
    return results


def table(args, contestants):
    head = ["| what | " + " | ".join(COLUMNS) + " | pgvouch / pgbouncer |", "|---|" + "---:|" * (len(COLUMNS) + 1)]
    lines = []
    cpu = measure_cpu(args, contestants)
    for row, values in cpu.items():
        lines.append(line(f"{channel(row.tls)}: CPU us a {row.title}", values, "{:.1f}"))
    for row, values in measure_syscalls(args, contestants).items():
        lines.append(line(f"{channel(row.tls)}: system calls a {row.title}", values, "{:.2f}"))
    for tls in (False, True):
        values = {}
        for contestant in contestants:
            column = column_of(contestant, Row("idle client", tls, ("-C",)))
            if column:
                # A client of the relay holds a backend of its own: fewer of them.
                count = min(args.idle_clients, 200) if column == "relay" else args.idle_clients
                values[column] = memory_per_client(contestant, tls, count)
        lines.append(line(f"{channel(tls)}: bytes an idle client", values, "{:.0f}"))
    return "\n".join(head + lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contestants", nargs="+", metavar="NAME:PID:PORT")
    parser.add_argument("--pgbench", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--idle-clients", type=int, default=500)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    contestants = [Contestant(n, int(pid), int(port)) for n, pid, port in (c.split(":") for c in args.contestants)]
    text = table(args, contestants)
    print(text)
    if args.output:
        args.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
