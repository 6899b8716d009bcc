"""Tuning a mount, be it a secrets engine or an auth method: reading its configuration, and changing it.

Source: OpenBao 2.7 for messages and the order of checks. The path of an auth method begins with `auth/`.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.core.exchange import SystemContext
from vaultctl.core.methods import LOCKING
from vaultctl.core.mounts import Mount
from vaultctl.core.system.enabling import LISTS, TOKEN_TYPES, check_visibility, semantic_version, ttl
from vaultctl.core.system.mounts import TUNE_FIELDS
from vaultctl.logical import durations
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.go_text import quoted
from vaultctl.logical.response import EMPTY, Response

_BARELY_TUNABLE = ("sys/", "cubbyhole/", "identity/")
_NO_LOCKOUT = {
    "user_lockout_counter_reset_duration": 0,
    "user_lockout_disable": False,
    "user_lockout_duration": 0,
    "user_lockout_threshold": 0,
}
_UPGRADING = (
    "Upgrading mount from version {} to version 0. This mount will be unavailable for a brief period and will resume"
    " service shortly."
)
"""Source: OpenBao 2.7, with its zeros: the new version is always 0, and so is an old one that was never named."""


def read(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give a mount's configuration, TTLs as they take effect. Raises: InvalidRequest."""
    path = fields["path"]
    mount = ctx.mounts.serving(path)
    if mount is None:
        raise InvalidRequest(f"cannot fetch sysview for path {quoted(path)}")
    shown = {
        **mount.config,
        "default_lease_ttl": mount.default_lease_ttl_s,
        "max_lease_ttl": mount.max_lease_ttl_s,
        "description": mount.description,
    }
    shown |= shown.pop("user_lockout_config", {})
    if mount.options:
        shown["options"] = dict(mount.options)
    if mount.external_entropy_access:
        shown["external_entropy_access"] = True
    return Response(data=shown)


def write(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Change a mount's configuration: all of it, or nothing. Raises: InvalidRequest."""
    path = fields["path"]
    mount = ctx.mounts.serving(path)
    if mount is None:
        raise InvalidRequest(f"tune of path {quoted(path)} failed: no mount entry found")
    _check_tunable(mount, fields)
    _check_auth_only(mount, fields)
    config = {**mount.config}
    _tune_ttls(config, fields)
    _tune_plugin_version(mount, fields)
    _tune_lists(config, fields)
    if fields.get("token_type"):
        config["token_type"] = fields["token_type"]
    if fields.get("user_lockout_config"):
        config["user_lockout_config"] = _lockout(config.get("user_lockout_config", {}), fields["user_lockout_config"])
    options, upgrades = _tuned_options(mount, fields)
    description = fields.get("description", mount.description)
    tuned = mount._replace(config=config, options=options, description=description)
    ctx.session.put_mount(tuned)
    if not upgrades:
        return EMPTY
    from vaultctl.core.system import upgrade

    upgrade.start(ctx, tuned)
    return Response(status=200, warnings=(_UPGRADING.format((mount.options or {}).get("version") or 0),))


def _check_tunable(mount: Mount, fields: Mapping[str, Any]) -> None:
    if mount.path not in _BARELY_TUNABLE:
        return
    for name in TUNE_FIELDS:
        if name in fields and not name.startswith("audit_non_hmac") and name != "path":
            raise InvalidRequest(f"cannot tune parameter {name} of {mount.path}")


def _check_auth_only(mount: Mount, fields: Mapping[str, Any]) -> None:
    if fields.get("user_lockout_config") and not (mount.is_auth and mount.type in LOCKING):
        raise InvalidRequest(f'tuning of user lockout configuration for auth type "{mount.type}" not allowed')
    if "token_type" not in fields:
        return
    if not mount.is_auth:
        raise InvalidRequest("'token_type' can only be modified on auth mounts")
    if mount.type == "token":
        raise InvalidRequest("'token_type' cannot be set for 'token' or 'ns_token' auth mounts")
    if fields["token_type"] not in ("", *TOKEN_TYPES):
        raise InvalidRequest("invalid value for 'token_type'")


def _tune_ttls(config: dict[str, Any], fields: Mapping[str, Any]) -> None:
    for name in ("default_lease_ttl", "max_lease_ttl"):
        if fields.get(name, "") == "":
            continue
        try:
            config[name] = ttl(fields[name])
        except durations.DurationError as error:
            raise InvalidRequest(str(error)) from None
    default_s, max_s = config["default_lease_ttl"], config["max_lease_ttl"]
    if default_s and max_s and default_s > max_s:
        raise InvalidRequest(
            f"backend max lease TTL of {max_s} would be less than backend default lease TTL of {default_s}"
        )


def _lockout(old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Give what holds for the lockout of users, durations in seconds; 0 is the default. Raises: InvalidRequest."""
    disable = given.get("lockout_disable")
    if not isinstance(disable, bool | None):
        raise InvalidRequest("unable to convert given user lockout config information")
    new = {**_NO_LOCKOUT, **old}
    if given.get("lockout_threshold") not in (None, ""):
        new["user_lockout_threshold"] = _threshold(_lockout_text(given["lockout_threshold"]))
    for name in ("lockout_duration", "lockout_counter_reset_duration"):
        if given.get(name) not in (None, ""):
            try:
                new[f"user_{name}"] = ttl(_lockout_text(given[name]))
            except durations.DurationError as error:
                raise InvalidRequest(str(error)) from None
    if disable is not None:
        new["user_lockout_disable"] = disable
    return new


def _lockout_text(value: Any) -> str:
    if isinstance(value, bool | list | dict):
        raise InvalidRequest("unable to convert given user lockout config information")
    return str(value)


def _threshold(text: str) -> int:
    is_number = text.isascii() and text.isdigit()
    if is_number and len(text.lstrip("0")) <= _MOST_DIGITS and int(text) < 2**64:
        return int(text)
    problem = "value out of range" if is_number else "invalid syntax"
    raise InvalidRequest(
        f"unable to parse user lockout threshold: strconv.ParseUint: parsing {quoted(text)}: {problem}"
    )


_MOST_DIGITS = 20


def _tune_plugin_version(mount: Mount, fields: Mapping[str, Any]) -> None:
    version = fields.get("plugin_version")
    if version is None:
        return
    raise InvalidRequest(f"plugin not found in the catalog: {mount.type}, version={semantic_version(version)}")


def _tune_lists(config: dict[str, Any], fields: Mapping[str, Any]) -> None:
    check_visibility(fields)
    for name in (*LISTS, "listing_visibility"):
        if fields.get(name):
            config[name] = fields[name]
        elif name in fields:
            config.pop(name, None)


def _tuned_options(mount: Mount, fields: Mapping[str, Any]) -> tuple[dict[str, str] | None, bool]:
    """Merge options, an empty value removing one; tell whether that changes the version."""
    given = fields.get("options")
    if not given:
        return None if mount.options is None else dict(mount.options), False
    old = dict(mount.options or {})
    if "version" in given:
        _check_new_version(old.get("version", ""), given["version"])
    merged = {name: value for name, value in {**old, **given}.items() if value != ""}
    return merged, merged.get("version") != old.get("version")


def _check_new_version(old: str, new: str) -> None:
    digits = new[1:] if new[:1] in ("-", "+") else new
    if new and not digits.isdigit():
        raise InvalidRequest(f"unable to parse options: strconv.ParseInt: parsing {quoted(new)}: invalid syntax")
    if new not in ("1", "2"):
        raise InvalidRequest(f"invalid version provided: {new or 0}")
    if old == "2" and new == "1":
        raise InvalidRequest("cannot downgrade mount from version 2")
