"""A key distribution service of our own: HTTPS on loopback, with what a test puts into it, and every vice a test wants."""

import datetime
import email.utils
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from .oracle import AMD, TCB

PRODUCTS = {"milan": "Milan", "genoa": "Genoa", "turin": "Turin"}


def vcek_path(product, chip_id, tcb):
    """As publication 57230 has it; tcb: eight bytes as in a report."""
    if product == "turin":
        names, hwid = (("fmc", 0), ("bl", 1), ("tee", 2), ("snp", 3), ("ucode", 7)), chip_id[:8]
    else:
        names, hwid = (("bl", 0), ("tee", 1), ("snp", 6), ("ucode", 7)), chip_id
    spls = "&".join(f"{name}SPL={tcb[at]:02d}" for name, at in names)
    return f"/vcek/v1/{PRODUCTS[product]}/{hwid.hex()}?{spls}"


def pem(*certificates):
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def revocation_list(processor, revoked=(), age=datetime.timedelta(hours=1), lifetime=datetime.timedelta(days=30)):
    """A list by the processor's ARK."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateRevocationListBuilder().issuer_name(processor.ark.subject).last_update(now - age)
               .next_update(now - age + lifetime))
    for certificate in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(now - age).build())
    crl = builder.sign(processor.ark_key, hashes.SHA384(),
                       rsa_padding=padding.PSS(padding.MGF1(hashes.SHA384()), salt_length=48))
    return crl.public_bytes(serialization.Encoding.DER)


def vcek_alike(processor, **extensions):
    """The processor's certificate with other extensions: hwid=bytes, microcode=number; signed as the true one is."""
    names = {"hwid": "4", "bootloader": "3.1", "microcode": "3.8"}
    changed = {f"{AMD}.{names[name]}": value if isinstance(value, bytes) else
               (bytes([2, 1, value]) if value < 128 else bytes([2, 2, 0, value])) for name, value in extensions.items()}
    true = processor.vcek
    builder = (x509.CertificateBuilder().subject_name(true.subject).issuer_name(true.issuer)
               .public_key(true.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(true.not_valid_before_utc).not_valid_after(true.not_valid_after_utc))
    for extension in true.extensions:
        value = changed.get(extension.oid.dotted_string, extension.value.value)
        builder = builder.add_extension(x509.UnrecognizedExtension(extension.oid, value), extension.critical)
    return builder.sign(processor.ask_key, hashes.SHA384(),
                        rsa_padding=padding.PSS(padding.MGF1(hashes.SHA384()), salt_length=48))


# ---- answers: each is called with the request and says whether it has answered ----

def status(number, body=b"no", **headers):
    def answer(request):
        request.reply(number, body, **headers)
        return True

    return answer


def throttled(retry_after=None):
    return status(429, b"slow down", **({} if retry_after is None else {"Retry-After": str(retry_after)}))


def throttled_until(seconds):
    """Retry-After as a date."""
    def answer(request):
        request.reply(429, b"slow down", **{"Retry-After": email.utils.formatdate(time.time() + seconds, usegmt=True)})
        return True

    return answer


def redirect(where):
    return status(302, b"", Location=where)


def content(body, kind="application/octet-stream"):
    return status(200, body, **{"Content-Type": kind})


def without_end(number, **headers):
    """More than anybody wants, without saying how much."""
    def answer(request):
        request.begin(number, **headers)
        for _ in range(4096):
            request.wfile.write(bytes(4096))
        return True

    return answer


endless = without_end(200)


def hangs(request):
    """Until the service ends."""
    request.server.ending.wait(60)
    request.close_connection = True
    return True


class Request(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def begin(self, number, **headers):
        self.send_response(number)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def reply(self, number, body, **headers):
        self.begin(number, **{"Content-Length": str(len(body)), **headers})
        self.wfile.write(body)

    def do_GET(self):
        kds = self.server.kds
        with kds.lock:
            kds.requests.append(self.path)
            kds.times.append(time.monotonic())
            answer = kds.next_answer(self.path)
        try:
            if answer and answer(self):
                return
            body = kds.items.get(self.path)
            if body is None:
                self.reply(404, b"not found")
            else:
                self.reply(200, body, **{"Content-Type": "application/octet-stream"})
        except OSError:
            pass  # the client went away, as it may


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that does not like the certificate


class Kds:
    """`items`: content by path. `always`: an answer to everything; `once`: a list of answers to the next requests, of which
    None is the ordinary one; `only`: of which paths (a word in them) either speaks."""

    def __init__(self, identity):
        self.items, self.requests, self.times = {}, [], []
        self.always, self.once, self.only = None, [], ""
        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Request)
        self.server.kds, self.server.ending = self, threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.cert_file, identity.key_file)
        # The handshake is the handler thread's: a client that is slow holds nobody up.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def next_answer(self, path):
        if self.only not in path:
            return None
        return self.once.pop(0) if self.once else self.always

    def add_processor(self, processor, product="milan"):
        """What KDS would have of a simulated processor."""
        self.vcek = vcek_path(product, processor.chip_id, TCB)
        self.chain, self.crl = (f"/vcek/v1/{PRODUCTS[product]}/{name}" for name in ("cert_chain", "crl"))
        self.items[self.vcek] = der(processor.vcek)
        self.items[self.chain] = pem(processor.ask, processor.ark)

    def count(self, part):
        with self.lock:
            return sum(part in path for path in self.requests)

    def stop(self):
        self.server.ending.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


@pytest.fixture
def kds(server_identity, chip):
    """With what AMD's would have of the simulated processor."""
    made = Kds(server_identity)
    made.add_processor(chip)
    yield made
    made.stop()
