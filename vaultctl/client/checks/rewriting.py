"""Policies rewritten one by one, on a cluster that cannot do so with the move itself.

They are written after the move. While it runs the mount answers nobody, and a move that fails has then changed no
policy; each write can be done again, from the text that the policy has at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.client.checks.policies import text_of
from vaultctl.logical import policy_paths
from vaultctl.logical.errors import VaultError
from vaultctl.logical.hcl.tree import HclError
from vaultctl.logical.remounting import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.client.checks.report import Report
    from vaultctl.client.client import Client

PENDING, DONE, GONE, LEFT = "pending", "rewritten", "gone", "left"
"""What became of a policy: not tried yet, rewritten, not there any more, could not be rewritten."""

_KEPT = (
    "cas_required",
    "expiration",
    "allow_wildcards_in_identity_templates",
    "allow_slashes_in_identity_templates",
)
"""What OpenBao keeps beside a policy's text, and forgets where a write does not name it."""

Plan = dict[str, Any]
"""What is to be done, as it is written down: both places, and each policy with its texts and what became of it."""


def plan(report: Report) -> Plan:
    """Give what a move that was looked at has to rewrite."""
    old, new = report.old or Place("", ""), report.new or Place("", "")
    policies = [
        {"namespace": each.namespace, "name": each.name, "status": PENDING, "old": each.text, "new": each.new_text}
        for each in report.policies
        if each.diff
    ]
    return {"source": list(old), "target": list(new), "policies": policies}


def carry_out(client: Client, plan: Plan, note: Callable[[Plan], None]) -> None:
    """Rewrite what is left of a plan, each policy as it is by now; `note` is told before and after each write.

    What is refused is left, with its `error`, and the rest goes on. Raises: VaultError that `note` raises.
    """
    for policy in plan["policies"]:
        if policy["status"] in (DONE, GONE):
            continue
        try:
            policy["status"] = _rewrite(client.within(policy["namespace"]), plan, policy, note)
            policy.pop("error", None)
        except (VaultError, HclError) as error:
            policy["status"], policy["error"] = LEFT, "; ".join(getattr(error, "errors", ())) or str(error)
        note(plan)


def _rewrite(client: Client, plan: Plan, policy: dict[str, Any], note: Callable[[Plan], None]) -> str:
    """Rewrite one policy; tell what became of it. Raises: VaultError, HclError."""
    path = f"sys/policies/acl/{policy['name']}"
    found = client.find("GET", path)
    if found is None or not found.data:
        return GONE
    text = text_of(found.data)
    uses = policy_paths.uses(
        policy_paths.paths_in(text), policy["namespace"], Place(*plan["source"]), Place(*plan["target"])
    )
    new = policy_paths.rewritten(text, uses)
    if new == text:
        return DONE
    if text != policy["old"]:  # somebody wrote it meanwhile
        policy["old"], policy["new"] = text, new
        note(plan)
    kept = {name: found.data[name] for name in _KEPT if found.data.get(name)}
    version = {"cas": found.data["version"]} if "version" in found.data else {}
    client.call("POST", path, {"policy": new, **kept, **version})
    return DONE
