"""A state that people unseal: where its key comes from, and where it stays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vaultctl.connect.keys import read_fd, read_key_file
from vaultctl.core.quorum import read_share
from vaultctl.core.views import ROOT_KEY
from vaultctl.crypto import shamir
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals.shamir import OpenedShamirSeal, ShamirSeal
from vaultctl.logical.errors import InvalidRequest, Sealed, SealKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.connect.settings import Settings
    from vaultctl.core.sealing import Keeper
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.header import Header

UNSEAL_KEY = "VAULTCTL_UNSEAL_KEY"


def find_seal(
    settings: Settings, environ: Mapping[str, str], header: Header, keeper: Callable[[], Keeper] | None
) -> Seal:
    """Give the seal of a state that was unsealed, or for which the shares are given. Raises: Sealed, SealKeyError."""
    source = environ.get(UNSEAL_KEY)
    if source:
        return _from_shares(settings, source, header)
    root_key = (keeper() if keeper else runtime_folder(settings, environ)).root_key(header)
    if root_key is None:
        raise Sealed
    described = {name: value for name, value in header.seal.items() if name != "previous"}
    return OpenedShamirSeal(described, ROOT_KEY, root_key)


def runtime_folder(settings: Settings, environ: Mapping[str, str]) -> Keeper:
    """Give what keeps the keys where there is no server."""
    from vaultctl.connect.runtime import RuntimeFolder

    return RuntimeFolder(environ, settings.lock_timeout_s)


def _from_shares(settings: Settings, source: str, header: Header) -> Seal:
    """Give the seal by the shares that a file or a descriptor has, one a line. Raises: SealKeyError."""
    numbers = header.seal.get("shares", 0), header.seal.get("threshold", 0)
    shares = read_shares(settings, source)
    if len(shares) < numbers[1]:
        raise SealKeyError(
            f"{source} has {len(shares)} shares, and {numbers[1]} of {numbers[0]} open the state",
            hint=f"{UNSEAL_KEY} names a file or a descriptor with a share a line",
        )
    try:
        key = shamir.combine(shares[: numbers[1]])
    except InvalidRequest as error:
        raise SealKeyError(f"the shares in {source} do not go together: {error.errors[0]}") from None
    try:
        seal = ShamirSeal(key, *numbers, os.urandom) if len(key) == KEY_B else None
    finally:
        shamir.wipe(key)
    if seal is None or seal.key_id != header.seal.get("key_id"):
        raise SealKeyError(
            f"the shares in {source} are not those of this state", hint="one of them is of another state, or mistyped"
        )
    return seal


def read_shares(settings: Settings, source: str) -> list[bytes]:
    """Read shares, each once. Raises: SealKeyError, StateError."""
    kind, _, rest = source.partition(":")
    if kind == "file" and rest:
        text = read_key_file(rest, "the unseal key")
    elif kind == "fd" and rest.isascii() and rest.isdigit():
        if settings.shares_from_fd is None:
            settings.shares_from_fd = read_fd(rest, "the unseal key")
        text = settings.shares_from_fd
    else:
        raise SealKeyError(
            "no unseal key is to be had from the source given",
            hint=f"{UNSEAL_KEY} is file:PATH or fd:NUMBER: never put a key into the environment itself",
        )
    try:
        return list(dict.fromkeys(bytes(read_share(line)) for line in text.decode().split()))
    except (InvalidRequest, ValueError):
        raise SealKeyError(f"{source} holds what is no share: a share is hex or base64, one a line") from None
