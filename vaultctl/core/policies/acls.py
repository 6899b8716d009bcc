"""Compiled access lists, kept by namespace and policy names until a policy changes or a rule in them expires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.core.policies import store
from vaultctl.core.policies.acl import Acl

if TYPE_CHECKING:
    from vaultctl.core.namespaces import Namespace
    from vaultctl.core.policies.rule import Rule
    from vaultctl.core.state import View

MOST = 256
"""So many are kept; above that, the one that was compiled first goes."""

_Names = tuple[str, ...]
_Key = tuple[str, _Names]


class Acls:
    """The access lists of the newest generation of the policies that was asked for. Many threads may ask."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[str, int], dict[_Key, Acl]] = (("", -1), {})

    def get(self, view: View, namespace: Namespace, names: _Names, now_s: float) -> Acl:
        """Give what policies of a namespace allow together; names without a policy count for nothing.

        Raises: IntegrityError.
        """
        version = (view.header.cluster_id, view.header.tables.get("policies", 0))
        kept_version, kept = self._kept
        if kept_version != version:
            kept = {}
            self._kept = (version, kept)
        key = (namespace.id, names)
        acl = kept.get(key)
        if acl is None or now_s >= acl.valid_until_s:
            acl = compile_acl(view, namespace, names, now_s)
            for oldest in list(kept)[: max(0, len(kept) - MOST + 1)]:
                kept.pop(oldest, None)
            kept[key] = acl
        return acl


def compile_acl(view: View, namespace: Namespace, names: _Names, now_s: float) -> Acl:
    """Join the rules of policies, by their names; their paths are those within the namespace."""
    rules: list[Rule] = []
    ends_s: list[float] = []
    for name in names:
        policy = store.find(view, name, now_s, namespace.id)
        if policy:
            rules += policy.rules
            ends_s += [policy.expires_s] if policy.expires_s > 0 else []
    acl = Acl(rules, now_s, namespace.path)
    acl.valid_until_s = min([acl.valid_until_s, *ends_s])
    return acl
