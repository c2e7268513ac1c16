"""The tool `vouch`, and stand-in servers for it to talk to."""

import json
import os
import socket
import ssl
import subprocess
import threading

import cbor2
from cryptography import x509

MEASUREMENT = "544553545f4d4541535552454d454e545f56414c49445f303031" + 44 * "0"  # the simulated processor's default
CMW = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.35")
SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class Vouch:
    """Runs the program."""

    # What the tool lacks it asks AMD for: not from here. Nothing listens on that port.
    NO_NETWORK = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "no_proxy": "",
                  "NO_PROXY": "", "XDG_CACHE_HOME": "/proc/nowhere"}

    def __init__(self, program):
        self.program = program

    def __call__(self, *words, env=None, stdout=subprocess.PIPE):
        return subprocess.run([self.program, *map(str, words)], stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, timeout=60,
                              env={**os.environ, **self.NO_NETWORK, **(env or {})})

    def verify(self, address, policy, *more):
        """The exit status and the verdict."""
        return verdict_of(self("verify", address, "--policy", policy, "--json", *more))


def outcomes(verdict):
    return {check["name"]: check["outcome"] for check in verdict["checks"]}


def verdict_of(run):
    """The exit status and the verdict."""
    assert run.stdout, run.stderr
    return run.returncode, json.loads(run.stdout)


def failures(verdict):
    return [check["name"] for check in verdict["checks"] if check["outcome"] == "fail"]


def could_not(run, said, command):
    """The command came to nothing, and says why."""
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"vouch {command}: ")
    assert said in run.stderr


def policy_text(ark, more="", measurement=MEASUREMENT, mode="strict"):
    """A policy that believes a simulated processor; ark None: one that does not."""
    trusted = f"""
certificates:
  allow_simulated: true
  trusted_arks: ["{ark}"]
"""
    return f"""version: "1.0"
measurements:
  expected: "{measurement}"
  mode: {mode}
{more}{trusted if ark else ""}"""


def certificates_of(folder):
    """What `vouch cert --out folder` made: the leaf, and what stands above it."""
    return x509.load_pem_x509_certificates((folder / "client.crt").read_bytes())


def evidence_of(certificate):
    """The members of the CMW in a certificate, by name: an octet string that holds CBOR."""
    der = certificate.extensions.get_extension_for_oid(CMW).value.value
    assert der[0] == 0x04
    header = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)
    return cbor2.loads(der[header:])


class StandIn:
    """A server on loopback that lets `serve(socket)` have each connection."""

    def __init__(self, serve):
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)

    def _run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(10)
                try:
                    self.serve(peer)
                except OSError:
                    pass  # the tool went away, as it may


def answers(reply):
    """A server that answers SSLRequest so."""
    def serve(peer):
        assert peer.recv(8, socket.MSG_WAITALL) == SSL_REQUEST
        peer.sendall(reply)
        peer.recv(1)

    return StandIn(serve)


def shows(cert_file, key_file, direct=False, highest=ssl.TLSVersion.TLSv1_3):
    """A server that shows a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    context.set_alpn_protocols(["postgresql"])
    context.maximum_version = highest

    def serve(peer):
        if not direct:
            assert peer.recv(8, socket.MSG_WAITALL) == SSL_REQUEST
            peer.sendall(b"S")
        with context.wrap_socket(peer, server_side=True) as secured:
            secured.recv(1)

    return StandIn(serve)


def shown_by(host, port):
    """The certificate that a server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), 10) as plain:
        plain.sendall(SSL_REQUEST)
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain) as secured:
            return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))
