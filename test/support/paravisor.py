"""What stands between an Azure confidential VM and its virtual TPM: swtpm is the TPM, a simulated processor signs, and all
that the guest says to the TPM goes through here, as it goes through the paravisor there."""

import base64
import hashlib
import shutil
import socket
import struct
import threading

from .process import Process, await_condition

OWNER, PLATFORM, ENDORSEMENT, PASSWORD = 0x40000001, 0x4000000C, 0x4000000B, 0x40000009
NV_REPORT, NV_USER_DATA, AK_HANDLE = 0x01400001, 0x01400002, 0x81000003
NV_SIZE = 2048  # the most that swtpm has; Azure has had 2048 to 2900
CREATE_PRIMARY, EVICT_CONTROL, FLUSH_CONTEXT, PCR_EXTEND = 0x131, 0x120, 0x165, 0x182
NV_DEFINE, NV_READ, NV_WRITE, QUOTE = 0x12A, 0x14E, 0x137, 0x158
EMPTY_PASSWORD = struct.pack(">IIHBH", 9, PASSWORD, 0, 0, 0)
PLATFORMS = 0x40000000 | 0x20000 | 0x10000 | 0x1  # made and written by the platform, read by it and the owner


def available():
    return shutil.which("swtpm") is not None


WHERE = "swtpm is missing: apt install swtpm"


def sized(value):
    return struct.pack(">H", len(value)) + value


def base64url(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def claims_of(modulus, user_data):
    """The runtime claims as the paravisor writes them, in the form that fits into 2048 bytes: it names one key."""
    user = "" if user_data is None else f',"user-data":"{user_data.hex().upper()}"'
    key = f'"key_ops":["sign"],"kty":"RSA","e":"AQAB","n":"{base64url(modulus)}"'
    return (f'{{"keys":[{{"kid":"HCLAkPub",{key}}}],"vm-configuration":'
            f'{{"console-enabled":true,"secure-boot":true,"tpm-enabled":true,"vmUniqueId":"26F8BC30-774E-4290-8E7A-'
            f'535F3B672AEE"}}{user}}}').encode()


def hcl_report(report, claims):
    data = struct.pack("<5I", 20 + len(claims), 1, 2, 1, len(claims)) + claims
    header = b"HCLA" + struct.pack("<3I", 1, 32 + len(report) + len(data), 2) + bytes(16)
    return (header + report + data).ljust(NV_SIZE, b"\0")


def receive(stream, size):
    """Exactly so many bytes; b"" at the end."""
    found = b""
    while len(found) < size:
        piece = stream.recv(size - len(found))
        if not piece:
            return b""
        found += piece
    return found


def receive_message(stream):
    head = receive(stream, 6)
    return head and head + receive(stream, struct.unpack(">I", head[2:])[0] - 6)


class Paravisor:
    """`tpm` is what attest_tpm must be. With azure=False it is a TPM of which nobody says anything."""

    def __init__(self, folder, processor, measurement, azure=True):
        self.processor, self.measurement, self.folder = processor, measurement, folder
        self.lag = 0  # how often the report may be read before it is the new one
        self.says_user_data = True
        self.listens = True  # to what the guest writes
        self.extends_after_quotes = 0  # PCRs change that often right behind a quote
        self.modulus_in_claims = None  # another key's, in place of the TPM's
        self.changes = {}  # of the report's fields
        self.waiting = None
        self.lock = threading.Lock()
        self.swtpm = Process(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", "--server",
                              f"type=unixio,path={folder}/s", "--ctrl", f"type=unixio,path={folder}/c", "--flags",
                              "not-need-init,startup-clear"], folder / "swtpm.log", folder)
        self.backend = await_condition(lambda: self._connect("s"), "swtpm")
        self.listeners = self._listen()
        self.tpm = f"swtpm:host=127.0.0.1,port={self.listeners[0].getsockname()[1]}"
        self.streams = []
        if azure:
            self.modulus = self._make_key()
            self._nv_define()
            self.refresh(bytes(64))
        for listener, serve in zip(self.listeners, (self._serve_commands, self._serve_control)):
            threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()

    def stop(self):
        for stream in (*self.listeners, *self.streams, self.backend):
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already
            stream.close()
        self.swtpm.stop()

    # ---- what is made of the TPM ----

    def _connect(self, name):
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.connect(str(self.folder / name))
            return stream
        except OSError:
            stream.close()
            return None

    def _exchange(self, message):
        self.backend.sendall(message)
        return receive_message(self.backend)

    def command(self, code, handles=(), parameters=b"", password=True):
        """The response's body; raises when the TPM refuses."""
        body = struct.pack(f">{len(handles)}I", *handles) + (EMPTY_PASSWORD if password else b"") + parameters
        answer = self._exchange(struct.pack(">HII", 0x8002 if password else 0x8001, 10 + len(body), code) + body)
        status = struct.unpack(">I", answer[6:10])[0]
        assert status == 0, f"the TPM answers {code:#x} with {status:#x}"
        return answer[10:]

    def _make_key(self):
        """A restricted signing key at the handle that Azure has it at; its modulus."""
        attributes = 1 << 18 | 1 << 16 | 1 << 6 | 1 << 5 | 1 << 4 | 1 << 1
        public = struct.pack(">HHIHHHHHIH", 1, 0x0B, attributes, 0, 0x10, 0x14, 0x0B, 2048, 0, 0)
        made = self.command(CREATE_PRIMARY, [ENDORSEMENT], sized(sized(b"") + sized(b"")) + sized(public) + sized(b"") +
                            struct.pack(">I", 0))
        handle, = struct.unpack(">I", made[:4])
        self.command(EVICT_CONTROL, [OWNER, handle], struct.pack(">I", AK_HANDLE))
        self.command(FLUSH_CONTEXT, [handle], password=False)
        at = 4 + 4 + 2 + len(public) - 2  # behind handle, size of parameters and TPM2B: the unique field
        size, = struct.unpack(">H", made[at:at + 2])
        return made[at + 2:at + 2 + size]

    def _nv_define(self):
        public = struct.pack(">IHIHH", NV_REPORT, 0x0B, PLATFORMS, 0, NV_SIZE)
        self.command(NV_DEFINE, [PLATFORM], sized(b"") + sized(public))

    def refresh(self, user_data):
        """Has the processor sign a report over new claims, and puts it where the guest reads it."""
        claims = claims_of(self.modulus_in_claims or self.modulus, user_data if self.says_user_data else None)
        report = self.processor.report(hashlib.sha256(claims).digest() + bytes(32), self.measurement, **self.changes)
        self.claims, self.report = claims, report
        self.hcl = hcl_report(report, claims)
        for at in range(0, NV_SIZE, 512):
            self.command(NV_WRITE, [PLATFORM, NV_REPORT], sized(self.hcl[at:at + 512]) + struct.pack(">H", at))

    def _extend(self, number):
        self.command(PCR_EXTEND, [number], struct.pack(">IH", 1, 0x0B) + hashlib.sha256(b"boot").digest())

    def extend(self, number):
        """As if something else had been started."""
        with self.lock:
            self._extend(number)

    # ---- what the guest sees ----

    @staticmethod
    def _listen():
        """Two ports, one behind the other: commands and control."""
        while True:
            first = socket.create_server(("127.0.0.1", 0))
            try:
                return first, socket.create_server(("127.0.0.1", first.getsockname()[1] + 1))
            except OSError:
                first.close()

    def _accept(self, listener, serve):
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            self.streams.append(stream)
            threading.Thread(target=serve, args=(stream,), daemon=True).start()

    def _serve_commands(self, stream):
        try:
            while message := receive_message(stream):
                with self.lock:
                    stream.sendall(self._pass_on(message))
        except OSError:
            pass  # either side has gone
        stream.close()

    def _serve_control(self, stream):
        try:
            request = stream.recv(4096)
            with self._connect("c") as control:
                control.sendall(request)
                stream.sendall(control.recv(4096))
        except OSError:
            pass
        stream.close()

    def _pass_on(self, message):
        code, = struct.unpack(">I", message[6:10])
        index = struct.unpack(">I", message[14:18])[0] if code in (NV_READ, NV_WRITE) else None
        if code == NV_READ and index == NV_REPORT and message.endswith(b"\0\0"):  # at its beginning
            self._read_once()
        answer = self._exchange(message)
        if answer[6:10] == bytes(4):
            self._look_at(code, index, message)
        return answer

    def _look_at(self, code, index, message):
        if code == NV_WRITE and index == NV_USER_DATA and self.listens:
            size, = struct.unpack(">I", message[18:22])
            self.waiting = [self.lag, message[22 + size + 2:22 + size + 2 + 64]]
        if code == QUOTE and self.extends_after_quotes > 0:
            self.extends_after_quotes -= 1
            self._extend(16)

    def _read_once(self):
        if self.waiting is None:
            return
        if self.waiting[0] > 0:
            self.waiting[0] -= 1
        else:
            user_data, self.waiting = self.waiting[1], None
            self.refresh(user_data)
