"""`vaultctl status`: how the state is sealed."""

from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.client import sys
from vaultctl.logical.errors import Sealed, VaultError

_ORDER = (
    "type",
    "initialized",
    "sealed",
    "t",
    "n",
    "progress",
    "nonce",
    "version",
    "commit_date",
    "migration",
    "cluster_name",
    "cluster_id",
    "recovery_seal",
    "storage_type",
    "build_date",
    "ha_enabled",
)
"""How bao prints what a server says, in JSON."""


def run(run: Run) -> None:
    """Show the status; exit code 2 when the state is sealed."""
    fmt = run.format()
    status = _status(run)
    if run["field"] is not None:
        _show_field(run, fmt, status)
    elif fmt == "table":
        output.table(run.env, ["Key", "Value"], _rows(status))
    else:
        output.emit(run.env, fmt, status)
    if status["sealed"]:
        raise Failure("") if run.env.is_remote else Sealed


def _status(run: Run) -> dict[str, Any]:
    """Collect the status. A remote that cannot be asked is exit code 1. Source: OpenBao 2.7. Raises: VaultError."""
    client = run.client
    try:
        status = sys.seal_status(client)
        connection = run.env.connect(run.common)
        if not connection.is_remote:
            return {**status, "storage_type": connection.storage_kind, **sys.leader(client)}
        whole = {"build_date": "", **status, **({} if status.get("sealed") else sys.leader(client))}
    except VaultError as error:
        if run.env.is_remote:
            error.exit_code = 1
        raise
    return {
        **{name: whole[name] for name in _ORDER if name in whole},
        **whole,
        "ha_enabled": bool(whole.get("ha_enabled")),
    }


def _show_field(run: Run, fmt: str, status: dict[str, Any]) -> None:
    """Print one field. Source: OpenBao 2.7, where a field that is not there is told on stderr with exit code 0."""
    try:
        output.print_field(run.env, fmt, status, run["field"])
    except Misuse:
        run.env.err(f'Field "{run["field"]}" not present in seal status')


def _rows(status: dict[str, Any]) -> list[list[str]]:
    prefix = "Recovery " if status.get("recovery_seal") else ""
    shown = {
        "Seal Type": status["type"],
        "Initialized": status["initialized"],
        "Sealed": status["sealed"],
        f"Total {prefix}Shares": status.get("n"),
        "Threshold": status.get("t"),
        "Unseal Progress": f"{status.get('progress')}/{status.get('t')}"
        if status["sealed"] and "t" in status
        else None,
        "Unseal Nonce": status.get("nonce") if status["sealed"] else None,
        "Seal Migration in Progress": status.get("migration") or None,
        "Version": status["version"],
        "Commit Date": status.get("commit_date"),
        "Storage Type": status.get("storage_type"),
        "Cluster Name": status.get("cluster_name"),
        "Cluster ID": status.get("cluster_id"),
        "HA Enabled": status["ha_enabled"],
        **(_ha_rows(status) if status["ha_enabled"] and not status["sealed"] else {}),
    }
    return [[key, output.go_text(value)] for key, value in shown.items() if value is not None]


def _ha_rows(status: dict[str, Any]) -> dict[str, Any]:
    """Give what a cluster of several nodes tells of itself."""
    leads = bool(status.get("is_self"))
    return {
        "HA Cluster": status.get("leader_cluster_address") or "n/a",
        "HA Mode": "active" if leads else "standby",
        "Active Since": status.get("active_time") if leads else None,
        "Active Node Address": None if leads else status.get("leader_address") or "<none>",
        "Raft Committed Index": status.get("raft_committed_index") or None,
        "Raft Applied Index": status.get("raft_applied_index") or None,
    }


COMMAND = command(
    "status",
    run,
    usage="status [options]",
    short_help="Show how the state is sealed",
    help="Shows how the state is sealed, and which state it is. Exit code 2 means that it is sealed.",
    doing="Error checking seal status",
    flags=(FORMAT, FIELD),
)
