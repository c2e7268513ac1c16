"""A stand-in for a database server: answers as a test wants a server to answer."""

import socket
import struct
import threading

from .raw import cstring, message, send_pieces

READY = message("Z", b"I")


def error(text, sqlstate="XX000", severity="ERROR", with_v=True):
    fields = [b"S" + cstring(severity), b"V" + cstring(severity), b"C" + cstring(sqlstate), b"M" + cstring(text)]
    return message("E", b"".join(f for f in fields if with_v or f[:1] != b"V") + b"\0")


def row(*values):
    body = struct.pack(">H", len(values))
    for value in values:
        body += struct.pack(">i", len(value)) + value.encode()
    description = b"".join(cstring(f"c{i}") + struct.pack(">IHIhih", 0, 0, 25, -1, -1, 0) for i in range(len(values)))
    return (message("T", struct.pack(">H", len(values)) + description) + message("D", body) +
            message("C", cstring("SELECT 1")))


class StandIn:
    """`greeting` is sent in answer to a StartupMessage, `answer(sql)` gives the answer to a simple query: bytes, None to
    close, b"" to say nothing, or a list of pieces, each to be sent when the kernel at the other end has the last. What came is kept in `startups`, `queries` and `cancels`."""

    host = "127.0.0.1"

    def __init__(self, answer=None, key=struct.pack(">II", 4711, 12345), parameters=None, greeting=None, tls_answer=b"N"):
        self.answer = answer or (lambda sql: (row("1") if sql.strip() else message("I")) + READY)
        parameters = {"server_version": "9.5.0", "client_encoding": "UTF8"} if parameters is None else parameters
        statuses = b"".join(message("S", cstring(n) + cstring(v)) for n, v in parameters.items())
        self.greeting = greeting if greeting is not None else (
            message("R", struct.pack(">I", 0)) + statuses + (message("K", key) if key else b"") + READY)
        self.tls_answer = tls_answer
        self.startups, self.queries, self.cancels = [], [], []
        self.connections = []
        self.listener = socket.create_server((self.host, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def target(self, database="app"):
        return f"host={self.host} port={self.port} dbname={database}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (self.listener, *self.connections):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @staticmethod
    def _receive(connection, n):
        data = b""
        while len(data) < n:
            piece = connection.recv(n - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def _serve(self, connection):
        try:
            if self._start(connection):
                while self._turn(connection):
                    pass
        except (EOFError, OSError, ValueError):  # ValueError: closed by __exit__
            pass
        connection.close()

    def _start(self, connection):
        while True:
            length, code = struct.unpack(">II", self._receive(connection, 8))
            body = self._receive(connection, length - 8)
            if code == 80877102:
                self.cancels.append(body)
                return False
            if code != 80877103:
                self.startups.append(body)
                connection.sendall(self.greeting)
                return True
            connection.sendall(self.tls_answer)

    def _turn(self, connection):
        type_, length = struct.unpack(">cI", self._receive(connection, 5))
        body = self._receive(connection, length - 4)
        if type_ == b"X":
            return False
        if type_ != b"Q":
            return True
        sql = body[:-1].decode()
        self.queries.append(sql)
        reply = self.answer(sql)
        if reply is None:
            return False
        send_pieces(connection, reply if isinstance(reply, list) else [reply])
        return True
