"""Certificate authorities and certificates, made for a test."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import scratch

DAY = datetime.timedelta(days=1)


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _san(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Identity:
    """A certificate and its key, in files."""

    def __init__(self, folder, name, certificate, key):
        self.certificate = certificate
        self.cert_file = scratch.write(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
        self.key_file = scratch.write(folder / f"{name}.key", pem)


class Authority:
    """A CA whose certificate stands in `ca_file`."""

    def __init__(self, folder, name, lifetime=DAY):
        self.folder = folder
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._build(name, self.key.public_key(), ca=True, names=(), lifetime=lifetime)
        self.ca_file = scratch.write(folder / f"{name}.pem",
                                     self.certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def _build(self, common_name, public_key, ca, names, lifetime):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(_name(common_name)).issuer_name(_name(self.name))
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - 2 * DAY).not_valid_after(now + lifetime)
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_san(n) for n in names]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, common_name, names=(), file=None, lifetime=DAY):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._build(common_name, key.public_key(), ca=False, names=names, lifetime=lifetime)
        return Identity(self.folder, file or f"{self.name}-{common_name}", certificate, key)
