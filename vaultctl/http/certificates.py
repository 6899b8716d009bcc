"""A certificate and its key: whether they can be served, before anybody hangs on them.

The library ends its whole process over a key of a kind that it does not know. So another process tries first; and what
was tried is what is served, though the files change meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.logical.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_B = 1 << 20
_TRY_S = 60.0
_SAID = re.compile(r'value: \w+\("?(.+?)"?\)$', re.MULTILINE)


class CannotServe(BadSetting):
    """The server cannot be started: the address is in use, or what it needs is not there. Nothing was asked."""

    exit_code = 1


class Certificate(NamedTuple):
    """Files with a certificate and its key, and whether the oldest TLS that is spoken is 1.3 and not 1.2."""

    cert: Path
    key: Path
    tls13: bool = False


class _Held(PosixPath):
    """A path that stays as it is: what it leads to has no name of its own."""

    def resolve(self, strict: bool = False) -> _Held:  # pathlib's signature
        """Give the path itself."""
        return self


def check(certificate: Certificate) -> None:
    """Make sure that a certificate can be read, and that it goes with its key. Raises: CannotServe."""
    with _held(certificate) as held:
        _check(certificate, held)


@contextmanager
def tried(certificate: Certificate) -> Iterator[Certificate]:
    """Give a certificate as it is now, which the library takes for sure. It takes a moment. Raises: CannotServe."""
    with _held(certificate) as held:
        _check(certificate, held)
        _try(certificate, held)
        yield held


@contextmanager
def _held(certificate: Certificate) -> Iterator[Certificate]:
    """Hold what is in the files now, where the system has files without names. Raises: CannotServe."""
    texts = [_read(path) for path in (certificate.cert, certificate.key)]
    if sys.platform != "linux":
        yield certificate
        return
    fds = [os.memfd_create("vaultctl") for _ in texts]
    try:
        for fd, text in zip(fds, texts, strict=True):
            os.write(fd, text)
        cert, key = (_Held(f"/proc/self/fd/{fd}") for fd in fds)
        yield Certificate(cert, key, certificate.tls13)
    finally:
        for fd in fds:
            os.close(fd)


def _read(path: Path) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            return file.read(_MAX_B)
    except OSError as error:
        raise CannotServe(f"cannot read {path}: {(error.strerror or '').lower()}") from None


def _check(named: Certificate, held: Certificate) -> None:
    try:
        # Without a password the library would ask for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(held.cert, held.key, password=lambda: b"")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or "no certificate, or no key, in it"
        raise _refused(named, str(reason).replace("_", " ").lower()) from None


def _try(named: Certificate, held: Certificate) -> None:
    words = [str(held.cert), str(held.key), "13" if held.tls13 else "12"]
    fds = tuple(int(path.name) for path in (held.cert, held.key) if isinstance(path, _Held))
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "RUST_BACKTRACE": "0"}
    try:
        done = subprocess.run(  # noqa: S603  # ourselves
            [sys.executable, "-c", f"from {__name__} import _try_here; _try_here()", *words],
            check=False,
            pass_fds=fds,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TRY_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise _refused(named, "it could not be tried") from None
    if done.returncode:
        said = _SAID.search(done.stderr.decode(errors="replace"))
        raise _refused(named, said[1].lower() if said else "the HTTP server does not take it")


def _try_here() -> None:
    """Begin a server that nobody knows of, with a certificate, in a process of its own, which may not survive it."""
    from vaultctl.http import listening
    from vaultctl.http.embedded import Embedded

    cert, key, version = sys.argv[1:]

    async def begin() -> bool:
        with listening.listen("127.0.0.1", 0) as private:
            return await Embedded(None, private, 1, Certificate(_Held(cert), _Held(key), version == "13")).begin()

    os._exit(0 if asyncio.run(begin()) else 1)


def _refused(named: Certificate, why: str) -> CannotServe:
    return CannotServe(f"cannot use the certificate {named.cert} with the key {named.key}: {why}")
