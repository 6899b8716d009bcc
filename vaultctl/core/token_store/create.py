"""auth/token/create, create-orphan and create/:role. Source: OpenBao 2.7 for the checks, their order and messages."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from vaultctl.core import identity, tokens
from vaultctl.core.exchange import SystemContext
from vaultctl.core.token_store import policies, roles
from vaultctl.core.token_store.issue import BATCH, SERVICE, Wanted, issue, limits_of
from vaultctl.core.token_store.roles import Role
from vaultctl.core.token_store.ttl import life
from vaultctl.core.tokens import ROOT_POLICY, SECOND_NS, Token
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical import durations
from vaultctl.logical.errors import BadToken, InvalidRequest, VaultError
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

_CHOSEN_ID = (
    "Supplying a custom ID for the token uses the weaker SHA1 hashing instead of the more secure SHA2-256 HMAC for"
    " token obfuscation. SHA1 hashed tokens on the wire leads to less secure lookups."
)
"""Source: OpenBao 2.7. Here every token is hashed by HMAC; one that somebody chose is the weaker all the same."""

_NOT_IN_A_NAME = re.compile("[^a-zA-Z0-9-]")


class DisabledEntity(VaultError):
    """No token is made for it. Source: OpenBao 2.7."""

    status = 403


def create(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a child of the caller's token. Raises: InvalidRequest."""
    return _create(ctx, fields, None, is_orphan=False)


def create_orphan(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a token without parent. Raises: InvalidRequest."""
    return _create(ctx, fields, None, is_orphan=True)


def create_with_role(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a token as a role says. Raises: InvalidRequest."""
    name = fields["role_name"]
    roles.check_name(name)
    role = roles.find(ctx.session.view, ctx.namespace.id, name)
    if role is None:
        raise InvalidRequest(f"unknown role {name}")
    return _create(ctx, fields, role, is_orphan=False)


def _create(ctx: SystemContext, fields: Mapping[str, Any], role: Role | None, *, is_orphan: bool) -> Response:
    parent = _parent(ctx)
    is_from_above = parent.namespace != ctx.namespace.id
    if is_from_above:
        _check_from_above(ctx, fields)
    type_ = _type(fields, role)
    num_uses = fields.get("num_uses", 0)
    if num_uses < 0:
        raise InvalidRequest("number of uses cannot be negative")
    named = _entity_of_alias(ctx, fields, role)
    chosen = _chosen_id(ctx, fields)
    names = policies.resolve(
        fields.get("policies", ()),
        parent.policies,
        role.rules if role else None,
        no_default=fields.get("no_default_policy", False),
        has_sudo=ctx.has_sudo,
        is_from_above=is_from_above,
    )
    _check_root(names, parent, type_)
    is_orphan = _is_orphan(ctx, fields, role, by_path=is_orphan)
    times = _times(ctx, fields, role, is_root=ROOT_POLICY in names, type_=type_)
    if not times.ttl_s and parent.expire_ns:
        raise InvalidRequest("expiring root tokens cannot create non-expiring root tokens")
    _check_free(ctx, chosen)
    wanted = Wanted(
        names,
        _path(ctx, role),
        _display_name(fields.get("display_name", "")),
        type_,
        times.ttl_s,
        renewable=_is_renewable(fields, role, type_) and times.ttl_s > 0,
        parent="" if is_orphan else parent.id_hash,
        num_uses=_num_uses(num_uses, role),
        period_s=times.period_s,
        explicit_max_ttl_s=times.explicit_max_s,
        role=role.name if role else "",
        meta=fields.get("meta"),
        entity_id=named or ("" if is_orphan else parent.entity_id),
        bound_cidrs=_bound_cidrs(role, parent, is_orphan=is_orphan) if times.ttl_s else (),
        id="" if type_ == BATCH else chosen,
    )
    _, auth = issue(ctx.session, ctx.mount, wanted, random=ctx.random, now_ns=ctx.now_ns)
    now_s = ctx.now_ns / SECOND_NS
    absent = [name for name in names if not policies.exists(ctx.session, name, ctx.namespace.id, now_s)]
    unknown = [f"Policy {quoted(name)} does not exist" for name in absent]
    return Response(auth=auth, warnings=(*times.warnings, *([_CHOSEN_ID] if chosen else []), *unknown))


def _parent(ctx: SystemContext) -> Token:
    parent = ctx.token
    if parent is None:
        raise BadToken
    if parent.type == BATCH:
        raise InvalidRequest("batch tokens cannot create more tokens")
    if parent.num_uses < 0:
        raise InvalidRequest("parent token lookup failed: no parent found")
    if parent.num_uses > 0:
        raise InvalidRequest("restricted use token cannot generate child tokens")
    return parent


def _check_from_above(ctx: SystemContext, fields: Mapping[str, Any]) -> None:
    """Check what a token of another namespace may make in this one. Raises: InvalidRequest."""
    if not ctx.has_sudo:
        raise InvalidRequest("root or sudo privileges required to directly generate a token in a child namespace")
    if ROOT_POLICY in fields.get("policies", ()):
        raise InvalidRequest("root tokens may not be created from a parent namespace")


def _type(fields: Mapping[str, Any], role: Role | None) -> str:
    type_ = fields.get("type", "")
    if role and role.token_type in (SERVICE, BATCH):
        type_ = role.token_type
    if role and role.token_type == roles.DEFAULT_BATCH:
        type_ = type_ or BATCH
    if type_ == BATCH:
        _check_batch(fields)
    elif type_ not in ("", SERVICE):
        raise InvalidRequest("invalid 'token_type' value")
    return type_ or SERVICE


def _check_batch(fields: Mapping[str, Any]) -> None:
    """Refuse what a batch token cannot have; only the first of these that is given is looked at."""
    for name in ("explicit_max_ttl", "num_uses", "period"):
        value = fields.get(name)
        if not value:
            continue
        try:
            is_bad = name == "num_uses" or durations.parse(value) != 0
        except durations.DurationError:
            raise InvalidRequest(f"'{name}' value could not be parsed") from None
        if is_bad:
            raise InvalidRequest(f'batch tokens cannot have "{name}" set')
        return


def _entity_of_alias(ctx: SystemContext, fields: Mapping[str, Any], role: Role | None) -> str:
    """Give the entity that a token is to be for by an alias, which is made if it is a new one. Raises: VaultError."""
    alias = fields.get("entity_alias", "")
    if not alias:
        return ""
    if role is None:
        raise InvalidRequest("'entity_alias' is only allowed in combination with token role")
    if not any(policies.fits(alias.lower(), allowed) for allowed in role.allowed_entity_aliases or ()):
        raise InvalidRequest("invalid 'entity_alias' value")
    owner = identity.entity_at_login(ctx.session.view, ctx.mount, alias, random=ctx.random, now_ns=ctx.now_ns)
    if owner.disabled:
        raise DisabledEntity("entity from given entity alias is disabled")
    return owner.id


def _chosen_id(ctx: SystemContext, fields: Mapping[str, Any]) -> str:
    chosen: str = fields.get("id", "")
    if chosen and not ctx.has_sudo:
        raise InvalidRequest("root or sudo privileges required to specify token id")
    if chosen and not ctx.namespace.is_root:
        raise InvalidRequest("token IDs can only be manually specified in the root namespace")
    return chosen


def _check_free(ctx: SystemContext, chosen: str) -> None:
    for beginning in ("hvs.", tokens.SERVICE):
        if chosen.startswith(beginning):
            raise InvalidRequest(f"custom token ID cannot have the '{beginning}' prefix")
    if "." in chosen:
        raise InvalidRequest("custom token ID cannot have a '.' in the value")
    view = ctx.session.view
    if chosen and tokens.load(view, tokens.hash_of(view, chosen)):
        raise InvalidRequest("cannot create a token with a duplicate ID")


def _check_root(names: list[str], parent: Token, type_: str) -> None:
    if ROOT_POLICY not in names:
        return
    if not parent.is_root:
        raise InvalidRequest("root tokens may not be created without parent token being root")
    if type_ == BATCH:
        raise InvalidRequest("batch tokens cannot be root tokens")


def _is_orphan(ctx: SystemContext, fields: Mapping[str, Any], role: Role | None, *, by_path: bool) -> bool:
    if role:
        return role.orphan
    if fields.get("no_parent", False):
        if not ctx.has_sudo:
            raise InvalidRequest("root or sudo privileges required to create orphan token")
        return True
    return by_path


class _Times(NamedTuple):
    """How long the token lives; period and maximum are those of the request, as a lookup shows them."""

    ttl_s: float
    period_s: float
    explicit_max_s: float
    warnings: list[str]


def _times(ctx: SystemContext, fields: Mapping[str, Any], role: Role | None, *, is_root: bool, type_: str) -> _Times:
    explicit_max_s = _seconds(fields, "explicit_max_ttl")
    period_s = _seconds(fields, "period")
    if period_s and not ctx.has_sudo:
        raise InvalidRequest("root or sudo privileges required to create periodic token")
    ttl_s = _seconds(fields, "ttl") if fields.get("ttl") else _seconds(fields, "lease")
    warnings: list[str] = []
    longest_s, each_s = explicit_max_s, period_s
    if role and type_ != BATCH:
        longest_s = _lesser("Explicit max TTL", explicit_max_s, role.token_explicit_max_ttl, warnings)
        each_s = _lesser("Period", period_s, role.token_period, warnings)
    if each_s or ttl_s or not is_root:
        limits = limits_of(ctx.mount, period_s=each_s, explicit_max_s=longest_s)
        now_s = ctx.now_ns / SECOND_NS
        ttl_s, capped = life(ttl_s, limits, since_s=now_s, now_s=now_s)
        warnings += capped
    return _Times(ttl_s or longest_s, period_s, explicit_max_s, warnings)


def _seconds(fields: Mapping[str, Any], name: str) -> float:
    text = fields.get(name, "")
    if not text:
        return 0
    try:
        seconds = durations.parse(text)
    except durations.DurationError as error:
        raise InvalidRequest(str(error)) from None
    if seconds < 0:
        raise InvalidRequest(f"{name} must be positive")
    return seconds


def _lesser(what: str, asked_s: float, by_role_s: float, warnings: list[str]) -> float:
    if not asked_s or not by_role_s:
        return asked_s or by_role_s
    lesser_s = min(asked_s, by_role_s)
    warnings.append(
        f"{what} specified both during creation call and in role; using the lesser value of {int(lesser_s)} seconds"
    )
    return lesser_s


def _path(ctx: SystemContext, role: Role | None) -> str:
    suffix = f"/{role.path_suffix}" if role and role.path_suffix else ""
    return f"{ctx.mount.path}{ctx.path}{suffix}"


def _display_name(given: str) -> str:
    return _NOT_IN_A_NAME.sub("-", "token-" + given).removesuffix("-") if given else "token"


def _is_renewable(fields: Mapping[str, Any], role: Role | None, type_: str) -> bool:
    return bool(type_ == SERVICE and fields.get("renewable", True) and (role is None or role.renewable))


def _num_uses(asked: int, role: Role | None) -> int:
    by_role = role.token_num_uses if role else 0
    return min(asked, by_role) if asked and by_role else asked or by_role


def _bound_cidrs(role: Role | None, parent: Token, *, is_orphan: bool) -> tuple[str, ...]:
    if role:
        return tuple(role.token_bound_cidrs)
    return () if is_orphan else parent.bound_cidrs


_FIELDS = {
    "display_name": Field("string", "What the token is called."),
    "entity_alias": Field("string", "The entity alias that the token is for; only with a role that allows it."),
    "explicit_max_ttl": Field("string", "The longest life of the token, whatever renews it."),
    "id": Field("string", "The token itself, in the place of a random one."),
    "lease": Field("string", "The older name of ttl."),
    "meta": Field("keypair", "What else is to be kept with the token, and shown."),
    "no_default_policy": Field("bool", "Do not give the default policy."),
    "no_parent": Field("bool", "Make a token that does not go when the caller's goes."),
    "num_uses": Field("int", "How often the token can be used; 0 for any number."),
    "period": Field("string", "The period that the token is renewed by, for ever."),
    "policies": Field("strings", "The policies of the token; without them, the caller's."),
    "renewable": Field("bool", "Whether the token can be renewed; it can, unless this says otherwise."),
    "ttl": Field("string", "How long the token lives; without it, as long as the mount says."),
    "type": Field("string", "service or batch."),
}

ENDPOINTS = (
    Endpoint(
        "create",
        {Operation.UPDATE: create},
        "Make a token.",
        "It goes when the caller's token goes, and has no policy that the caller has not, unless the caller has sudo.",
        _FIELDS,
    ),
    Endpoint(
        "create-orphan",
        {Operation.UPDATE: create_orphan},
        "Make a token that does not go when the caller's goes.",
        fields=_FIELDS,
    ),
    Endpoint(
        "create/{role_name}",
        {Operation.UPDATE: create_with_role},
        "Make a token as a role says.",
        fields={**roles.NAME, **_FIELDS},
    ),
)
