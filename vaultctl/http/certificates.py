"""A certificate and its key, made ready to be served."""

from __future__ import annotations

import ssl
import stat
from typing import TYPE_CHECKING

from vaultctl.logical.errors import BadSetting

if TYPE_CHECKING:
    from pathlib import Path


class CannotServe(BadSetting):
    """The server cannot be started: the address is in use, or what it needs is not there. Nothing was asked."""

    exit_code = 1


def load(cert: Path, key: Path, *, tls13: bool = False) -> ssl.SSLContext:
    """Give what serves a certificate as it is in these files now; `tls13` is that nothing older is spoken.

    Raises: CannotServe.
    """
    for path in (cert, key):
        _check_readable(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if tls13 else ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(cert, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise CannotServe(f"cannot use the certificate {cert} with the key {key}: {_why(error, key)}") from None
    return context


def _why(error: Exception, key: Path) -> str:
    """Say what is wrong with a certificate and its key: OpenSSL has words for some of it."""
    reason = getattr(error, "reason", None)
    if reason == "KEY_VALUES_MISMATCH":
        return "the key is that of another certificate"
    if b"ENCRYPTED" in key.read_bytes():
        return "the key is encrypted"
    return str(reason or "no certificate, or no key, in it").replace("_", " ").lower()


def _check_readable(path: Path) -> None:
    """Name what cannot be read, which OpenSSL does not; a pipe would be waited for. Raises: CannotServe."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CannotServe(f"cannot read {path}: it is no file")
        path.open("rb").close()
    except OSError as error:
        raise CannotServe(f"cannot read {path}: {(error.strerror or '').lower()}") from None
