"""`-check` of a move: what was found, for people and for machines, and the exit code that it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.cli import output
from vaultctl.cli.env import visible
from vaultctl.cli.failures import Breakage
from vaultctl.client.checks import move
from vaultctl.client.checks.report import BREAKS, REFUSED, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultctl.cli.command import Run

_BREAKS = "{} would break: nothing was changed"
_UNSEEN = "not everything could be seen: nothing was changed"
_NAMED = 5
"""So many names stand in a cell."""


def show(run: Run, fmt: str, kind: str, source: str, target: str) -> None:
    """Look at a move, and tell what it would do. Raises: Breakage, VaultError for what would be refused."""
    connection = run.env.connect(run.common)
    if connection.is_remote and not run.common.shows:
        connection.cluster.go_to_leader()  # a standby may not have heard of the last move
    report = move.check(run.client, run.env.namespace, source, target, rewrites=run["rewrite_policies"])
    if fmt == "table":
        _print(run, kind, report)
    else:
        output.emit(run.env, fmt, report.as_json())
    if report.verdict == REFUSED:
        raise report.refusals[0]
    if report.verdict == BREAKS:
        count = len(report.breaks)
        raise Breakage(_BREAKS.format(f"{count} thing{'s' if count > 1 else ''}") if count else _UNSEEN)


def _print(run: Run, kind: str, report: Report) -> None:
    output.table(run.env, [f"Moving {kind} {report.source} to {report.target}", "Found"], _rows(report))
    for policy in report.policies:
        if policy.diff:
            run.env.out("\n")
            _print_diff(run, policy.diff)
    _print_lines(run, "Would break:", report.breaks)
    _print_lines(run, "Policies that reach the new path already:", _gains(report))
    _print_lines(run, "Could not see:", [f"{each.what} ({each.path}): {each.why}" for each in report.unseen])
    _print_lines(run, "Note:", report.notes)


def _rows(report: Report) -> list[list[str]]:
    allowed = {True: "yes", False: "no", None: "not known"}[report.allowed]
    rows = [["Allowed", allowed], ["Would be refused", report.refusals[0].errors[0] if report.refusals else "no"]]
    if not (report.old and report.new):
        return rows
    rows.append(["Leases to be revoked", str(report.leases or "not known")])
    if report.old.path.startswith("auth/"):
        rows[-1] = ["Tokens to be revoked", str(report.tokens or "not known")]
        rows.append(["Entity aliases that go along", _names([str(each["name"]) for each in report.entity_aliases])])
    rows += [[f"{name} that go along", _names(found)] for name, found in _logins(report) if found]
    rows.append(["Quotas that go along", _names([str(each["name"]) for each in report.quotas])])
    changed = [policy.full_name for policy in report.policies if policy.diff]
    rows.append(["Policies that are rewritten" if report.rewrites else "Policies to be rewritten", _names(changed)])
    return rows


def _logins(report: Report) -> Sequence[tuple[str, list[str]]]:
    return ("Roles", report.roles), ("Users", report.users)


def _names(found: Sequence[str]) -> str:
    """Count what was found, and name the first."""
    if not found:
        return "none"
    more = ", …" if len(found) > _NAMED else ""
    return f"{len(found)}: {', '.join(found[:_NAMED])}{more}"


def _gains(report: Report) -> list[str]:
    return [
        f'policy {policy.full_name}, line {each["line"]}: "{each["path"]}"'
        for policy in report.policies
        for each in policy.reaches_target
    ]


def _print_diff(run: Run, diff: str) -> None:
    if run.env.is_terminal:
        from vaultctl.cli import terminal

        terminal.diff(visible(diff))
    else:
        run.env.out(visible(diff) if run.env.at_terminal else diff)


def _print_lines(run: Run, heading: str, lines: Sequence[str]) -> None:
    if lines:
        text = "".join(f"  * {line}\n" for line in lines)
        run.env.out(f"\n{heading}\n{visible(text) if run.env.at_terminal else text}")
