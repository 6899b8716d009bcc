"""A certificate and its key, made ready to be served."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.logical.errors import BadSetting

if TYPE_CHECKING:
    from pathlib import Path


class CannotServe(BadSetting):
    """The server cannot be started: the address is in use, or what it needs is not there. Nothing was asked."""

    exit_code = 1


class Certificate(NamedTuple):
    """Files with a certificate and its key, and whether the oldest TLS that is spoken is 1.3 and not 1.2."""

    cert: Path
    key: Path
    tls13: bool = False


def load(certificate: Certificate) -> ssl.SSLContext:
    """Give what serves a certificate as it is now. Raises: CannotServe."""
    for path in (certificate.cert, certificate.key):
        _check_readable(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if certificate.tls13 else ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate.cert, certificate.key, password=lambda: b"")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or "no certificate, or no key, in it"
        raise CannotServe(
            f"cannot use the certificate {certificate.cert} with the key {certificate.key}: "
            + str(reason).replace("_", " ").lower()
        ) from None
    return context


def _check_readable(path: Path) -> None:
    """Name what cannot be read, which OpenSSL does not. Raises: CannotServe."""
    try:
        if not path.is_file():
            raise IsADirectoryError(0, "not a file") if path.exists() else FileNotFoundError(
                0, "no such file or directory"
            )
        with path.open("rb"):
            pass
    except OSError as error:
        raise CannotServe(f"cannot read {path}: {(error.strerror or '').lower()}") from None
