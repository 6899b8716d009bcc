"""Enabling a mount, be it a secrets engine or an auth method: what is checked, in OpenBao's order, and what is stored.

Source: OpenBao 2.7 for defaults, messages and the order of checks.
"""

import re
from collections.abc import Mapping
from typing import Any

from vaultctl.core import mounts
from vaultctl.core.exchange import SystemContext
from vaultctl.core.mounts import SYSTEM_TTL_S
from vaultctl.logical import durations, paths, remounting
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.go_text import quoted
from vaultctl.logical.response import EMPTY, Response

LISTS = (
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "passthrough_request_headers",
    "allowed_response_headers",
)
TOKEN_TYPES = ("default-service", "default-batch", "service", "batch")
_TEXTS = ("listing_visibility", "plugin_version", "plugin_name")
_LIFE_ONLY = "the {} engine is not part of vaultctl: its mount can be managed, and requests below it answer 501"
_NO_WRAP = "a {} seal wraps no entries: seal_wrap is kept, and is heeded once the state has an auto seal"
_METHOD_LIFE_ONLY = _LIFE_ONLY.replace("engine", "auth method")


class _NoConfig(Exception):
    """A value in a config map is of a wrong type."""


def engine(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Enable a secrets engine. Raises: InvalidRequest."""
    path = paths.mount_path(fields["path"])
    config = _decode_config(fields.get("config", {}), "mount")
    _check_ttls(config)
    type_, options = _resolve_type(fields, config)
    check_visibility(config)
    if remounting.protects(path):
        raise InvalidRequest(f"cannot mount {quoted(path)}")
    if type_.removeprefix("ns_") in mounts.UNREPEATABLE:
        raise InvalidRequest(f'mount type of "{type_}" is not mountable')
    check_namespaces(ctx, path)
    taken = ctx.mounts.conflicting(path)
    if taken:
        raise InvalidRequest(f"path is already in use at {taken.path}")
    ctx.catalogue.require_known(type_)
    _check_kv_version(type_, options)
    _store(ctx, path, type_, options, config, fields)
    return _enabled(ctx, fields, "" if ctx.catalogue.serves(type_) else _LIFE_ONLY.format(type_))


def auth_method(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Enable an auth method. Raises: InvalidRequest."""
    path = "auth/" + paths.mount_path(fields["path"])
    config = _decode_config(fields.get("config", {}), "auth")
    if (fields.get("config") or {}).get("user_lockout_config"):  # it can only be tuned
        raise InvalidRequest("unable to convert given auth config information")
    _check_ttls(config)
    type_, options = _resolve_method(fields, config)
    check_visibility(config)
    config["token_type"] = _token_type(fields.get("config") or {})
    config["force_no_cache"] = False
    if type_.removeprefix("ns_") == "token":
        raise InvalidRequest("token credential backend cannot be instantiated")
    taken = ctx.mounts.conflicting(path)
    if taken:
        raise InvalidRequest(f"path is already in use at {taken.path.removeprefix('auth/')}")
    methods = ctx.host.methods
    methods.require_known(type_)
    _store(ctx, path, type_, options, config, fields)
    return _enabled(ctx, fields, "" if methods.serves(type_) else _METHOD_LIFE_ONLY.format(type_))


def _enabled(ctx: SystemContext, fields: Mapping[str, Any], warning: str) -> Response:
    """Answer that it is done, with what is to be known of it."""
    seal = ctx.session.view.seal
    no_wrap = _NO_WRAP.format(seal.kind) if fields.get("seal_wrap") and not seal.is_auto else ""
    warnings = tuple(filter(None, (warning, no_wrap)))
    return Response(status=204, warnings=warnings) if warnings else EMPTY


def _token_type(given: Mapping[str, Any]) -> str:
    token_type = str(given.get("token_type") or TOKEN_TYPES[0])
    if token_type not in TOKEN_TYPES:
        raise InvalidRequest("invalid value for 'token_type'")
    return token_type


def _store(
    ctx: SystemContext,
    path: str,
    type_: str,
    options: Mapping[str, str] | None,
    config: Mapping[str, Any],
    fields: Mapping[str, Any],
) -> None:
    ctx.session.put_mount(
        mounts.new_mount(
            type_,
            path,
            ctx.random,
            description=fields.get("description", ""),
            options=options,
            config=config,
            local=fields.get("local", False),
            seal_wrap=fields.get("seal_wrap", False),
            external_entropy_access=fields.get("external_entropy_access", False),
            namespace=ctx.namespace.id,
        )
    )


def check_namespaces(ctx: SystemContext, path: str) -> None:
    """Refuse a mount path where a namespace is, or below one. Raises: InvalidRequest."""
    namespace, rest = ctx.session.namespaces.descend(ctx.namespace, path)
    if namespace is not ctx.namespace:
        first = "" if rest else next(ctx.session.mounts.within(namespace.id)).path
        raise InvalidRequest(f"existing mount at {namespace.path}{first}")


def _decode_config(given: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Convert the config map; TTLs become whole seconds. Raises: InvalidRequest."""
    try:
        _check_kinds(given)
        config = _taken(given)
    except _NoConfig:
        raise InvalidRequest(f"unable to convert given {kind} config information") from None
    config["default_lease_ttl"] = _enable_ttl(given.get("default_lease_ttl"), "default")
    config["max_lease_ttl"] = _enable_ttl(given.get("max_lease_ttl"), "max")
    return config


def _check_kinds(given: Mapping[str, Any]) -> None:
    ttls = (given.get(name) for name in ("default_lease_ttl", "max_lease_ttl"))
    texts = (given.get(name) for name in (*_TEXTS, "token_type"))
    if any(isinstance(value, bool | list | dict) for value in (*ttls, *texts)):
        raise _NoConfig
    if not isinstance(given.get("force_no_cache"), bool | None):
        raise _NoConfig
    if not isinstance(given.get("user_lockout_config"), dict | None):
        raise _NoConfig


def _taken(given: Mapping[str, Any]) -> dict[str, Any]:
    lists = {name: _texts(given.get(name)) for name in LISTS}
    config: dict[str, Any] = {name: texts for name, texts in lists.items() if texts}
    config |= {name: str(given[name]) for name in _TEXTS if given.get(name) not in (None, "")}
    config["force_no_cache"] = bool(given.get("force_no_cache"))
    return config


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")] if value else []
    if not isinstance(value, list) or any(isinstance(item, list | dict | bool) for item in value):
        raise _NoConfig
    return ["" if item is None else str(item) for item in value]


def _enable_ttl(value: Any, name: str) -> int:
    try:
        return ttl(value)
    except durations.DurationError as error:
        raise InvalidRequest(f"unable to parse {name} TTL of {value}: {error}") from None


def ttl(value: Any) -> int:
    """Give whole seconds; "system", "" and null are the system's own. Raises: DurationError."""
    if value is None or value in ("", "system"):
        return 0
    return durations.whole(str(value))


def _check_ttls(config: Mapping[str, Any]) -> None:
    default_s, max_s = config["default_lease_ttl"], config["max_lease_ttl"]
    if max_s and default_s > max_s:
        raise InvalidRequest("given default lease TTL greater than given max lease TTL")
    if not max_s and default_s > SYSTEM_TTL_S:
        raise InvalidRequest(f"given default lease TTL greater than system max lease TTL of {SYSTEM_TTL_S}")


def _named_type(fields: Mapping[str, Any], config: dict[str, Any]) -> str:
    """Give the type, which for a plugin is its name. Raises: InvalidRequest."""
    type_: str = fields.get("type", "")
    plugin_name = fields.get("plugin_name") or config.pop("plugin_name", "")
    if type_ == "plugin":
        if not plugin_name:
            raise InvalidRequest("plugin_name must be provided for plugin backend")
        type_ = plugin_name
    if not type_:
        raise InvalidRequest("backend type must be specified as a string")
    return type_


def _resolve_type(fields: Mapping[str, Any], config: dict[str, Any]) -> tuple[str, dict[str, str] | None]:
    """Give an engine's type and its options; kv-v1 and kv-v2 are other names for kv. Raises: InvalidRequest."""
    type_, options = _named_type(fields, config), fields.get("options", {})
    if type_ in ("kv-v1", "kv-v2"):
        options = {**(options or {}), "version": type_[-1]}
        type_ = "kv"
    elif options and options.get("version") and type_ != "kv":
        raise InvalidRequest(f'secrets engine "{type_}" does not allow setting a version')
    version = config.pop("plugin_version", "")
    if version and "+builtin" not in version:
        semantic_version(version)
        raise InvalidRequest(f"cannot select non-builtin version of secrets plugin {type_}")
    return type_, options


def _resolve_method(fields: Mapping[str, Any], config: dict[str, Any]) -> tuple[str, dict[str, str] | None]:
    """Give an auth method's type and its options. Raises: InvalidRequest."""
    type_, options = _named_type(fields, config), fields.get("options", {})
    if options and options.get("version"):
        raise InvalidRequest(f'auth method "{type_}" does not allow setting a version')
    version = config.pop("plugin_version", "")
    if version and "+builtin" not in version:
        raise InvalidRequest(f"plugin not found in the catalog: {type_}, version={semantic_version(version)}")
    return type_, options


_TAIL = r"[0-9A-Za-z~-]*(?:\.[0-9A-Za-z~-]+)*"
_PRE = r"[0-9A-Za-z~-]+(?:\.[0-9A-Za-z~-]+)*"
_VERSION = re.compile(rf"v?(\d+(?:\.\d+)*)(?:-(\d{_TAIL})|-?([A-Za-z~-]{_TAIL}))?(?:\+({_PRE}))?", re.ASCII)


def semantic_version(version: str) -> str:
    """Give a version with all its three numbers: v1.2.0 for 1.2. Raises: InvalidRequest for what is none."""
    found = _VERSION.fullmatch(version)
    told = f"version {quoted(version)} is not a valid semantic version: "
    if found is None:
        raise InvalidRequest(f"{told}malformed version: {version}")
    numbers = found[1].split(".")
    for number in numbers:
        if len(number) > _MOST_DIGITS or int(number) >= 2**63:
            raise InvalidRequest(
                f"{told}error parsing version: strconv.ParseInt: parsing {quoted(number)}: value out of range"
            )
    whole = ".".join(str(int(number)) for number in [*numbers, "0", "0"][: max(3, len(numbers))])
    behind = found[2] or found[3]
    return f"v{whole}" + (f"-{behind}" if behind else "") + (f"+{found[4]}" if found[4] else "")


_MOST_DIGITS = 1000


def check_visibility(config: Mapping[str, Any]) -> None:
    """Refuse a word that says nothing of who sees a mount. Raises: InvalidRequest."""
    visibility = config.get("listing_visibility", "")
    if visibility not in ("", "unauth", "hidden"):
        raise InvalidRequest(f"invalid listing_visibility {visibility}")


def _check_kv_version(type_: str, options: Mapping[str, str] | None) -> None:
    if type_ == "kv" and options and options.get("version", "") not in ("", "1", "2"):
        raise InvalidRequest('nil backend of type "kv" returned from factory')
