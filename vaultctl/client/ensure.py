"""A mount as it shall be: made, tuned or left alone, so that a command can be run twice.

What is compared is values: durations as seconds, options by key, lists without their order.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from vaultctl.client import sys
from vaultctl.client.client import Client
from vaultctl.logical import durations
from vaultctl.logical.errors import InvalidRequest

CREATED, TUNED, UNCHANGED = "created", "tuned", "unchanged"

_FIXED = ("local", "seal_wrap", "external_entropy_access")
_FIXED_CONFIG = ("force_no_cache",)
_TRIES = 4
_ALIASES = {"kv-v1": "1", "kv-v2": "2"}


class Change(NamedTuple):
    """What something is, and what it shall be."""

    is_now: Any
    wanted: Any


class Ensured(NamedTuple):
    """How it came out, what a tune changed, by name, and what the door warned of."""

    result: str
    changes: Mapping[str, Change] = {}
    warnings: tuple[str, ...] = ()


class OnlyAnew(Exception):
    """The mount that is there differs in what only a new mount could have; nothing was changed."""

    def __init__(self, path: str, changes: Mapping[str, Change]) -> None:
        told = ", ".join(
            f"{name} is {_text(is_now)}, not {_text(wanted)}" for name, (is_now, wanted) in changes.items()
        )
        super().__init__(f"there is a mount at {path} already, and only a new one could be as asked: {told}")


def ensure(client: Client, path: str, body: Mapping[str, Any], wanted: Mapping[str, Any], *, tunes: bool) -> Ensured:
    """Make the mount where there is none; else bring it to what is wanted, or without `tunes` leave it as it is.

    `body` is that of `POST sys/mounts/:path`; `wanted` is what of it was asked for in so many words, its config and its
    type beside the rest. Raises: OnlyAnew, VaultError.
    """
    for _ in range(_TRIES - 1):
        with suppress(InvalidRequest):  # perhaps because somebody else made the mount, or took it away, just now
            return _ensure_once(client, path, body, wanted, tunes=tunes)
    return _ensure_once(client, path, body, wanted, tunes=tunes)


def _ensure_once(
    client: Client, path: str, body: Mapping[str, Any], wanted: Mapping[str, Any], *, tunes: bool
) -> Ensured:
    mount = _find(client, path)
    if mount is None:
        return Ensured(CREATED, warnings=sys.enable(client, path, body).warnings)
    fixed, tunable = differences(mount, wanted)
    if not tunes:
        fixed, tunable = _of_the_type({**tunable, **fixed}), {}
    if fixed:
        raise OnlyAnew(path, fixed)
    if tunable:
        answer = sys.tune(client, path, {name: change.wanted for name, change in tunable.items()})
        return Ensured(TUNED, tunable, answer.warnings)
    return Ensured(UNCHANGED)


def _of_the_type(changes: Mapping[str, Change]) -> dict[str, Change]:
    """Keep what makes a mount one of another kind: its type, and the version of kv."""
    kept = {name: change for name, change in changes.items() if name in ("type", "version")}
    options = changes.get("options")
    if options and "version" in options.wanted:
        kept["version"] = Change(options.is_now["version"], options.wanted["version"])
    return kept


def differences(mount: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[dict[str, Change], dict[str, Change]]:
    """Give what differs and only a new mount could have, and what a tune can bring about."""
    fixed, tunable = _type_differences(mount, wanted)
    config = mount["config"]
    for name in wanted.keys() & {*_FIXED, *_FIXED_CONFIG}:
        is_now = config.get(name, False) if name in _FIXED_CONFIG else mount[name]
        if is_now != wanted[name]:
            fixed[name] = Change(is_now, wanted[name])
    for name in wanted.keys() & _TUNABLE.keys():
        absent, value_of = _TUNABLE[name]
        is_now = (mount if name in mount else config).get(name) or absent
        if value_of(is_now) != value_of(wanted[name]):
            tunable[name] = Change(is_now, wanted[name])
    return fixed, tunable


def _type_differences(
    mount: Mapping[str, Any], wanted: Mapping[str, Any]
) -> tuple[dict[str, Change], dict[str, Change]]:
    """Compare type and options. A kv mount goes from version 1 to 2 by a tune, and never back."""
    options = {key: str(value) for key, value in (wanted.get("options") or {}).items()}
    type_ = wanted["type"]
    if type_ in _ALIASES:
        type_, options["version"] = "kv", _ALIASES[type_]
    if mount["type"] != type_:
        return {"type": Change(mount["type"], type_)}, {}
    current = {"version": "1", **(mount["options"] or {})} if type_ == "kv" else dict(mount["options"] or {})
    differing = {
        key: Change(current.get(key, ""), value) for key, value in options.items() if current.get(key, "") != value
    }
    version = differing.pop("version", None)
    fixed = {"version": version} if version and version.is_now == "2" else {}
    if version and not fixed:
        differing["version"] = version
    if not differing:
        return fixed, {}
    is_now = {key: change.is_now for key, change in differing.items()}
    return fixed, {"options": Change(is_now, {key: change.wanted for key, change in differing.items()})}


def _find(client: Client, path: str) -> Mapping[str, Any] | None:
    mounts = sys.list_mounts(client).data or {}
    found: Mapping[str, Any] | None = mounts.get(path.strip("/") + "/")
    return found


def _seconds(ttl: str | int) -> int:
    """Give a TTL as a mount has it, in seconds, or as a request does."""
    return ttl if isinstance(ttl, int) else 0 if ttl == "system" else int(durations.parse(ttl))


def _flat(texts: list[str]) -> list[str]:
    return sorted(part.strip() for text in texts for part in text.split(",") if part.strip())


_TUNABLE: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "description": ("", str),
    "plugin_version": ("", str),
    "listing_visibility": ("", str),
    "default_lease_ttl": (0, _seconds),
    "max_lease_ttl": (0, _seconds),
    **{name: ([], _flat) for name in sys.LIST_SETTINGS},
}
"""By name: what stands for a setting that a mount does not have, and what of it is compared."""


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'
