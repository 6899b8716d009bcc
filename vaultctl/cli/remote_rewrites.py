"""`-rewrite-policies` of a move on a remote: looked at first, written down, carried out when the move succeeded."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from vaultctl.client.checks import move, rewriting
from vaultctl.logical.errors import StateError

if TYPE_CHECKING:
    from vaultctl.cli.command import Run
    from vaultctl.connect.remote import RemoteConnection


def prepare(run: Run, connection: RemoteConnection, source: str, target: str) -> str:
    """Look at a move, and write down what it has to rewrite; give the key of that, "" where there is nothing.

    Raises: VaultError where the move or a rewriting would be refused, or the old texts cannot be kept.
    """
    report = move.check(run.client, run.env.namespace, source, target, rewrites=True)
    if report.refusals:
        raise report.refusals[0]
    for each in report.unseen:
        if each.what.startswith(("policies", "policy")):
            run.env.err(f"vaultctl: could not see {each.what}, and does not rewrite what is there: {each.why}")
    plan = rewriting.plan(report)
    if not plan["policies"]:
        return ""
    key = uuid.uuid4().hex
    path = connection.journal.keep_texts(key, plan)
    run.env.err(f"vaultctl: the policies that are rewritten are kept in {path}")
    return key


def carry_out(run: Run, connection: RemoteConnection, migration_id: str) -> list[dict[str, Any]]:
    """Rewrite what a move that succeeded has to, or had left; give each policy with what became of it."""

    def keep(key: str, changed: rewriting.Plan) -> None:
        connection.journal.keep_texts(key, changed)

    try:
        noted = connection.journal.find(migration_id) or {}
        key = str(noted.get("rewrites", ""))
        if not key:
            return []
        plan = connection.journal.texts(key)
        rewriting.carry_out(run.client, plan, lambda changed: keep(key, changed))
    except StateError as error:
        return [{"namespace": "", "name": "?", "status": rewriting.LEFT, "error": error.errors[0]}]
    found: list[dict[str, Any]] = [
        {name: each[name] for name in ("namespace", "name", "status", "error") if name in each}
        for each in plan["policies"]
    ]
    return found
