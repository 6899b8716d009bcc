"""Certificates of a moment for `server -dev-tls`: an authority, and what it signs for the server.

Source: OpenBao 2.7, whose names of the files these are, and which takes them away at the end.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vaultctl.connect.settings import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

_DAYS = 30


class DevTls(NamedTuple):
    """The files, and the folder that was made for them, if one was."""

    ca: str
    cert: str
    key: str
    made_folder: str

    def remove(self) -> None:
        """Take the files away."""
        for path in (self.ca, self.cert, self.key):
            with suppress(OSError):
                os.unlink(path)
        if self.made_folder:
            with suppress(OSError):
                os.rmdir(self.made_folder)


def write_dev_tls(folder: str, host: str) -> DevTls:
    """Make certificates for a host of this machine; without a folder in one of their own. Raises: SettingError."""
    made = "" if folder else tempfile.mkdtemp(prefix="vaultctl-tls-")
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vaultctl dev CA")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    ca_rights = x509.BasicConstraints(ca=True, path_length=0)
    ca = _builder(issuer, issuer, ca_key).add_extension(ca_rights, critical=True).sign(ca_key, hashes.SHA256())
    names = x509.SubjectAlternativeName(_names(["localhost", "127.0.0.1", "::1", host]))
    use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = _builder(subject, issuer, key).add_extension(names, critical=False).add_extension(use, critical=False)
    cert = builder.sign(ca_key, hashes.SHA256())
    paths = [os.path.join(made or os.path.abspath(folder), f"vault-{name}.pem") for name in ("ca", "cert", "key")]
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    texts = [*(each.public_bytes(serialization.Encoding.PEM) for each in (ca, cert)), key.private_bytes(*form)]
    for path, text in zip(paths, texts, strict=True):
        _write(path, text)
    return DevTls(paths[0], paths[1], paths[2], made)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - datetime.timedelta(minutes=1),
        not_valid_after=now + datetime.timedelta(days=_DAYS),
    )


def _names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _write(path: str, text: bytes) -> None:
    """Write a file that is its owner's alone. Raises: SettingError."""
    try:
        with suppress(FileNotFoundError):
            os.unlink(path)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
    except OSError as error:
        raise SettingError(f"cannot write {path}: {(error.strerror or '').lower()}") from None
