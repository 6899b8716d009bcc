"""sys/mounts: the life of a secrets engine's mount: list, enable, read, disable, tune.

Source: the API document of /sys/mounts, and OpenBao 2.7 for defaults, messages and the order of checks.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl import __version__
from vaultctl.core import mounts, namespaces
from vaultctl.core.mounts import SYSTEM_TTL_S, Mount
from vaultctl.core.pipeline import SystemContext
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical import durations, paths
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.json_text import Kept
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

_LISTS = (
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "passthrough_request_headers",
    "allowed_response_headers",
)
_TEXTS = ("listing_visibility", "plugin_version", "plugin_name")
_UNMOVABLE = ("sys/", "cubbyhole/", "identity/", "auth/token/")
_BARELY_TUNABLE = ("sys/", "cubbyhole/", "identity/")
_NO_STATUS = frozenset({"database", "system", "cubbyhole", "identity", "token", "generic"})
_LIFE_ONLY = "the {} engine is not part of vaultctl: its mount can be managed, and requests below it answer 501"
RUNNING_VERSION = f"v{__version__}+builtin"
"""The version that every built-in engine runs with."""
_UPGRADING = (
    "Upgrading mount from version {} to version 0. This mount will be unavailable for a brief period and will resume"
    " service shortly."
)
"""Source: OpenBao 2.7, with its zeros: the new version is always 0, and so is an old one that was never named."""


def list_mounts(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give every secrets engine by its path."""
    shown = ctx.mounts.keep("shown", lambda table: Kept({m.path: describe(m) for m in table if not m.is_auth}))
    return Response(data=shown)


def read_mount(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give one mount. Raises: InvalidRequest."""
    path = paths.mount_path(fields["path"])
    mount = ctx.mounts.serving(path)
    if mount is None:
        raise InvalidRequest(f"No secret engine mount at {path}")
    return Response(data=describe(mount))


def describe(mount: Mount) -> dict[str, Any]:
    """Give a mount as the API shows it, TTLs as configured (0: the system's)."""
    shown = {
        "accessor": mount.accessor,
        "config": dict(mount.config),
        "description": mount.description,
        "external_entropy_access": mount.external_entropy_access,
        "local": mount.local,
        "options": None if mount.options is None else dict(mount.options),
        "plugin_version": mount.plugin_version,
        "running_plugin_version": RUNNING_VERSION,
        "running_sha256": "",
        "seal_wrap": mount.seal_wrap,
        "type": mount.shown_type,
        "uuid": mount.uuid,
    }
    if mount.type not in _NO_STATUS:
        shown["deprecation_status"] = "supported"
    return shown


def enable(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a mount. Raises: InvalidRequest, in OpenBao's order of checks."""
    path = paths.mount_path(fields["path"])
    config = _decode_config(fields.get("config", {}))
    _check_ttls(config)
    type_, options = _resolve_type(fields, config)
    _check_visibility(config)
    if mounts.protects(path):
        raise InvalidRequest(f'cannot mount "{path}"')
    if type_.removeprefix("ns_") in mounts.UNREPEATABLE:
        raise InvalidRequest(f'mount type of "{type_}" is not mountable')
    check_namespaces(ctx, path)
    taken = ctx.mounts.conflicting(path)
    if taken:
        raise InvalidRequest(f"path is already in use at {taken.path}")
    ctx.catalogue.require_known(type_)
    _check_kv_version(type_, options)
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
    return EMPTY if ctx.catalogue.serves(type_) else Response(status=204, warnings=(_LIFE_ONLY.format(type_),))


def check_namespaces(ctx: SystemContext, path: str) -> None:
    """Refuse a mount path where a namespace is, or below one. Raises: InvalidRequest."""
    namespace, rest = ctx.session.namespaces.descend(ctx.namespace, path)
    if namespace is not ctx.namespace:
        first = "" if rest else next(ctx.session.mounts.within(namespace.id)).path
        raise InvalidRequest(f"existing mount at {namespace.path}{first}")


def _decode_config(given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the config map; TTLs become whole seconds. Raises: InvalidRequest."""
    config: dict[str, Any] = {}
    for name in ("default_lease_ttl", "max_lease_ttl"):
        if isinstance(given.get(name), bool | list | dict):
            raise _bad_config()
    for name in _LISTS:
        if texts := _texts(given.get(name)):
            config[name] = texts
    if any(isinstance(given.get(name), list | dict | bool) for name in (*_TEXTS, "token_type")):
        raise _bad_config()
    config |= {name: str(given[name]) for name in _TEXTS if given.get(name)}
    if not isinstance(given.get("force_no_cache"), bool | None):
        raise _bad_config()
    if not isinstance(given.get("user_lockout_config"), dict | None):
        raise _bad_config()
    config["force_no_cache"] = bool(given.get("force_no_cache"))
    config["default_lease_ttl"] = _enable_ttl(given.get("default_lease_ttl"), "default")
    config["max_lease_ttl"] = _enable_ttl(given.get("max_lease_ttl"), "max")
    return config


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or any(isinstance(item, list | dict | bool) for item in value):
        raise _bad_config()
    return [str(item) for item in value]


def _bad_config() -> InvalidRequest:
    return InvalidRequest("unable to convert given mount config information")


def _enable_ttl(value: Any, name: str) -> int:
    try:
        return _ttl(value)
    except durations.DurationError as error:
        raise InvalidRequest(f"unable to parse {name} TTL of {value}: {error}") from None


def _ttl(value: Any) -> int:
    """Give whole seconds; "system", "" and null are the system's own. Raises: DurationError."""
    if value is None or value in ("", "system"):
        return 0
    return int(durations.parse(str(value)))


def _check_ttls(config: Mapping[str, Any]) -> None:
    default_s, max_s = config["default_lease_ttl"], config["max_lease_ttl"]
    if max_s and default_s > max_s:
        raise InvalidRequest("given default lease TTL greater than given max lease TTL")
    if not max_s and default_s > SYSTEM_TTL_S:
        raise InvalidRequest(f"given default lease TTL greater than system max lease TTL of {SYSTEM_TTL_S}")


def _resolve_type(fields: Mapping[str, Any], config: dict[str, Any]) -> tuple[str, dict[str, str] | None]:
    """Give the type and its options; kv-v1 and kv-v2 are other names for kv. Raises: InvalidRequest."""
    type_, options = fields.get("type", ""), fields.get("options", {})
    plugin_name = fields.get("plugin_name") or config.pop("plugin_name", "")
    if type_ == "plugin":
        if not plugin_name:
            raise InvalidRequest("plugin_name must be provided for plugin backend")
        type_ = plugin_name
    if not type_:
        raise InvalidRequest("backend type must be specified as a string")
    if type_ in ("kv-v1", "kv-v2"):
        options = {**(options or {}), "version": type_[-1]}
        type_ = "kv"
    elif options and options.get("version") and type_ != "kv":
        raise InvalidRequest(f'secrets engine "{type_}" does not allow setting a version')
    version = config.pop("plugin_version", "")
    if version and "+builtin" not in version:
        _check_semantic_version(version)
        raise InvalidRequest(f"cannot select non-builtin version of secrets plugin {type_}")
    return type_, options


def _check_semantic_version(version: str) -> None:
    parts = version.removeprefix("v").partition("+")[0].partition("-")[0].split(".")
    if not all(part.isdigit() for part in parts):
        raise InvalidRequest(f'version "{version}" is not a valid semantic version: malformed version: {version}')


def _check_visibility(config: Mapping[str, Any]) -> None:
    visibility = config.get("listing_visibility", "")
    if visibility not in ("", "unauth", "hidden"):
        raise InvalidRequest(f"invalid listing_visibility {visibility}")


def _check_kv_version(type_: str, options: Mapping[str, str] | None) -> None:
    if type_ == "kv" and options and options.get("version", "") not in ("", "1", "2"):
        raise InvalidRequest('nil backend of type "kv" returned from factory')


def disable(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Take a mount away, after its leases with all that it holds; that there is none is no error.

    Raises: InvalidRequest.
    """
    path = paths.mount_path(fields["path"])
    if path in _UNMOVABLE:
        raise InvalidRequest(f'cannot unmount "{path}"')
    mount = ctx.mounts.at(path)
    if mount is None:
        _check_same_namespace(ctx, path)
        return _say_where_it_is(ctx, path)
    from vaultctl.core.system import disable as disabling

    return disabling.disable(ctx, mount)


def _check_same_namespace(ctx: SystemContext, path: str) -> None:
    """Refuse to disable a mount from outside its namespace. Raises: InvalidRequest."""
    found = ctx.mounts.serving(path)
    if found and found.namespace != ctx.namespace.id:
        raise InvalidRequest("failed to taint entry in mounts table")


def _say_where_it_is(ctx: SystemContext, path: str) -> Response:
    """Warn where the mount that was at a path was moved, and so lives on with all that it holds."""
    from vaultctl.core import jobs

    source = ctx.namespace.path + path
    moved = [job for job in jobs.history(ctx.session.view) if job.params.get("source") == source]
    target = moved[-1].params["target"] if moved and moved[-1].status == jobs.SUCCESS else None
    if target is None or _mount_at(ctx, target) is None:
        return EMPTY
    return Response(
        status=204,
        warnings=(f"nothing was disabled: the mount that was at {path} was moved to {target}, and is there",),
    )


def _mount_at(ctx: SystemContext, full_path: str) -> Mount | None:
    namespace, path = ctx.session.namespaces.descend(namespaces.ROOT, full_path)
    return ctx.session.mounts.at(path, namespace.id)


def read_tune(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give a mount's configuration, TTLs as they take effect. Raises: InvalidRequest."""
    path = paths.mount_path(fields["path"])
    mount = ctx.mounts.serving(path)
    if mount is None:
        raise InvalidRequest(f'cannot fetch sysview for path "{path}"')
    shown = {
        **mount.config,
        "default_lease_ttl": mount.default_lease_ttl_s,
        "max_lease_ttl": mount.max_lease_ttl_s,
        "description": mount.description,
    }
    if mount.options:
        shown["options"] = dict(mount.options)
    if mount.external_entropy_access:
        shown["external_entropy_access"] = True
    return Response(data=shown)


def tune(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Change a mount's configuration: all of it, or nothing. Raises: InvalidRequest."""
    path = paths.mount_path(fields["path"])
    mount = ctx.mounts.serving(path)
    if mount is None:
        raise InvalidRequest(f'tune of path "{path}" failed: no mount entry found')
    _check_tunable(mount, fields)
    _check_auth_only(mount, fields)
    config = {**mount.config}
    _tune_ttls(config, fields)
    _tune_plugin_version(mount, fields)
    _tune_lists(config, fields)
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
    for name in _TUNE_FIELDS:
        if name in fields and not name.startswith("audit_non_hmac") and name != "path":
            raise InvalidRequest(f"cannot tune parameter {name} of {mount.path}")


def _check_auth_only(mount: Mount, fields: Mapping[str, Any]) -> None:
    if mount.is_auth:
        return
    if fields.get("user_lockout_config"):
        raise InvalidRequest(f'tuning of user lockout configuration for auth type "{mount.type}" not allowed')
    if "token_type" in fields:
        raise InvalidRequest("'token_type' can only be modified on auth mounts")


def _tune_ttls(config: dict[str, Any], fields: Mapping[str, Any]) -> None:
    for name in ("default_lease_ttl", "max_lease_ttl"):
        if fields.get(name, "") == "":
            continue
        try:
            config[name] = _ttl(fields[name])
        except durations.DurationError as error:
            raise InvalidRequest(str(error)) from None
    default_s, max_s = config["default_lease_ttl"], config["max_lease_ttl"]
    if default_s and max_s and default_s > max_s:
        raise InvalidRequest(
            f"backend max lease TTL of {max_s} would be less than backend default lease TTL of {default_s}"
        )


def _tune_plugin_version(mount: Mount, fields: Mapping[str, Any]) -> None:
    version = fields.get("plugin_version")
    if version is None:
        return
    _check_semantic_version(version)
    raise InvalidRequest(f"plugin not found in the catalog: {mount.type}, version={version}")


def _tune_lists(config: dict[str, Any], fields: Mapping[str, Any]) -> None:
    _check_visibility(fields)
    for name in (*_LISTS, "listing_visibility"):
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
        raise InvalidRequest(f'unable to parse options: strconv.ParseInt: parsing "{new}": invalid syntax')
    if new not in ("1", "2"):
        raise InvalidRequest(f"invalid version provided: {new or 0}")
    if old == "2" and new == "1":
        raise InvalidRequest("cannot downgrade mount from version 2")


_PATH = {"path": Field("string", 'The path of the mount, for example "team/secrets".')}
_TUNE_FIELDS = {
    **_PATH,
    "default_lease_ttl": Field("string", "The default lease TTL of this mount; 0 or system for the system's."),
    "max_lease_ttl": Field("string", "The longest lease TTL of this mount; 0 or system for the system's."),
    "description": Field("string", "What this mount is for."),
    "audit_non_hmac_request_keys": Field("slice", "Keys of requests that audit devices show in clear."),
    "audit_non_hmac_response_keys": Field("slice", "Keys of answers that audit devices show in clear."),
    "listing_visibility": Field("string", "Whether the mount is listed without a token: unauth or hidden."),
    "passthrough_request_headers": Field("slice", "Headers of a request that the engine gets to see."),
    "allowed_response_headers": Field("slice", "Headers that the engine may answer with."),
    "options": Field("keypair", "Options of the engine; they are merged, and an empty value removes one."),
    "plugin_version": Field("string", "The version of the engine to run; there are only built-in ones here."),
    "token_type": Field("string", "The type of the tokens that an auth method gives; secrets engines have none."),
    "user_lockout_config": Field("map", "The lockout of users of an auth method; secrets engines have none."),
}

ENDPOINTS = (
    Endpoint("mounts", {Operation.READ: list_mounts}, "List the secrets engines that are enabled.", mirrored=True),
    Endpoint(
        "mounts/{path+}/tune",
        {Operation.READ: read_tune, Operation.UPDATE: tune},
        "Read or change a mount's configuration.",
        "A read gives the TTLs as they take effect. A write changes what it names: all of it, or nothing when one"
        " value is not good.",
        _TUNE_FIELDS,
        mirrored=True,
    ),
    Endpoint(
        "mounts/{path+}",
        {Operation.READ: read_mount, Operation.UPDATE: enable, Operation.DELETE: disable},
        "Enable, read or disable a secrets engine.",
        "Disabling an engine removes all that it holds.",
        {
            **_PATH,
            "type": Field("string", "The type of the engine, for example kv."),
            "description": Field("string", "What this mount is for."),
            "config": Field("map", "default_lease_ttl, max_lease_ttl, force_no_cache and what else can be tuned."),
            "options": Field("keypair", "Options of the engine, for example version=2 for kv."),
            "local": Field("bool", "Keep the mount out of replication. It is stored and shown."),
            "seal_wrap": Field("bool", "Encrypt the mount's secrets with the seal's key too."),
            "external_entropy_access": Field("bool", "Give the engine outside entropy. It is stored and shown."),
            "plugin_name": Field("string", "The engine's name where the type is plugin."),
            "plugin_version": Field("string", "It is ignored: the version is a part of config."),
        },
        mirrored=True,
    ),
)
