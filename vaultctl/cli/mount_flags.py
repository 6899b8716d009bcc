"""Flags that `enable` and `tune` of secrets engines and auth methods share, and how they stand in a request."""

from collections.abc import Callable, Mapping
from typing import Any

from vaultctl.cli.command import Run
from vaultctl.cli.go_flags import flag
from vaultctl.client import sys
from vaultctl.logical.durations import go_text

_SCALARS = ("listing_visibility", "plugin_version")

TUNABLE = (
    flag("description", "What the mount is for."),
    flag("listing-visibility", "Who sees the mount without a token: unauth or hidden.", completes="visibility"),
    flag("plugin-version", "Version of the engine to run."),
    flag(
        "audit-non-hmac-request-keys", "A key of requests that audit shows in clear; can be given again.", multiple=True
    ),
    flag(
        "audit-non-hmac-response-keys", "A key of answers that audit shows in clear; can be given again.", multiple=True
    ),
    flag("passthrough-request-headers", "A header that the engine gets to see; can be given again.", multiple=True),
    flag("allowed-response-headers", "A header that the engine may answer with; can be given again.", multiple=True),
)

TOKEN_TYPE = flag(
    "token-type", "Type of the tokens: service, batch, default-service or default-batch.", completes="token type"
)


def tuned(run: Run) -> dict[str, Any]:
    """Give the values of these flags that were given, without the description."""
    scalars = {name: run[name] for name in _SCALARS if run[name] is not None}
    return {**scalars, **{name: list(run[name]) for name in sys.LIST_SETTINGS if run[name]}}


def config(run: Run, ttl: Callable[[float], str]) -> dict[str, Any]:
    """Give the configuration that the flags name, TTLs first; `ttl` writes one of them."""
    ttls = {name: run[name] for name in ("default_lease_ttl", "max_lease_ttl")}
    return {**{name: ttl(seconds) if seconds else "" for name, seconds in ttls.items()}, **tuned(run)}


def options(run: Run) -> dict[str, Any]:
    """Give the options that -options and -version name."""
    named: dict[str, Any] = dict(run["options"])
    if run["version"] and run["version"] > 0:
        named["version"] = str(run["version"])
    return named


def new_mount(run: Run, type_: str, own_config: Mapping[str, Any]) -> dict[str, Any]:
    """Give the body that enables a mount, with configuration that only its kind has."""
    return {
        "type": type_,
        "description": run["description"] or "",
        "config": {**config(run, go_text), **own_config},
        "local": run["local_mount"],
        "seal_wrap": run["seal_wrap"],
        "external_entropy_access": run["external_entropy_access"],
        "options": options(run) or None,
    }


def tuned_ttl(seconds: float) -> str:
    """Give a TTL as it stands in a request that tunes a mount: what is negative is the system's own."""
    return "system" if seconds < 0 else go_text(seconds)
