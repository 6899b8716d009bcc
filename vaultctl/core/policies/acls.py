"""Compiled access lists, kept by namespace, policy names and entity.

One is good until a policy changes, a rule in it expires, or the entity is not any more what stands in its paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.core.policies import store, templates
from vaultctl.core.policies.acl import Acl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultctl.core.identity import Who
    from vaultctl.core.namespaces import Namespace
    from vaultctl.core.policies.rule import Rule
    from vaultctl.core.policies.store import Policy
    from vaultctl.core.views import View

MOST = 256
"""So many are kept; above that, the one that was compiled first goes."""

_Names = tuple[str, ...]
_Key = tuple[str, _Names, str]


class Acls:
    """The access lists of the newest generation of the policies that was asked for. Many threads may ask."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[str, int], dict[_Key, tuple[Who | None, Acl]]] = (("", -1), {})

    def get(self, view: View, namespace: Namespace, names: _Names, now_s: float, who: Who | None = None) -> Acl:
        """Give what policies of a namespace allow somebody together; names without a policy count for nothing.

        Raises: IntegrityError, BadTemplate.
        """
        header = view.header
        version = (header.cluster_id, header.tables.get("policies", 0))
        kept_version, kept = self._kept
        if kept_version != version:
            kept = {}
            self._kept = (version, kept)
        key = (namespace.id, names, who.entity.id if who else "")
        found = kept.get(key)
        if found is None or now_s >= found[1].valid_until_s or (found[0] is not who and found[0] != who):
            found = who, compile_acl(view, namespace, names, now_s, who)
            for oldest in list(kept)[: max(0, len(kept) - MOST + 1)]:
                kept.pop(oldest, None)
            kept[key] = found
        return found[1]


def compile_acl(view: View, namespace: Namespace, names: _Names, now_s: float, who: Who | None = None) -> Acl:
    """Join the rules of policies, by their names; their paths are those within the namespace. Raises: BadTemplate."""
    rules: list[Rule] = []
    ends_s: list[float] = []
    for name in names:
        policy = store.find(view, name, now_s, namespace.id)
        if policy:
            rules += _filled(policy, name, who)
            ends_s += [policy.expires_s] if policy.expires_s > 0 else []
    acl = Acl(rules, now_s, namespace.path)
    acl.valid_until_s = min([acl.valid_until_s, *ends_s])
    return acl


def _filled(policy: Policy, name: str, who: Who | None) -> Iterator[Rule]:
    """Give the rules of a policy, templates filled in; those that do not fit whoever it is say nothing."""
    forbidden = "" if policy.allow_wildcards_in_identity_templates else "*+"
    forbidden += "" if policy.allow_slashes_in_identity_templates else "/"
    for rule in policy.rules:
        if not rule.templated:
            yield rule
            continue
        path = templates.filled(rule.path, who, forbidden=forbidden, policy=name)
        if path is not None:
            yield rule._replace(path=path, templated=False)
