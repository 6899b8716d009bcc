"""Giving out tokens: what `auth/token/create` and the login of every auth method end in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from vaultctl.core import identity, tokens
from vaultctl.core.mounts import Mount, suffix_of
from vaultctl.core.namespaces import ROOT
from vaultctl.core.session import Session
from vaultctl.core.token_store import policies
from vaultctl.core.token_store.ttl import Limits, life
from vaultctl.core.tokens import SECOND_NS, Token
from vaultctl.framework.login import Login
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.response import Response

SERVICE, BATCH = "service", "batch"


class Wanted(NamedTuple):
    """The token that is to be made. `parent` is the hash of the one that it goes with; `id` is its text, if chosen.

    A `ttl_s` of 0 never ends. The policies are those of the token itself, as they are to be stored.
    """

    policies: Sequence[str]
    path: str
    display_name: str = "token"
    type: str = SERVICE
    ttl_s: float = 0
    renewable: bool = True
    parent: str = ""
    num_uses: int = 0
    period_s: float = 0
    max_ttl_s: float = 0
    explicit_max_ttl_s: float = 0
    role: str = ""
    meta: Mapping[str, str] | None = None
    entity_id: str = ""
    bound_cidrs: Sequence[str] = ()
    id: str = ""

    def __repr__(self) -> str:
        """Name it by what it will be called."""
        return f"Wanted({self.display_name})"


def issue(
    session: Session, mount: Mount, wanted: Wanted, *, random: Callable[[int], bytes], now_ns: int
) -> tuple[Token, Mapping[str, Any]]:
    """Make a token of a mount, and of that one's namespace; give its record, and the `auth` of the answer."""
    fields: dict[str, Any] = {
        "policies": tuple(wanted.policies),
        "path": wanted.path,
        "display_name": wanted.display_name,
        "creation_time_s": now_ns // SECOND_NS,
        "ttl_s": wanted.ttl_s,
        "type": wanted.type,
        "namespace": mount.namespace,
        "parent": wanted.parent,
        "role": wanted.role,
        "meta": wanted.meta,
        "entity_id": wanted.entity_id,
        "bound_cidrs": tuple(wanted.bound_cidrs),
    }
    suffix = suffix_of(mount.namespace)
    by_entity = identity.policies_of(session.view, wanted.entity_id, mount.namespace)
    if wanted.type == BATCH:
        from vaultctl.core.token_store import batch

        text = batch.write(session.view, fields) + suffix
        made = Token(tokens.hash_of(session.view, text), accessor="", **fields)
        return made, {**auth_block(made, text, by_entity), "num_uses": wanted.num_uses}
    text = wanted.id or tokens.new_token(random) + suffix
    made = tokens.create(
        session.view,
        text,
        issue_ns=now_ns,
        mount=mount.token_source,
        below=wanted.path.removeprefix(mount.path),
        lease_ttl_s=wanted.ttl_s,
        renewable=wanted.renewable,
        num_uses=wanted.num_uses,
        uses_given=wanted.num_uses,
        period_s=wanted.period_s,
        max_ttl_s=wanted.max_ttl_s,
        explicit_max_ttl_s=wanted.explicit_max_ttl_s,
        **fields,
    )
    return made, auth_block(made, text, by_entity)


def auth_block(token: Token, text: str, identity_policies: Sequence[str]) -> dict[str, Any]:
    """Give the `auth` of an answer that gives out a token, or renews it. Source: OpenBao 2.7, its order too."""
    block = {
        "client_token": text,
        "accessor": token.accessor,
        "policies": policies.sanitised([*token.policies, *identity_policies]),
        "token_policies": list(token.policies),
        "identity_policies": list(identity_policies),
        "metadata": None if token.meta is None else dict(sorted(token.meta.items())),
        "lease_duration": int(token.lease_ttl_s or token.ttl_s),
        "renewable": token.renewable,
        "entity_id": token.entity_id,
        "token_type": token.type,
        "orphan": token.is_orphan,
        "mfa_requirement": None,
        "num_uses": token.uses_given,
    }
    for name in ("token_policies", "identity_policies"):
        if not block[name]:
            del block[name]
    return block


def limits_of(mount: Mount, period_s: float = 0, max_s: float = 0, explicit_max_s: float = 0) -> Limits:
    """Give the limits of a token that a mount gives out."""
    return Limits(mount.default_lease_ttl_s, mount.max_lease_ttl_s, period_s, max_s, explicit_max_s)


def log_in(
    session: Session, mount: Mount, path: str, login: Login, *, random: Callable[[int], bytes], now_ns: int
) -> Response:
    """Give the token that a login at `path` (from the root of its namespace) earned. Raises: InvalidRequest.

    Source: OpenBao 2.7: its name begins with the mount's full path, the default policy is added, and none gives root.
    """
    now_s = now_ns / SECOND_NS
    limits = limits_of(mount, period_s=login.period_s, max_s=login.max_ttl_s, explicit_max_s=login.explicit_max_ttl_s)
    ttl_s, warnings = life(login.ttl_s, limits, since_s=now_s, now_s=now_s)
    names = policies.sanitised(login.policies, add_default=not login.no_default_policy)
    if tokens.ROOT_POLICY in names:
        raise InvalidRequest("auth methods cannot create root tokens")
    policies.check_assignable(names)
    type_ = _type_of(mount, login)
    namespace = session.namespaces.get(mount.namespace) or ROOT
    source = (namespace.path + mount.path).removeprefix("auth/").replace("/", "-")
    wanted = Wanted(
        names,
        path,
        (source + login.display_name).removesuffix("-"),
        type_,
        ttl_s,
        renewable=login.renewable and type_ == SERVICE,
        num_uses=login.num_uses,
        period_s=login.period_s,
        max_ttl_s=login.max_ttl_s,
        explicit_max_ttl_s=login.explicit_max_ttl_s,
        meta=login.meta,
        entity_id=login.entity_id,
        bound_cidrs=login.bound_cidrs,
    )
    _, auth = issue(session, mount, wanted, random=random, now_ns=now_ns)
    return Response(auth=auth, warnings=tuple(warnings))


def _type_of(mount: Mount, login: Login) -> str:
    """Give the type of a login's token: the mount decides, or gives what holds where the method says nothing."""
    by_mount = mount.config.get("token_type", "default-service")
    if by_mount in (SERVICE, BATCH):
        return str(by_mount)
    if login.token_type in (SERVICE, BATCH):
        return login.token_type
    return BATCH if by_mount == "default-batch" else SERVICE
