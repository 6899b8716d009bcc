"""Policies that reach a mount which is to move: which of their paths, and what they would say."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from vaultctl.client.checks.landscape import chain
from vaultctl.client.checks.report import Line, PolicyFound
from vaultctl.logical import policy_paths
from vaultctl.logical.hcl.tree import HclError
from vaultctl.logical.policy_paths import NAMED, TEMPLATE, Use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaultctl.client.checks.sight import Sight
    from vaultctl.logical.remounting import Place

_TEXTLESS = frozenset({"root", "response-wrapping"})


def find(sight: Sight, old: Place, new: Place) -> Iterator[PolicyFound]:
    """Give the policies that reach either place, of all namespaces that can name it. Raises: VaultError."""
    for namespace in dict.fromkeys([*chain(old.namespace), *chain(new.namespace)]):
        what = f"policies of namespace {namespace or 'root'}"
        for name in sight.keys(namespace, "sys/policies/acl", what) or ():
            if name in _TEXTLESS:
                continue
            data = sight.look("GET", namespace, f"sys/policies/acl/{name}", f"policy {namespace}{name}")
            found = data and _judged(sight, namespace, name, text_of(data), old, new)
            if found:
                yield found


def text_of(data: Mapping[str, object]) -> str:
    """Give the text of a policy that was read."""
    return str(data.get("policy") or data.get("rules") or "")


def _judged(sight: Sight, namespace: str, name: str, text: str, old: Place, new: Place) -> PolicyFound | None:
    try:
        paths = policy_paths.paths_in(text)
    except HclError as error:
        sight.note(f"policy {namespace}{name}", f"{namespace}sys/policies/acl/{name}", f"it cannot be read: {error}")
        return None
    uses = policy_paths.uses(paths, namespace, old, new)
    reaching = policy_paths.reaching(paths, namespace, new)
    known = {use.written.start for use in uses}
    gains = [{"line": each.line, "path": each.path} for each in reaching if each.start not in known]
    if not uses and not gains:
        return None
    new_text = policy_paths.rewritten(text, uses)
    return PolicyFound(
        namespace,
        name,
        [_line(use) for use in uses],
        _diff(namespace + name, text, new_text),
        reaches_target=gains,
        text=text,
        new_text=new_text,
    )


def _line(use: Use) -> Line:
    return Line(use.written.line, use.written.path, use.kind, use.new, use.breaks, _why(use))


def _why(use: Use) -> str:
    if use.kind == NAMED:
        if use.is_unspeakable:
            return "names the old path, and in a policy the new one would mean something else"
        return "names the old path" + (", and the new one is outside of its namespace" if use.is_outside else "")
    if use.covers_new:
        return "reaches the old path and the new one"
    if use.is_outside:
        return "reaches the old path, and the new one is outside of its namespace"
    if use.kind == TEMPLATE:
        return "reaches the old path for some entities, and is not rewritten"
    return "reaches the old path by a pattern, not the new one, and is not rewritten"


def _diff(name: str, text: str, new_text: str) -> str:
    lines = text.splitlines(), new_text.splitlines()
    found = difflib.unified_diff(lines[0], lines[1], f"policy {name}", f"policy {name}, rewritten", lineterm="")
    return "".join(f"{line}\n" for line in found)
