"""Where the seal's key and the token come from: files in the data folder, or what the environment names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vaultctl.core.state import check_key_id
from vaultctl.crypto.seals import static
from vaultctl.logical.errors import SealKeyError
from vaultctl.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.connect.settings import Settings
    from vaultctl.core.sealing import Keeper
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.header import Header

SHAMIR = "shamir"
"""The type of the seal that people open. What it takes is imported where there is one."""

SEAL_KEY = "seal.key"
ROOT_TOKEN = "root-token"  # noqa: S105  # a file's name
TOKEN = "token"  # noqa: S105  # a file's name
ELSEWHERE = ("pkcs11", "transit")
"""The seals whose key is not at hand, but used where it is."""

_KEY_MAX_B = 4096


def seal_finder(
    settings: Settings, environ: Mapping[str, str], keeper: Callable[[], Keeper] | None = None
) -> Callable[[Header], Seal]:
    """Give the function that finds the seal of a header. It raises SealKeyError, and Sealed where people are needed.

    `keeper` gives what has the root key where people unsealed the state; without it that is the runtime folder.
    """
    kept: dict[str, Any] = {}

    def find(header: Header) -> Seal:
        kind = header.seal.get("type")
        if kind == SHAMIR:
            from vaultctl.connect import unsealing

            return unsealing.find_seal(settings, environ, header, keeper)
        if kind in ELSEWHERE:
            from vaultctl.connect.seals import Elsewhere

            return Elsewhere(settings, environ, kept).named(kind, str(header.seal.get("key_id")))
        if kind != static.StaticSeal.kind:
            raise SealKeyError(f"the state is sealed by {kind}, which this vaultctl does not know")
        key, source = read_seal_key(settings, environ)
        seal = static.StaticSeal(key, os.urandom)
        check_key_id(header, seal.key_id, source)
        return seal

    return find


def read_seal_key(settings: Settings, environ: Mapping[str, str]) -> tuple[bytes, str]:
    """Read the seal's key from where the settings say; give it and its source. Raises: SealKeyError."""
    kind, _, rest = settings.seal_key.partition(":")
    if not settings.seal_key or kind == "file":
        path = rest or os.path.join(settings.data_dir, SEAL_KEY)
        return static.read_key(read_key_file(path), path), path
    if kind == "env" and rest in environ:
        return static.read_key(os.fsencode(environ[rest]), f"the variable {rest}"), f"the variable {rest}"
    if kind == "fd" and rest.isascii() and rest.isdigit():
        if settings.key_from_fd is None:
            settings.key_from_fd = read_fd(rest)
        return static.read_key(settings.key_from_fd, f"descriptor {rest}"), f"descriptor {rest}"
    raise SealKeyError(
        f"no seal key is to be had from {settings.seal_key if kind in ('env', 'fd') else 'the source given'}",
        hint="VAULTCTL_SEAL_KEY is file:PATH, env:NAME (a variable that is set) or fd:NUMBER",
    )


def read_fd(number: str, what: str = "the seal key") -> bytes:
    """Read a key from a descriptor, which gives it once. Raises: SealKeyError."""
    try:
        with open(int(number), "rb", closefd=False) as file:
            return file.read(_KEY_MAX_B)
    except (OSError, OverflowError, ValueError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else "there is no such descriptor"
        raise SealKeyError(f"cannot read {what} from descriptor {number}: {reason}") from None


def read_key_file(path: str, what: str = "the seal key") -> bytes:
    """Read a key from a file that is its owner's alone. Raises: SealKeyError, StateError."""
    try:
        return files.read_private(path)
    except FileNotFoundError:
        raise SealKeyError(
            f"{what} is missing: there is no {path}",
            hint="put it back from your backup, or name it with VAULTCTL_SEAL_KEY; no state opens without its key",
        ) from None
    except OSError as error:
        raise files.unavailable(error, f"read {what} from {path}") from None


def read_token_file(path: str) -> str:
    """Read a token as a file keeps it. Raises: StateUnavailable."""
    try:
        return files.read_private(path).decode("utf-8", "replace").strip()
    except OSError as error:
        raise files.unavailable(error, f"read the token from {path}") from None


def store_token(settings: Settings, token: str) -> None:
    """Keep a token for the commands that follow; the root token stays where it is. Raises: StateUnavailable."""
    path = os.path.join(settings.data_dir, TOKEN)
    own = f"{path}.{os.getpid()}.tmp"
    os.close(files.replace_durably(files.Files(), path, token.encode() + b"\n", temporary=own))


def find_token(settings: Settings, environ: Mapping[str, str]) -> tuple[str, str]:
    """Give the token and its source: the environment, then the files `token` and `root-token`. Raises: StateError."""
    for name in ("BAO_TOKEN", "VAULT_TOKEN"):
        if environ.get(name):
            return environ[name], name
        if name in environ:
            break  # set and empty: it hides the other, and is no token. Source: OpenBao 2.7
    for name in (TOKEN, ROOT_TOKEN):
        path = os.path.join(settings.data_dir, name)
        if os.path.lexists(path):
            return read_token_file(path), path
    return "", os.path.join(settings.data_dir, ROOT_TOKEN)
