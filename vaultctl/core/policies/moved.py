"""Policies that go with a mount which moves: those that spell its old path out, and may be written by who moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.core.exchange import SystemContext
from vaultctl.core.policies import admission, rules, store
from vaultctl.core.policies.store import Policy
from vaultctl.logical import policy_paths
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.hcl.tree import HclError
from vaultctl.logical.remounting import MayNotRewrite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vaultctl.core.namespaces import Namespace
    from vaultctl.core.session import Session
    from vaultctl.logical.remounting import Place

_NS = 1_000_000_000


def admitted(ctx: SystemContext, source: Place, target: Place) -> list[dict[str, str]]:
    """Name the policies that are to be rewritten, each with its namespace. Raises: MayNotRewrite."""
    found, now_s = [], ctx.now_ns / _NS
    for namespace in _namespaces(ctx, source):
        for name in store.names(ctx.session.view, now_s, "", namespace.id):
            policy = store.find(ctx.session.view, name, now_s, namespace.id)
            written = [each.path for each in policy.rules] if policy else []
            if not policy_paths.any_named(written, namespace.path, source, target):
                continue
            path = f"{namespace.path}sys/policies/acl/{name}"
            if not _may_update(ctx, namespace, path):
                raise MayNotRewrite(path)
            found.append({"namespace": namespace.path, "name": name})
    return found


def rewrite(session: Session, policies: Sequence[Mapping[str, Any]], source: Place, target: Place) -> None:
    """Rewrite policies as they are now: all of them, or none. Raises: InvalidRequest."""
    now_ns = session.host.now_ns()
    found = []
    for each in policies:
        namespace = session.namespaces.at(each["namespace"])
        policy = namespace and store.find(session.view, each["name"], now_ns / _NS, namespace.id)
        text = policy and namespace and _rewritten(policy, each["name"], namespace, source, target)
        if policy and namespace and text:
            new = policy._replace(text=text, rules=rules.parse(text, now_ns / _NS), modified=rfc3339(now_ns))
            found.append((each["name"], new, namespace))
    for name, policy, namespace in found:
        store.put(session.view, name, policy, policy.version, namespace.id)


def _namespaces(ctx: SystemContext, source: Place) -> Iterator[Namespace]:
    """Give the namespaces whose policies can name a mount, as far as the token is at home there: from the root down."""
    table = ctx.session.namespaces
    own = table.get(ctx.token.namespace) if ctx.token else None
    ends = [0, *(at + 1 for at, char in enumerate(source.namespace) if char == "/")]
    for end in ends:
        namespace = table.at(source.namespace[:end])
        if own and namespace and own.holds(namespace):
            yield namespace


def _may_update(ctx: SystemContext, namespace: Namespace, path: str) -> bool:
    token = ctx.token
    if token is None or admission.is_root_in(ctx.session, token, namespace):
        return token is not None
    return "update" in admission.acl_of(ctx.session, token, ctx.now_ns / _NS).capabilities(path)


def _rewritten(policy: Policy, name: str, namespace: Namespace, source: Place, target: Place) -> str | None:
    """Give a policy's new text, None where it stays as it is. Raises: InvalidRequest."""
    try:
        uses = policy_paths.uses(policy_paths.paths_in(policy.text), namespace.path, source, target)
    except HclError as error:
        raise InvalidRequest(f"policy {namespace.path}{name}: {error}") from None
    text = policy_paths.rewritten(policy.text, uses)
    return text if text != policy.text else None
