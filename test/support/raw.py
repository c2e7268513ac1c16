"""PostgreSQL's protocol, byte by byte: sends exactly what it is told to and reads messages before a deadline."""

import fcntl
import socket
import ssl
import struct
import termios
import time
from typing import NamedTuple

SSL_REQUEST = struct.pack(">II", 8, 80877103)
GSSENC_REQUEST = struct.pack(">II", 8, 80877104)
PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = 3 << 16 | 2


class Closed(ConnectionError):
    """The peer closed the connection."""


class Message(NamedTuple):
    type: str
    body: bytes

    @property
    def fields(self):
        """Of ErrorResponse and NoticeResponse: text by field letter."""
        parts = self.body.rstrip(b"\0").split(b"\0")
        return {chr(part[0]): part[1:].decode() for part in parts if part}

    @property
    def text(self):
        return self.fields["M"]

    @property
    def sqlstate(self):
        return self.fields["C"]

    @property
    def columns(self):
        """Of DataRow."""
        (count,) = struct.unpack_from(">H", self.body)
        at, values = 2, []
        for _ in range(count):
            (size,) = struct.unpack_from(">i", self.body, at)
            at += 4
            values.append(None if size < 0 else self.body[at:at + size])
            at += max(size, 0)
        return values


def cstring(text):
    return (text if isinstance(text, bytes) else text.encode()) + b"\0"


def packet(code, body=b""):
    """A startup packet: length, code, rest."""
    return struct.pack(">II", 8 + len(body), code) + body


def startup(parameters, version=PROTOCOL_3_0):
    """parameters: a dict, or pairs where names repeat."""
    pairs = parameters.items() if isinstance(parameters, dict) else parameters
    return packet(version, b"".join(cstring(name) + cstring(value) for name, value in pairs) + b"\0")


def cancel(key):
    """key: process id and secret, the body of BackendKeyData."""
    return packet(80877102, key)


def message(type_, body=b""):
    return type_.encode() + struct.pack(">I", 4 + len(body)) + body


def query(sql):
    return message("Q", cstring(sql))


def parse(sql, name="", types=()):
    return message("P", cstring(name) + cstring(sql) + struct.pack(f">H{len(types)}I", len(types), *types))


def bind(values=(), statement="", portal=""):
    body = cstring(portal) + cstring(statement) + struct.pack(">HH", 0, len(values))
    for value in values:
        body += struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value
    return message("B", body + struct.pack(">H", 0))


def describe(kind="P", name=""):
    return message("D", kind.encode() + cstring(name))


def execute(portal="", rows=0):
    return message("E", cstring(portal) + struct.pack(">I", rows))


def close(kind, name):
    return message("C", kind.encode() + cstring(name))


SYNC = message("S")
FLUSH = message("H")
TERMINATE = message("X")


def extended(sql, values=()):
    """One statement by the extended protocol, without names, up to Sync."""
    return parse(sql) + bind(values) + describe() + execute() + SYNC


def client_tls(alpn=(), identity=None, ca_file=None, maximum=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ca_file:
        context.load_verify_locations(ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if identity:
        context.load_cert_chain(identity.cert_file, identity.key_file)
    if maximum:
        context.maximum_version = maximum
    return context


class Raw:
    """A connection. Every read ends within `timeout` seconds, by an answer or by an exception."""

    def __init__(self, host, port, timeout=20, path=None, source=None):
        self.timeout = timeout
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(path))
        else:
            self.socket = socket.create_connection((host, port), timeout, (source, 0) if source else None)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.key = None
        self.parameters = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, *pieces):
        self.socket.sendall(b"".join(pieces))
        return self

    def send_one_by_one(self, data):
        """Each byte in a packet of its own, as far as the kernel goes along."""
        send_pieces(self.socket, [data[i:i + 1] for i in range(len(data))])
        return self

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def receive(self, n):
        """Exactly n bytes."""
        deadline = time.monotonic() + self.timeout
        pieces = bytearray()
        while len(pieces) < n:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                piece = self.socket.recv(min(n - len(pieces), 1 << 20))
            except (ConnectionResetError, ssl.SSLEOFError) as error:
                raise Closed(str(error)) from error
            if not piece:
                raise Closed(f"{len(pieces)} of {n} bytes had come")
            pieces += piece
        return bytes(pieces)

    def message(self):
        head = self.receive(5)
        (length,) = struct.unpack(">I", head[1:])
        return Message(chr(head[0]), self.receive(length - 4))

    def until(self, type_):
        """Messages up to the first of this type, that one included."""
        found = [self.message()]
        while found[-1].type != type_:
            found.append(self.message())
        return found

    def error(self):
        """The next message but notices, which must be an ErrorResponse."""
        while (got := self.message()).type == "N":
            pass
        assert got.type == "E", f"expected an error, got {got}"
        return got

    def until_closed(self):
        """All messages up to the end of the connection."""
        found = []
        try:
            while True:
                found.append(self.message())
        except Closed:
            return found

    def is_closed(self):
        """True when the peer closes without saying any more."""
        try:
            rest = self.receive(1)
        except Closed:
            return True
        raise AssertionError(f"expected the end, got {rest!r}")

    def secure(self, context=None, request=True):
        """TLS: by SSLRequest, or directly. The context's ALPN is what is offered."""
        if request:
            self.send(SSL_REQUEST)
            answer = self.receive(1)
            assert answer == b"S", f"SSLRequest was answered with {answer!r}"
        self.socket.settimeout(self.timeout)
        self.socket = (context or client_tls()).wrap_socket(self.socket, server_hostname="localhost")
        return self

    def log_in(self, version=PROTOCOL_3_0, **parameters):
        """A login that asks for no password; returns what came before ReadyForQuery."""
        self.send(startup(parameters, version))
        return self.await_welcome()

    def await_welcome(self):
        got = []
        while not got or got[-1].type != "Z":
            got.append(self.message())
            if got[-1].type == "E":
                raise AssertionError(f"login failed: {got[-1].fields}")
            if got[-1].type == "S":
                name, value = got[-1].body[:-1].split(b"\0")
                self.parameters[name.decode()] = value.decode()
            elif got[-1].type == "K":
                self.key = got[-1].body
        return got

    def run(self, sql):
        """A simple query; returns the messages up to ReadyForQuery."""
        return self.send(query(sql)).until("Z")

    def rows(self, sql):
        """The rows of a simple query, as text; raises on an error."""
        return rows_of(self.run(sql))

    def value(self, sql):
        return self.rows(sql)[0][0]


def unsent(connection):
    """How many bytes the kernel at the other end has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]


def send_pieces(connection, pieces):
    """Each piece is sent when the kernel at the other end has the last: so that it comes alone, mostly."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        connection.sendall(piece)
        deadline = time.monotonic() + 1
        while unsent(connection) > 0 and time.monotonic() < deadline:
            time.sleep(0)


def rows_of(messages):
    for one in messages:
        assert one.type != "E", f"the query failed: {one.fields}"
    return [[v.decode() if v is not None else None for v in m.columns] for m in messages if m.type == "D"]


def types_of(messages):
    """The types in one word, e.g. "TDCZ"."""
    return "".join(m.type for m in messages)
