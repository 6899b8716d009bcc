"""Where the seal's key and the token come from: files in the data folder, or what the environment names."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from vaultctl.core.state import wrong_key
from vaultctl.crypto.seals import static
from vaultctl.logical.errors import SealKeyError, SealKeyGone
from vaultctl.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vaultctl.connect.settings import Settings
    from vaultctl.core.sealing import Keeper
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.storage.header import Header

SHAMIR = "shamir"
"""The type of the seal that people open. What it takes is imported where there is one."""

SEAL_KEY = "seal.key"
NEXT = ".next"
"""Ends the name of the file with the key that takes the place of `seal.key`. A previous key's ends in its id."""

STATES = SEAL_KEY + ".states"
"""The file that names states elsewhere which were opened with keys of this folder, each a JSON text on a line."""

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

    def find(header: Header) -> Seal:
        if header.seal.get("type") == SHAMIR:
            from vaultctl.connect import unsealing

            current = unsealing.find_seal(settings, environ, header, keeper)
        else:
            current = find_seal(settings, environ, header.seal)
        previous = header.seal.get("previous")
        if not previous:
            return current
        from vaultctl.crypto.seals.several import Several

        return Several(current, previous, lambda described: find_seal(settings, environ, described))

    return find


def find_seal(settings: Settings, environ: Mapping[str, str], described: Mapping[str, Any]) -> Seal:
    """Give the one seal that a header describes. Raises: SealKeyError."""
    kind, key_id = described.get("type"), str(described.get("key_id"))
    if kind in ELSEWHERE:
        from vaultctl.connect.seals import Elsewhere

        return _watched(settings, Elsewhere(settings, environ).named(kind, key_id))
    if kind != static.StaticSeal.kind:
        raise SealKeyError(f"the state is sealed by {kind}, which this vaultctl does not know")
    return _find_static(settings, environ, key_id)


def _watched(settings: Settings, seal: Seal) -> Seal:
    """Give a seal that is elsewhere with what this process has seen of it so far."""
    from vaultctl.crypto.seals.watched import Health, Line, Watched

    line = settings.seal_lines.setdefault(seal.kind, Line())
    return Watched(seal, settings.seal_health.setdefault((seal.kind, seal.key_id), Health(line)))


def renew_tokens(settings: Settings) -> None:
    """Renew what seals that are elsewhere are asked with, in time; nobody waits for that."""
    for renewal in settings.seal_tokens:
        renewal.begin()


def close_seals(settings: Settings) -> None:
    """Let go of modules and connections of seals that are elsewhere."""
    settings.seal_tokens.clear()
    while settings.seals_opened:
        settings.seals_opened.popitem()[1].close()


def _find_static(settings: Settings, environ: Mapping[str, str], key_id: str) -> static.StaticSeal:
    """Look for the key with this id, at each place where it may be.

    Raises: SealKeyGone where each place could be looked at, SealKeyError, StateError.
    """
    refusals: list[SealKeyError] = []
    for read in _places(settings, environ, key_id):
        try:
            key, source = read()
        except SealKeyError as error:
            refusals.append(error)
            continue
        seal = static.StaticSeal(key, os.urandom)
        if seal.key_id == key_id:
            if not settings.seal_key:
                _note_state(settings)
            return seal
        refusals.append(wrong_key(key_id, seal.key_id, source))
    raise next((each for each in refusals if not isinstance(each, SealKeyGone)), refusals[0])


def _places(settings: Settings, environ: Mapping[str, str], key_id: str) -> Iterator[Callable[[], tuple[bytes, str]]]:
    """Give how each place is read where a key of this state may be, the likeliest first.

    While a key is changed its file gets another name: whoever came too late for the one looks at the other, and then
    at the first again.
    """
    yield lambda: read_seal_key(settings, environ)
    if settings.seal_key_previous:
        yield lambda: _read_source(settings, environ, settings.seal_key_previous)
    if not settings.seal_key:
        path = os.path.join(settings.data_dir, SEAL_KEY)
        for base in dict.fromkeys((key_file(settings), path)):
            yield partial(_read_next, base + NEXT)
            yield partial(_read_key_at, f"{base}.{key_id}")
        yield partial(_read_key_at, path)


def is_in_folder(settings: Settings) -> bool:
    """Tell whether the state itself lies in the data folder, whose keys it may use."""
    folder = os.path.dirname(settings.path)
    return folder == settings.data_dir or folder == os.path.realpath(settings.data_dir)


def states_elsewhere(settings: Settings) -> list[str]:
    """Name the states elsewhere that were opened with keys of this folder; what is no name is given as it is."""
    try:
        with open(os.path.join(settings.data_dir, STATES), encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    return [_unquoted(line) for line in lines if line.strip()]


def _unquoted(line: str) -> str:
    import json

    try:
        return str(json.loads(line))
    except ValueError:
        return line


def _note_state(settings: Settings) -> None:
    """Have the folder say that a state elsewhere uses its keys: else nobody who removes one could know."""
    if is_in_folder(settings) or settings.path in states_elsewhere(settings):
        return
    import json

    path, flags = os.path.join(settings.data_dir, STATES), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    with suppress(OSError), open(os.open(path, flags | os.O_CLOEXEC, 0o600), "w", encoding="ascii") as file:
        file.write(json.dumps(settings.path) + "\n")


def key_file(settings: Settings) -> str:
    """Give where the key is that the data folder holds: beside the target, where `seal.key` is a link."""
    path = os.path.join(settings.data_dir, SEAL_KEY)
    return os.path.realpath(path) if os.path.islink(path) else path


def read_seal_key(settings: Settings, environ: Mapping[str, str]) -> tuple[bytes, str]:
    """Read the seal's key from where the settings say; give it and its source. Raises: SealKeyError."""
    return _read_source(settings, environ, settings.seal_key)


def _read_source(settings: Settings, environ: Mapping[str, str], source: str) -> tuple[bytes, str]:
    kind, _, rest = source.partition(":")
    if not source or kind == "file":
        return _read_key_at(rest or os.path.join(settings.data_dir, SEAL_KEY))
    if kind == "env" and rest in environ:
        return static.read_key(os.fsencode(environ[rest]), f"the variable {rest}"), f"the variable {rest}"
    if kind == "fd" and rest.isascii() and rest.isdigit():
        if rest not in settings.keys_from_fds:
            settings.keys_from_fds[rest] = read_fd(rest)
        return static.read_key(settings.keys_from_fds[rest], f"descriptor {rest}"), f"descriptor {rest}"
    raise SealKeyError(
        f"no seal key is to be had from {source if kind in ('env', 'fd') else 'the source given'}",
        hint="VAULTCTL_SEAL_KEY is file:PATH, env:NAME (a variable that is set) or fd:NUMBER",
    )


def _read_key_at(path: str) -> tuple[bytes, str]:
    return static.read_key(read_key_file(path), path), path


def _read_next(path: str) -> tuple[bytes, str]:
    """Read a key that was to take another's place. Raises: SealKeyGone, also where the file holds none, StateError."""
    try:
        return _read_key_at(path)
    except SealKeyError as error:
        raise SealKeyGone(*error.errors, hint=error.hint) from None


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
        raise SealKeyGone(
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
    os.close(files.replace_durably(files.Files(), path, token.encode() + b"\n", unlocked=True))


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
