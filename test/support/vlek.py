"""The simulated processor as a cloud provider would run it: signing with a VLEK, under an ASVK of the same root."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import NameOID

from .oracle import AMD, Processor, der, write_table

SIGNED_BY_VLEK = 1 << 2
HWID, CSP_ID = f"{AMD}.4", f"{AMD}.5"


def _named(name, common_name):
    return x509.Name([x509.NameAttribute(part.oid, common_name if part.oid == NameOID.COMMON_NAME else part.value)
                      for part in name])


def _issue(alike, subject, issuer, public_key, issuer_key, extensions):
    builder = (x509.CertificateBuilder().subject_name(_named(alike.subject, subject)).issuer_name(issuer)
               .public_key(public_key).serial_number(x509.random_serial_number())
               .not_valid_before(alike.not_valid_before_utc).not_valid_after(alike.not_valid_after_utc))
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(issuer_key, hashes.SHA384(),
                        rsa_padding=padding.PSS(padding.MGF1(hashes.SHA384()), salt_length=48))


class VlekProcessor(Processor):
    """`ask` is the ASVK and `vcek` the VLEK; RSA keys take seconds to make, so the ASVK's is the ASK's."""

    def __init__(self, processor):
        asvk = _issue(processor.ask, "SEV-VLEK-Milan", processor.ark.subject, processor.ask_key.public_key(),
                      processor.ark_key, [(e.value, e.critical) for e in processor.ask.extensions])
        of_vlek = [(e.value, e.critical) for e in processor.vcek.extensions if e.oid.dotted_string != HWID]
        provider = x509.UnrecognizedExtension(x509.ObjectIdentifier(CSP_ID), der(0x16, b"CN=cloud.example"))
        vlek = _issue(processor.vcek, "SEV-VLEK", asvk.subject, processor.key.public_key(), processor.ask_key,
                      [*of_vlek, (provider, False)])
        super().__init__((processor.ark, processor.ark_key), (asvk, processor.ask_key), (vlek, processor.key), bytes(64))

    def table(self):
        return write_table({"vlek": self.vcek, "ask": self.ask, "ark": self.ark})

    def report(self, data, measurement, **changes):
        return super().report(data, measurement, **{"key_info": SIGNED_BY_VLEK, **changes})
