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
from vaultctl.logical.request import Operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vaultctl.core.namespaces import Namespace
    from vaultctl.core.session import Session
    from vaultctl.logical.remounting import Place

_NS = 1_000_000_000
_KEPT = (
    "cas_required",
    "expiration",
    "allow_wildcards_in_identity_templates",
    "allow_slashes_in_identity_templates",
)
"""What a write forgets that does not name it."""


def admitted(ctx: SystemContext, source: Place, target: Place) -> list[dict[str, Any]]:
    """Name the policies that are to be rewritten, each with its namespace. Raises: MayNotRewrite, InvalidRequest."""
    found: list[dict[str, Any]] = []
    now_s = ctx.now_ns / _NS
    for namespace in _namespaces(ctx, source):
        for name in store.names(ctx.session.view, now_s, "", namespace.id):
            policy = store.find(ctx.session.view, name, now_s, namespace.id)
            if policy is None or not _is_named(policy, namespace, source, target):
                continue
            new = _rewritten(policy, name, namespace, source, target) or policy.text
            found.append({"namespace": namespace.path, "name": name, **_judged(ctx, namespace, name, policy, new)})
    return found


def rewrite(session: Session, policies: Sequence[Mapping[str, Any]], source: Place, target: Place) -> None:
    """Rewrite policies as they are now: all of them, or none. Raises: InvalidRequest."""
    now_ns = session.host.now_ns()
    found = []
    for each in policies:
        namespace = session.namespaces.at(each["namespace"])
        policy = namespace and store.find(session.view, each["name"], now_ns / _NS, namespace.id)
        if policy and each.get("version", policy.version) != policy.version:
            raise InvalidRequest("it was written meanwhile, and what may be written there is limited")
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


def _is_named(policy: Policy, namespace: Namespace, source: Place, target: Place) -> bool:
    return policy_paths.any_named((rule.path for rule in policy.rules), namespace.path, source, target)


def _judged(ctx: SystemContext, namespace: Namespace, name: str, policy: Policy, text: str) -> dict[str, int]:
    """Judge a policy's new text as the write that it is. Where it was looked at, give the version that counts.

    Raises: MayNotRewrite, which names the policy to who may know of it.
    """
    token = ctx.token
    if token and admission.is_root_in(ctx.session, token, namespace):
        return {}
    acl = admission.acl_of(ctx.session, token, ctx.now_ns / _NS) if token else None
    folder = f"{namespace.path}sys/policies/acl/"
    found = acl.at(folder + name) if acl else None
    if found and found.allow(Operation.UPDATE, "update", _write_of(policy, text), 0):
        return {} if found.plain else {"version": policy.version}
    known = acl and ("read" in acl.capabilities(folder + name) or "list" in acl.capabilities(folder))
    raise MayNotRewrite(folder + name if known else f"a policy of namespace {namespace.path or 'root'}")


def _write_of(policy: Policy, text: str) -> dict[str, Any]:
    """Give the data of a write that changes a policy's text, and leaves all else as it is."""
    kept = {name: value for name, value in policy.describe("").items() if name in _KEPT and value}
    return {"policy": text, **kept, **({"cas": policy.version} if policy.cas_required else {})}


def _rewritten(policy: Policy, name: str, namespace: Namespace, source: Place, target: Place) -> str | None:
    """Give a policy's new text, None where it stays as it is. Raises: InvalidRequest."""
    try:
        uses = policy_paths.uses(policy_paths.paths_in(policy.text), namespace.path, source, target)
    except HclError as error:
        raise InvalidRequest(f"policy {namespace.path}{name}: {error}") from None
    text = policy_paths.rewritten(policy.text, uses)
    return text if text != policy.text else None
