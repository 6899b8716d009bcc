"""What became of a move that nobody follows any more: read off where the engine is now, and never guessed."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from vaultctl.client.client import Client
from vaultctl.logical.errors import NoAnswer, NotFound, VaultError

_DEEPEST = 8
"""So many parts of a path may be namespaces."""


class Place(NamedTuple):
    """A path where an engine is. `in_use` is None where that cannot be told."""

    path: str
    accessor: str
    in_use: bool | None


class Became(NamedTuple):
    """What became of a move: success, failure or unknown; what was seen; and how to go on, or ""."""

    status: str
    seen: str
    go_on: str


def look(client: Client, path: str) -> Place | None:
    """Look at a path, whose first parts may be namespaces. Raises: VaultError."""
    for table, name in _tables(path):
        is_sure = table in ("sys/mounts", "sys/auth")
        try:
            answer = client.find("GET", table)
        except VaultError as error:
            if is_sure or isinstance(error, NoAnswer):
                raise
            continue
        mount = (answer.data or {}).get(name) if answer else None
        if isinstance(mount, Mapping) and "accessor" in mount:
            return Place(path, str(mount["accessor"]), _is_in_use(client, path))
    return None


def _tables(path: str) -> Iterator[tuple[str, str]]:
    parts = path.strip("/").split("/")
    for at in range(min(len(parts), _DEEPEST)):
        namespace, below = "".join(f"{part}/" for part in parts[:at]), "/".join(parts[at:]) + "/"
        is_auth = below.startswith("auth/")
        yield f"{namespace}sys/{'auth' if is_auth else 'mounts'}", below.removeprefix("auth/") if is_auth else below


def _is_in_use(client: Client, path: str) -> bool | None:
    """Ask for the engine's help: a mount that is listed and finds no route is tainted."""
    try:
        client.call("HELP", path)
    except VaultError as error:
        return False if error.status == NotFound.status else None
    return True


def find_out(client: Client, source: str, target: str, accessor: str) -> Became:
    """Tell what became of a move by what is at both paths. Raises: VaultError.

    `accessor` is that of the engine before it, or "" where that is not known.
    """
    old, new = look(client, source), look(client, target)
    again = f"vaultctl secrets move {source} {target}"
    if new and (new.accessor == accessor if accessor else not old):
        if new.in_use is not False:
            return Became("success", f"the engine is at {target} now" + (", and in use" if new.in_use else ""), "")
        seen = f"the engine is at {target} now, and tainted: requests to it are refused"
        return Became(
            "unknown", seen, f"vaultctl secrets move {target} ANOTHER-PATH, and back: that takes the taint away"
        )
    if old and (not accessor or old.accessor == accessor):
        return _stayed(old, new, again)
    others = [place.path for place in (old, new) if place]
    seen = f"the engine is neither at {source} nor at {target}"
    return Became(
        "unknown", seen + (f"; another one is at {' and '.join(others)}" if others else ""), "vaultctl secrets list"
    )


def _stayed(old: Place, new: Place | None, again: str) -> Became:
    if old.in_use is False:
        seen = (
            f"the engine is still at {old.path}, and tainted: requests to it are refused until a move ends,"
            " and what it gave out may be revoked in part"
        )
    else:
        seen = f"the engine is still at {old.path}" + (", and in use" if old.in_use else "")
    if new:
        return Became("failure", f"{seen}; another one is at {new.path}", "vaultctl secrets move SOURCE ANOTHER-PATH")
    return Became("failure", seen, again)


def accessor_at(client: Client, path: str) -> str:
    """Give the accessor of the engine at a path, or "" where that cannot be told."""
    with suppress(VaultError):
        for table, name in _tables(path):
            answer = client.find("GET", table)
            mount: Any = (answer.data or {}).get(name) if answer else None
            if isinstance(mount, Mapping):
                return str(mount.get("accessor") or "")
    return ""
