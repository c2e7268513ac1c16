"""An SEV-SNP guest that is imagined: Linux's sev-guest driver and configfs-tsm, the host below and the processor.

A program that is started with `Machine.env` meets it in place of the machine it runs on: test/preload/snp_guest.c carries its
calls here. The kernel's part keeps to drivers/virt/coco/sev-guest, drivers/virt/coco/guest/report.c and fs/configfs: owners and modes, sizes,
errors, `generation`, the retries while the host is busy, and the VMPCK, which is wiped after anything that went wrong with a
request that was sent. Reports are signed by a simulated processor's real keys.
"""

import errno
import fcntl
import os
import socket
import struct
import threading
import time

from . import scratch

# What snp_guest.c says.
ACCESS, MKDIR, RMDIR, CHOWN, OPEN, READ, PREAD, WRITE, CLOSE, IOCTL, FLOCK = range(1, 12)
HOLDS_REQUEST, HOLDS_ASK, HOLDS_RESPONSE = 1, 2, 4
MESSAGE_MAX = 70000

REQUEST = struct.Struct("<B7xQQQ")  # struct snp_guest_request_ioctl: msg_version, req_data, resp_data, exitinfo2
ASK = struct.Struct("<64sI28sQI4x")  # struct snp_ext_report_req
ASK_PLAIN = 96  # of it struct snp_report_req
GET_REPORT, GET_DERIVED_KEY, GET_EXT_REPORT = 0xC0205300, 0xC0205301, 0xC0205302
RESPONSE_SIZE, RESPONSE_HEAD = 4000, 0x20

PAGE = 4096
CERTS_MAX = 0x4000  # SEV_FW_BLOB_MAX_SIZE
NOT_SENT = 0xFF  # exitinfo2 before anything was sent
INVALID_LEN, BUSY = 1 << 32, 2 << 32  # exitinfo2 of the host
INVALID_PARAM = 0x16  # of the firmware

DEVICE, ROOT = "/dev/sev-guest", "/sys/kernel/config/tsm/report"
CPUID, MSR = "/dev/cpu/0/cpuid", "/dev/cpu/0/msr"
SEV_STATUS = 0xC0010131
INBLOB_MAX, INBLOB_SIZE = 64, 64
PRIVLEVEL_MAX = 3
CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SYS_RAWIO = 0, 1, 17
UNREAD = object()


class Refused(Exception):
    """A call that fails."""

    def __init__(self, error):
        super().__init__(os.strerror(error))
        self.error = error


class Caller:
    """Who makes a call: as credentials(7) has it at that moment."""

    def __init__(self, peer):
        pid, self.uid, self.gid = struct.unpack("iII", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.groups = {self.gid, *map(int, status["Groups"].split())}
        self.capabilities = int(status["CapEff"], 16)

    def has(self, capability):
        return bool(self.capabilities >> capability & 1)


class Inode:
    """Owner and mode of something, and who holds the lock on it."""

    def __init__(self, mode, uid=0, gid=0):
        self.mode, self.uid, self.gid = mode, uid, gid
        self.locked_by = None

    def check(self, caller, wanted):
        """inode_permission: `wanted` is of R_OK, W_OK, X_OK."""
        shift = 6 if caller.uid == self.uid else 3 if self.gid in caller.groups else 0
        if not caller.has(CAP_DAC_OVERRIDE) and wanted & ~(self.mode >> shift):
            raise Refused(errno.EACCES)

    def lock(self, holder, operation):
        if operation & fcntl.LOCK_UN:
            self.unlock(holder)
        elif self.locked_by not in (None, holder):
            raise Refused(errno.EWOULDBLOCK)  # nobody here asks without LOCK_NB
        else:
            self.locked_by = holder

    def unlock(self, holder):
        if self.locked_by is holder:
            self.locked_by = None


class Host:
    """What the hypervisor and the processor's firmware do. Tests change it at any time."""

    def __init__(self, processor, measurement):
        self.processor = processor
        self.measurement = measurement
        self.certificates = processor.table()  # b"": it hands out none
        self.busy = False  # throttles: every request is answered with BUSY
        self.takes_s = 0  # for a report
        self.error = 0  # exitinfo2 of every request: what the firmware refuses
        self.corrupt = False  # answers that cannot be decrypted
        self.vmpl = 0  # the guest's: requests for a more privileged level are refused

    def answer(self, ask, pages):
        """exitinfo2 of one VMGEXIT, the pages that the certificates need, the message of the firmware."""
        if self.busy:
            return BUSY, 0, b""
        needed = (len(self.certificates) + PAGE - 1) // PAGE
        if pages and needed > pages:
            return INVALID_LEN, needed, b""
        if self.error:
            return self.error, 0, b""
        time.sleep(self.takes_s)
        return 0, 0, self.report(ask)

    def report(self, ask):
        data, vmpl, reserved, *_ = ASK.unpack(ask.ljust(ASK.size, b"\0"))
        if vmpl > PRIVLEVEL_MAX or vmpl < self.vmpl or any(reserved):
            return struct.pack("<II", INVALID_PARAM, 0).ljust(RESPONSE_SIZE, b"\0")
        report = self.processor.report(data, self.measurement, vmpl=vmpl)
        return (struct.pack("<II24x", 0, len(report)) + report).ljust(RESPONSE_SIZE, b"\0")


class Driver:
    """drivers/virt/coco/sev-guest."""

    RETRY_DELAY_S, RETRY_MAX_S = 2, 60  # SNP_REQ_RETRY_DELAY, SNP_REQ_MAX_RETRY_DURATION

    def __init__(self, host):
        self.host = host
        self.retry_delay_s, self.retry_max_s = self.RETRY_DELAY_S, self.RETRY_MAX_S
        self.key_is_wiped = False  # the VMPCK
        self.lock = threading.Lock()  # snp_cmd_mutex
        self.under_way = 0  # callers that are in it or wait for it
        self.most_under_way = 0
        self.began = []  # when requests were sent for the first time, monotonic
        self.ended = threading.Event()  # of the whole machine

    def _exchange(self, ask, pages):
        """Until the host takes the request: errno (0: none), exitinfo2, pages needed, answer."""
        began, overridden = time.monotonic(), 0
        while True:
            exitinfo2, needed, message = self.host.answer(ask, pages)
            if exitinfo2 == INVALID_LEN:
                overridden, pages = needed, 0  # once more without certificates, for the sequence number to go on
            elif exitinfo2 == BUSY:
                if time.monotonic() - began > self.retry_max_s:
                    return errno.ETIMEDOUT, BUSY, 0, b""
                if self.ended.wait(self.retry_delay_s):
                    return errno.EINTR, BUSY, 0, b""
            elif exitinfo2:
                return errno.EIO, exitinfo2, 0, b""
            elif overridden:
                return errno.EIO, INVALID_LEN, overridden, b""
            else:
                return 0, 0, 0, message

    def _send(self, ask, pages):
        if self.key_is_wiped:
            return errno.ENOTTY, NOT_SENT, 0, b""
        self.began.append(time.monotonic())
        error, exitinfo2, needed, message = self._exchange(ask, pages)
        if not error and self.host.corrupt:
            error = errno.EBADMSG
        if error and exitinfo2 != INVALID_LEN:
            self.key_is_wiped = True
        return error, exitinfo2, needed, message

    def send(self, ask, pages):
        """snp_send_guest_request."""
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        with self.lock:
            try:
                return self._send(ask, pages)
            finally:
                self.under_way -= 1

    def extended_report(self, ask, version):
        """get_ext_report: errno, exitinfo2, the request as it is afterwards, answer, certificates."""
        data, vmpl, reserved, address, length = ASK.unpack(ask)
        wants = bool(address and length)
        if wants and (length > CERTS_MAX or length % PAGE):
            return errno.EINVAL, NOT_SENT, ask, b"", b""
        if version != 1:
            self.key_is_wiped = True  # the firmware refuses the message
            return errno.EIO, INVALID_PARAM, ask, b"", b""
        error, exitinfo2, needed, message = self.send(ask[:ASK_PLAIN], length // PAGE if wants else 0)
        if exitinfo2 == INVALID_LEN:
            ask = ASK.pack(data, vmpl, reserved, address, needed * PAGE)
        certificates = self.host.certificates.ljust(length, b"\0") if wants and not error else b""
        return error, exitinfo2, ask, message, certificates

    def ioctl(self, code, payload):
        """snp_guest_ioctl: errno, and what is copied back."""
        version, ask_at, response_at, _ = REQUEST.unpack(payload[:REQUEST.size])
        ask, message, certificates = payload[REQUEST.size:], b"", b""
        error, exitinfo2 = errno.ENOTTY, NOT_SENT
        if version == 0:
            return errno.EINVAL, 0, b""
        if code in (GET_REPORT, GET_EXT_REPORT) and not (ask_at and response_at):
            error = errno.EINVAL
        elif code == GET_REPORT:
            error, exitinfo2, _, message, _ = self.extended_report(ask.ljust(ASK.size, b"\0"), version)
        elif code == GET_EXT_REPORT:
            error, exitinfo2, ask, message, certificates = self.extended_report(ask, version)
        holds = (HOLDS_REQUEST if exitinfo2 else 0) | (HOLDS_ASK if exitinfo2 == INVALID_LEN else 0)
        copied = REQUEST.pack(version, ask_at, response_at, exitinfo2) + ask
        if not error:
            return 0, holds | HOLDS_RESPONSE, copied + message + certificates
        return error, holds, copied

    def tsm_report(self, entry):
        """sev_report_new: outblob and auxblob."""
        if len(entry.inblob) != INBLOB_SIZE:
            raise Refused(errno.EINVAL)
        ask = ASK.pack(entry.inblob, entry.privlevel, b"", 1, CERTS_MAX)
        error, _, _, message, certificates = self.extended_report(ask, 1)
        if error:
            raise Refused(error)
        status, size = struct.unpack_from("<II", message)
        if status:
            raise Refused(errno.EINVAL if status == INVALID_PARAM else errno.ENXIO)
        return message[RESPONSE_HEAD:RESPONSE_HEAD + size], certificates[:len(self.host.certificates)]


class Entry:
    """A directory of configfs-tsm. .inodes: its own at "", and its attributes'."""

    def __init__(self, uid, gid):
        self.inodes = {"": Inode(0o755, uid, gid),
                       **{name: Inode(0o444, uid, gid) for name in Tsm.READABLE},
                       **{name: Inode(0o200, uid, gid) for name in Tsm.WRITABLE}}
        self.write_generation = self.read_generation = 0
        self.privlevel = 0
        self.inblob = b""
        self.outblob = self.auxblob = None


class Tsm:
    """drivers/virt/coco/guest/report.c, behind fs/configfs."""

    READABLE = ("outblob", "auxblob", "generation", "provider", "privlevel_floor")
    WRITABLE = ("inblob", "privlevel")

    def __init__(self, driver):
        self.driver = driver
        self.technology = "sev_guest"  # None: nobody stands behind it
        self.oopses = 0  # of the kernel, which follows provider.ops without a look
        self.entries = {}
        self.lock = threading.RLock()  # tsm_rwsem
        self.meddle = None  # called with the entry before a report is made: somebody else, who writes to it

    def follow_ops(self):
        if self.technology is None:
            self.oopses += 1
            raise Refused(errno.EIO)  # in earnest the caller is killed

    def advance(self, entry):
        if entry.write_generation == entry.read_generation - 1:
            raise Refused(errno.EBUSY)
        entry.write_generation += 1

    def store_privlevel(self, entry, text):
        self.follow_ops()
        level = int(text)
        if not self.driver.host.vmpl <= level <= PRIVLEVEL_MAX:
            raise Refused(errno.EINVAL)
        self.advance(entry)
        entry.privlevel = level

    def store_inblob(self, entry, blob):
        self.advance(entry)
        entry.inblob = blob

    def _generate(self, entry):
        entry.outblob = entry.auxblob = None
        if self.meddle:
            self.meddle(entry)
        entry.outblob, entry.auxblob = self.driver.tsm_report(entry)
        entry.read_generation = entry.write_generation

    def _blob(self, entry, name):
        if not entry.inblob:
            raise Refused(errno.EINVAL)
        if entry.outblob is None or entry.read_generation != entry.write_generation:
            if self.technology is None:
                raise Refused(errno.ENOTTY)
            self._generate(entry)
        return entry.outblob if name == "outblob" else entry.auxblob

    def show(self, entry, name):
        with self.lock:
            if name in ("outblob", "auxblob"):
                return self._blob(entry, name)
            if name == "generation":
                return b"%d\n" % entry.write_generation
            self.follow_ops()
            return b"%d\n" % self.driver.host.vmpl if name == "privlevel_floor" else self.technology.encode() + b"\n"


class Attribute:
    """One that is open: read whole at the first read, and a binary one taken over when it is closed."""

    def __init__(self, tsm, entry, name, flags):
        writes = flags & os.O_ACCMODE != os.O_RDONLY
        if name not in (tsm.WRITABLE if writes else tsm.READABLE):
            raise Refused(errno.EACCES if name in tsm.WRITABLE + tsm.READABLE else errno.ENOENT)
        self.tsm, self.entry, self.name = tsm, entry, name
        self.content, self.at = UNREAD, 0
        self.written = b""

    def read(self, size):
        if self.content is UNREAD:
            self.content = self.tsm.show(self.entry, self.name)
        chunk = self.content[self.at:self.at + size]
        self.at += len(chunk)
        return chunk

    def write(self, data):
        if self.name == "privlevel":
            with self.tsm.lock:
                self.tsm.store_privlevel(self.entry, data)
        elif len(self.written) + len(data) > INBLOB_MAX:
            raise Refused(errno.EFBIG)
        self.written += data
        return len(data)

    def close(self):
        """What becomes of the content is nobody's to know: configfs does not say it."""
        if self.name == "inblob" and self.written:
            with self.tsm.lock:
                try:
                    self.tsm.store_inblob(self.entry, self.written)
                except Refused:
                    pass


class Directory:
    def __init__(self, inode):
        self.inode = inode

    def flock(self, operation):
        self.inode.lock(self, operation)

    def close(self):
        self.inode.unlock(self)


class Device:
    def close(self):
        pass


class SevGuest(Device):
    """/dev/sev-guest."""

    def __init__(self, driver):
        self.driver = driver

    def ioctl(self, code, payload):
        return self.driver.ioctl(code, payload)


class Registers(Device):
    """CPUID or MSRs of a processor that shows SEV-SNP, or does not."""

    def __init__(self, path, active):
        self.path, self.active = path, active

    def pread(self, size, offset):
        if self.path == MSR:
            if offset != SEV_STATUS:
                raise Refused(errno.EIO)
            return struct.pack("<Q", 0b111 if self.active else 0)[:size]
        leaf = {0: (0x10, *struct.unpack("<III", b"AuthcAMDenti")), 0x80000000: (0x80000028, 0, 0, 0),
                0x8000001F: (0x101FF if self.active else 0, 0, 0, 0)}.get(offset, (0, 0, 0, 0))
        return struct.pack("<IIII", *leaf)[:size]


class Machine:
    """.host, .driver, .tsm are there to be changed; .present: which devices there are; .active: whether SEV-SNP is on;
    .inodes: whose the devices are, as Linux makes them: root's."""

    def __init__(self, folder, library, processor, measurement):
        self.host = Host(processor, measurement)
        self.driver = Driver(self.host)
        self.tsm = Tsm(self.driver)
        self.present = {DEVICE, ROOT, CPUID, MSR}
        self.active = True
        self.inodes = {DEVICE: Inode(0o600), ROOT: Inode(0o755), CPUID: Inode(0o600), MSR: Inode(0o600)}
        path = folder / "machine"
        self.env = {"LD_PRELOAD": str(library), "PGVOUCH_TEST_MACHINE": str(path),
                    # Its runtime wants to be the first library, and cannot be.
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        scratch.give_away(path, 0o777)
        self.listener.listen(64)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def let_in(self, uid):
        """What an administrator may do: the user is given the devices that make reports."""
        self.inodes[DEVICE].uid = self.inodes[ROOT].uid = uid

    def unload(self):
        """rmmod sev-guest"""
        self.present.discard(DEVICE)
        self.tsm.technology = None

    def load(self):
        self.present.add(DEVICE)
        self.tsm.technology = "sev_guest"

    def close(self):
        self.driver.ended.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        file = None
        with peer:
            while message := self._receive(peer):
                operation, number, offset = struct.unpack_from("<IIQ", message)
                try:
                    if operation == OPEN:
                        file = self._open(Caller(peer), message[16:].decode(), number)
                    error, value, payload = self._call(peer, file, operation, number, offset, message[16:])
                except Refused as refused:
                    error, value, payload = refused.error, -1, b""
                try:
                    peer.send(struct.pack("<ii", error, value) + payload)
                except OSError:
                    break  # the program has ended
            if isinstance(file, Directory):
                file.close()

    @staticmethod
    def _receive(peer):
        try:
            return peer.recv(MESSAGE_MAX)
        except OSError:
            return b""

    def _call(self, peer, file, operation, number, offset, payload):
        """errno, the value and what belongs to it."""
        value, data = 0, b""
        if operation in (ACCESS, MKDIR, RMDIR, CHOWN):
            getattr(self, {ACCESS: "_access", MKDIR: "_mkdir", RMDIR: "_rmdir", CHOWN: "_chown"}[operation])(
                Caller(peer), payload.decode(), number)
        elif operation == IOCTL and hasattr(file, "ioctl"):
            return file.ioctl(number, payload)
        elif operation == READ and hasattr(file, "read"):
            data = file.read(number)
        elif operation == PREAD and hasattr(file, "pread"):
            data = file.pread(number, offset)
        elif operation == WRITE and hasattr(file, "write"):
            value = file.write(payload)
        elif operation == FLOCK and hasattr(file, "flock"):
            file.flock(number)
        elif operation == CLOSE:
            file.close()
        elif operation != OPEN:
            raise Refused(errno.ENOTTY if operation == IOCTL else errno.EINVAL)
        return 0, value, data

    def _entry(self, path):
        """The entry that a path is or stands below, and the rest of the path."""
        name, _, rest = path.removeprefix(ROOT + "/").partition("/")
        if ROOT not in self.present or not path.startswith(ROOT + "/") or name not in self.tsm.entries:
            raise Refused(errno.ENOENT)
        return self.tsm.entries[name], rest

    def _inode(self, caller, path):
        """Of a path that the caller may walk."""
        if path in self.present:
            return self.inodes[path]
        entry, name = self._entry(path)
        self.inodes[ROOT].check(caller, os.X_OK)
        if name:
            entry.inodes[""].check(caller, os.X_OK)
        if name not in entry.inodes:
            raise Refused(errno.ENOENT)
        return entry.inodes[name]

    def _access(self, caller, path, mode):
        self._inode(caller, path).check(caller, mode)

    def _mkdir(self, caller, path, _):
        parent, _, name = path.rpartition("/")
        if ROOT not in self.present or parent != ROOT:
            raise Refused(errno.ENOENT)
        if name in self.tsm.entries:
            raise Refused(errno.EEXIST)
        self.inodes[ROOT].check(caller, os.W_OK | os.X_OK)
        if self.tsm.technology is None:
            raise Refused(errno.ENXIO)
        self.tsm.entries[name] = Entry(caller.uid, caller.gid)

    def _rmdir(self, caller, path, _):
        self._entry(path)
        self.inodes[ROOT].check(caller, os.W_OK | os.X_OK)
        del self.tsm.entries[path.rpartition("/")[2]]

    def _chown(self, caller, path, owner):
        """The group is not told: no mode here has bits for it that others have not."""
        inode = self._inode(caller, path)
        if not caller.has(CAP_CHOWN) and (caller.uid, owner) != (inode.uid, inode.uid):
            raise Refused(errno.EPERM)
        inode.uid = owner

    def _open(self, caller, path, flags):
        inode = self._inode(caller, path)
        inode.check(caller, {os.O_RDONLY: os.R_OK, os.O_WRONLY: os.W_OK}.get(flags & os.O_ACCMODE, os.R_OK | os.W_OK))
        if path == MSR and not caller.has(CAP_SYS_RAWIO):
            raise Refused(errno.EPERM)
        if path in (DEVICE, CPUID, MSR):
            return SevGuest(self.driver) if path == DEVICE else Registers(path, self.active)
        entry, name = (None, "") if path == ROOT else self._entry(path)
        return Attribute(self.tsm, entry, name, flags) if name else Directory(inode)
