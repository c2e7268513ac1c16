"""The attestation profile a second time, written from doc/attestation.md alone: what the programs make is taken apart and
computed anew here, and evidence is made here that they never would make."""

import base64
import datetime
import hashlib
import re
import struct
from typing import NamedTuple

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import NameOID

CMW = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.35")
GO_EAT = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
CMW_TYPE = "tag:pgvouch,2026:snp/v1"
REPORT_TYPE = "application/vnd.amd.sev-snp.attestation-report"
BIND_TYPE = "application/vnd.pgvouch.bind+cbor"
TABLE_TYPE = "application/vnd.amd.ghcb.guid-table"
REPORT_SIZE, SIGNED_SIZE = 1184, 0x2A0

GUIDS = {"vcek": "63da758de6644564adc5f4b93be8accd", "vlek": "a8074bc2a25a483eaae639c045a0b8a1",
         "ask": "4ab7b379bbac4fe4a02f05aef327c782", "ark": "c0b406a4a803495297433fb6014cd0ae",
         "crl": "92f81bc358114d3d97ffd19f88dc67ea"}

# name: (offset, size); numbers are little-endian
FIELDS = {"version": (0x000, 4), "guest_svn": (0x004, 4), "policy": (0x008, 8), "family_id": (0x010, 16),
          "image_id": (0x020, 16), "vmpl": (0x030, 4), "signature_algo": (0x034, 4), "current_tcb": (0x038, 8),
          "platform_info": (0x040, 8), "key_info": (0x048, 4), "report_data": (0x050, 64), "measurement": (0x090, 48),
          "host_data": (0x0C0, 32), "id_key_digest": (0x0E0, 48), "author_key_digest": (0x110, 48),
          "report_id": (0x140, 32), "report_id_ma": (0x160, 32), "reported_tcb": (0x180, 8), "cpuid": (0x188, 3),
          "chip_id": (0x1A0, 64), "committed_tcb": (0x1E0, 8), "current": (0x1E8, 3), "committed": (0x1EC, 3),
          "launch_tcb": (0x1F0, 8), "launch_mit_vector": (0x1F8, 8), "current_mit_vector": (0x200, 8)}
NUMBERS = ("version", "guest_svn", "policy", "vmpl", "signature_algo", "platform_info", "key_info", "launch_mit_vector",
           "current_mit_vector")


# ---- REPORT_DATA ----

def lp(value):
    return struct.pack(">H", len(value)) + value


def sha384(value):
    return hashlib.sha384(value).digest()


def spki(certificate):
    return certificate.public_key().public_bytes(serialization.Encoding.DER,
                                                 serialization.PublicFormat.SubjectPublicKeyInfo)


def names_of(certificate):
    """extnValue of subjectAltName; empty without one."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.public_bytes()
    except x509.ExtensionNotFound:
        return b""


def seconds(moment):
    return int(moment.timestamp())


class Bind(NamedTuple):
    issued_at: int
    config_digest: bytes = b""
    nonce: bytes = b""

    @classmethod
    def read(cls, record):
        found = cbor2.loads(record)
        assert set(found) == {1, 2, 3, 4, 5} and (found[1], found[2]) == (1, 1), f"not a bind record of kind 1: {found}"
        return cls(found[4], found[3], found[5])

    def write(self):
        return canonical({1: 1, 2: 1, 3: self.config_digest, 4: self.issued_at, 5: self.nonce})


def report_data(certificate, issuer, bind):
    """What the report of this certificate must be about."""
    names = names_of(certificate)
    return hashlib.sha512(
        lp(b"pgvouch/snp-cert/v1") + lp(spki(certificate)) + lp(sha384(spki(issuer))) +
        lp(certificate.subject.public_bytes()) + lp(sha384(names) if names else b"") +
        struct.pack(">QQQ", seconds(certificate.not_valid_before_utc), seconds(certificate.not_valid_after_utc),
                    bind.issued_at) + lp(bind.config_digest) + lp(bind.nonce)).digest()


def digested_settings(manual):
    """Of configuration.md: the settings of the digest in its order, and whether each names a file."""
    entries = re.findall(r"^#### (\w+)\n\n([^\n]*)\n\n\*(\w+)", manual, re.M)
    return [(name, kind == "path") for name, text, kind in entries if "Part of the configuration digest." in text]


def config_digest(settings, shown, policies):
    """settings: of digested_settings; shown: {name: value} of SHOW CONFIG; policies: {name: content}."""
    digest = hashlib.sha384()
    for name, is_file in settings:
        value = shown[name].encode()
        if is_file and value:
            with open(value, "rb") as file:
                value = sha384(file.read())
        digest.update(lp(name.encode()) + lp(value))
    for name, content in sorted(policies.items()):
        digest.update(lp(b"policy") + lp(name.encode()) + lp(sha384(content)))
    return digest.digest()


# ---- DER and CBOR ----

def der(tag, content):
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def der_content(tag, encoded):
    """The content of an element that `encoded` is, and nothing but it, in DER."""
    first = encoded[1]
    at = 2 + (first & 0x7F if first & 0x80 else 0)
    content = encoded[at:]
    assert der(tag, content) == encoded, "not that element in DER"
    return content


def canonical(value):
    return cbor2.dumps(value, canonical=True)


def cmw_map(report, table, bind):
    return {"__cmwc_t": CMW_TYPE, "snp": [REPORT_TYPE, report, 4], "bind": [BIND_TYPE, bind, 4],
            "certs": [TABLE_TYPE, table, 2]}


# ---- Entity attestation tokens ----

EAT_TAG, EAT_PROFILE = 601, "tag:pgvouch,2026:eat/v1"
EAT_TYPE = f'application/eat-ucs+cbor; eat_profile="{EAT_PROFILE}"'
IAT, EAT_NONCE, UEID, EAT_PROFILE_CLAIM, CMW_CLAIM = 6, 10, 256, 265, 299


def cmw_json(cmw):
    """A collection or a record as JSON has it (RFC 9999): bytes in base64url without padding."""
    if isinstance(cmw, dict):
        return {name: cmw_json(member) for name, member in cmw.items()}
    if isinstance(cmw, (list, tuple)):
        return [cmw_json(item) for item in cmw]
    return base64.urlsafe_b64encode(cmw).rstrip(b"=").decode() if isinstance(cmw, bytes) else cmw


def ueid_of(chip_id):
    return b"\x01" + hashlib.sha256(chip_id).digest()


def eat_claims(report, table, bind_record, bind):
    """bind: anything with issued_at and nonce, as the record says them."""
    chip_id = report[0x1A0:0x1E0]
    claims = {IAT: bind.issued_at, EAT_PROFILE_CLAIM: EAT_PROFILE, CMW_CLAIM: cmw_map(report, table, bind_record)}
    if bind.nonce:
        claims[EAT_NONCE] = bind.nonce
    if any(chip_id):
        claims[UEID] = ueid_of(chip_id)
    return claims


def eat(claims):
    return canonical(cbor2.CBORTag(EAT_TAG, claims))


def eat_record(token):
    return canonical([EAT_TYPE, token, 4])


# ---- What a certificate carries ----

class Report:
    """The fields by name, as numbers or bytes."""

    def __init__(self, raw):
        assert len(raw) == REPORT_SIZE
        self.raw = raw
        for name, (at, size) in FIELDS.items():
            value = raw[at:at + size]
            setattr(self, name, int.from_bytes(value, "little") if name in NUMBERS else value)
        r, s = raw[0x2A0:0x2E8], raw[0x2E8:0x330]
        assert not any(r[48:]) and not any(s[48:]) and not any(raw[0x330:]), "unsigned bytes that are not zero"
        self.signature = encode_dss_signature(int.from_bytes(r, "little"), int.from_bytes(s, "little"))

    def verify(self, vek):
        """Raises unless the key of that certificate signed it."""
        vek.public_key().verify(self.signature, self.raw[:SIGNED_SIZE], ec.ECDSA(hashes.SHA384()))


def read_table(table):
    """{name: certificate} of a GUID table."""
    names = {bytes.fromhex(guid): name for name, guid in GUIDS.items()}
    found, at = {}, 0
    while any(table[at:at + 24]):
        guid, offset, size = struct.unpack_from("<16sII", table, at)
        assert offset + size <= len(table)
        found[names[guid]] = x509.load_der_x509_certificate(table[offset:offset + size])
        at += 24
    return found


def write_table(certificates):
    """The GUID table of {name: certificate}."""
    at = 24 * (len(certificates) + 1)
    entries, contents = b"", b""
    for name, certificate in certificates.items():
        content = certificate.public_bytes(serialization.Encoding.DER)
        entries += struct.pack("<16sII", bytes.fromhex(GUIDS[name]), at + len(contents), len(content))
        contents += content
    return entries + bytes(24) + contents


def verify_chain(certificates):
    """Raises unless ARK signed itself and ASK, and ASK the VCEK, as AMD signs."""
    for subject, issuer in (("ark", "ark"), ("ask", "ark"), ("vcek", "ask")):
        certificate = certificates[subject]
        assert certificate.issuer == certificates[issuer].subject
        certificates[issuer].public_key().verify(
            certificate.signature, certificate.tbs_certificate_bytes,
            padding.PSS(padding.MGF1(hashes.SHA384()), salt_length=48), hashes.SHA384())


class Evidence:
    """What stands in the extension of a certificate."""

    def __init__(self, certificate):
        extension = certificate.extensions.get_extension_for_oid(CMW)
        assert not extension.critical
        self.extension = extension.value.value
        self.cbor = der_content(0x04, self.extension)
        self.cmw = cbor2.loads(self.cbor)
        self.report = Report(self.cmw["snp"][1])
        self.bind = Bind.read(self.cmw["bind"][1])
        self.certificates = read_table(self.cmw["certs"][1])

    def encoded_anew(self):
        """The CMW's bytes, made from its parts."""
        return canonical(cmw_map(self.report.raw, write_table(self.certificates), self.bind.write()))


# ---- A simulated processor, driven from here ----

AMD = "1.3.6.1.4.1.3704.1"
TCB = bytes([4, 0, 0, 0, 0, 0, 24, 219])  # the simulated Milan's: bootloader 4, microcode 219

def pem_of_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _pair(path):
    text = path.read_bytes()
    return x509.load_pem_x509_certificate(text), serialization.load_pem_private_key(text, None)


def _is_vcek_of(certificate, chip_id):
    """One directory may hold VCEKs for other chips and TCBs."""
    hwid, microcode = (certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(f"{AMD}.{number}")).value.value
                       for number in ("4", "3.8"))
    return hwid == chip_id and microcode == bytes([2, 2, 0, TCB[7]])


def _named(certificate, common_name):
    """Its subject with another common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name) if part.oid == NameOID.COMMON_NAME else part
                      for part in certificate.subject])


def _issue_alike(certificate, key, issuer_key, subject=None, issuer=None, extensions=None):
    """The certificate over another key, signed by another one as AMD signs. What is given stands in it instead."""
    builder = (x509.CertificateBuilder().subject_name(subject or certificate.subject)
               .issuer_name(issuer or certificate.issuer)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(certificate.not_valid_before_utc).not_valid_after(certificate.not_valid_after_utc))
    for extension in extensions if extensions is not None else certificate.extensions:
        if not isinstance(extension.value, (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)):
            builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(issuer_key, hashes.SHA384(),
                        rsa_padding=padding.PSS(padding.MGF1(hashes.SHA384()), salt_length=48))


class Processor:
    """A simulated processor's keys and certificates: its reports, and any others."""
    kind, key_info = "vcek", 0

    def __init__(self, ark, ask, vcek, chip_id):
        """ark, ask, vcek: each a certificate and its key."""
        (self.ark, self.ark_key), (self.ask, self.ask_key), (self.vcek, self.key) = ark, ask, vcek
        self.chip_id = chip_id

    @classmethod
    def load(cls, folder):
        """The one that the simulated provider keeps in attest_state_dir."""
        chip_id = (folder / "chip-id").read_bytes()
        vcek = next(found for found in map(_pair, folder.glob("vcek-milan-*.key")) if _is_vcek_of(found[0], chip_id))
        return cls(_pair(folder / "ark-milan.key"), _pair(folder / "ask-milan.key"), vcek, chip_id)

    def impostor(self):
        """The same names, chip and versions under another root. RSA keys take seconds to make: root and ASK change places."""
        key = ec.generate_private_key(ec.SECP384R1())
        ark = _issue_alike(self.ark, self.ask_key, self.ask_key)
        ask = _issue_alike(self.ask, self.ark_key, self.ask_key)
        return Processor((ark, self.ask_key), (ask, self.ark_key), (_issue_alike(self.vcek, key, self.ark_key), key),
                         self.chip_id)

    def cloud(self, csp_id):
        """The same processor where a cloud's key signs: a VLEK under an ASVK, and reports that name no chip."""
        asvk = _issue_alike(self.ask, self.ask_key, self.ark_key, subject=_named(self.ask, "SEV-VLEK-Milan"))
        hwid, csp = (x509.ObjectIdentifier(f"{AMD}.{number}") for number in (4, 5))
        kept = [extension for extension in self.vcek.extensions if extension.oid != hwid]
        named = x509.Extension(csp, False, x509.UnrecognizedExtension(csp, der(0x16, csp_id.encode())))
        vlek = _issue_alike(self.vcek, self.key, self.ask_key, subject=_named(self.vcek, "SEV-VLEK"),
                            issuer=asvk.subject, extensions=[*kept, named])
        return Cloud((self.ark, self.ark_key), (asvk, self.ask_key), (vlek, self.key), bytes(64))

    def table(self):
        return write_table({self.kind: self.vcek, "ask": self.ask, "ark": self.ark})

    def report(self, data, measurement, **changes):
        """A report of a well-kept Milan, signed by the VCEK, with other fields as asked."""
        fields = {"version": 3, "guest_svn": 1, "policy": 0x20000, "signature_algo": 1, "platform_info": 0x26,
                  "current_tcb": TCB, "reported_tcb": TCB, "committed_tcb": TCB, "launch_tcb": TCB,
                  "report_data": data, "measurement": measurement, "report_id_ma": b"\xff" * 32,
                  "key_info": self.key_info, "cpuid": bytes([0x19, 1, 1]), "chip_id": self.chip_id,
                  "current": bytes([29, 55, 1]),
                  "committed": bytes([29, 55, 1]), **changes}
        raw = bytearray(REPORT_SIZE)
        for name, value in fields.items():
            at, size = FIELDS[name]
            raw[at:at + size] = value if isinstance(value, bytes) else value.to_bytes(size, "little")
        return self.seal(raw)

    def seal(self, raw):
        """Signs what stands in the signed part."""
        raw = bytearray(raw)
        r, s = decode_dss_signature(self.key.sign(bytes(raw[:SIGNED_SIZE]), ec.ECDSA(hashes.SHA384())))
        raw[SIGNED_SIZE:] = r.to_bytes(72, "little") + s.to_bytes(72, "little") + bytes(REPORT_SIZE - 0x330)
        return bytes(raw)


class Cloud(Processor):
    """`vcek` is its VLEK."""
    kind, key_info = "vlek", 1 << 2


# ---- Certificates with evidence of any kind ----

ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
CMW_DER = bytes.fromhex("06082b06010505070123")  # the OID, and one of the same length that stands in for it
DICE, RAW = x509.ObjectIdentifier("2.23.133.5.4.9"), x509.ObjectIdentifier("1.3.9901.2.1")
STAND_IN, STAND_IN_DER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.99"), bytes.fromhex("06082b06010505070163")


class Draft:
    """A self-signed client certificate to be. Each with_... signs one anew, over the same key, and gives its DER."""

    def __init__(self, common_name="client", issued_at=None, nonce=b"", key=None, lifetime=3600):
        now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.common_name = common_name
        self.not_before, self.not_after = (datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
                                           for at in (now - 300, now + lifetime))
        self.bind = Bind(now if issued_at is None else issued_at, nonce=nonce)

    def _sign(self, extensions):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.common_name)])
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(self.not_before)
                   .not_valid_after(self.not_after))
        for oid, value in extensions:
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def report_data(self):
        bare = self._sign([])
        return report_data(bare, bare, self.bind)

    def with_extension(self, value):
        """The value of its extension is exactly these bytes."""
        return self._sign([(CMW, value)]).public_bytes(serialization.Encoding.DER)

    def with_cbor(self, collection):
        return self.with_extension(der(0x04, collection))

    def with_report(self, report, table):
        return self.with_cbor(canonical(cmw_map(report, table, self.bind.write())))

    def with_evidence(self, processor, measurement, **changes):
        """As it should be, but for changed fields of the report."""
        return self.with_report(processor.report(self.report_data(), measurement, **changes), processor.table())

    def with_eat(self, processor, measurement, claims=None, **changes):
        """The same evidence as a token, whose claims may say something else."""
        data = changes.pop("report_data", self.report_data())
        report = processor.report(data, measurement, **changes)
        said = {**eat_claims(report, processor.table(), self.bind.write(), self.bind), **(claims or {})}
        return self.with_cbor(eat_record(eat({key: value for key, value in said.items() if value is not None})))

    def with_dice(self, processor, measurement, **changes):
        """As librats writes it: the report binds claims about the key."""
        claims = {"pubkey-hash": canonical([7, sha384(self._spki())]), **({"nonce": self.bind.nonce} if self.bind.nonce
                                                                          else {})}
        report = processor.report(hashlib.sha256(canonical(claims)).digest() + bytes(32), measurement, **changes)
        evidence = canonical(cbor2.CBORTag(0x1a7504, [report, canonical(claims)]))
        return self._sign([(DICE, evidence)]).public_bytes(serialization.Encoding.DER)

    def with_raw(self, processor, measurement, **changes):
        """The report and nothing else."""
        report = processor.report(hashlib.sha512(self._spki()).digest(), measurement, **changes)
        return self._sign([(RAW, report)]).public_bytes(serialization.Encoding.DER)

    def _spki(self):
        return spki(self._sign([]))

    def with_go_eat(self, processor, measurement, nonce):
        """The Go proxy's map: a report that binds the nonce alone."""
        report = processor.report(nonce.ljust(64, b"\0"), measurement)
        chain = [certificate.public_bytes(serialization.Encoding.DER)
                 for certificate in (processor.vcek, processor.ask, processor.ark)]
        value = canonical({10: nonce, 1001: report, 1100: chain})
        return self._sign([(GO_EAT, value)]).public_bytes(serialization.Encoding.DER)

    def with_two_extensions(self, value):
        """The extension twice, which no library writes: the second one's OID is put in its place behind its back."""
        tbs = self._sign([(CMW, value), (STAND_IN, value)]).tbs_certificate_bytes
        assert tbs.count(STAND_IN_DER) == 1
        tbs = tbs.replace(STAND_IN_DER, CMW_DER)
        signature = self.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
        return der(0x30, tbs + ECDSA_WITH_SHA256 + der(0x03, b"\0" + signature))
