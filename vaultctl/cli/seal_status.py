"""How the state is sealed, as `status` and `operator unseal` show it. Source: OpenBao 2.7."""

from collections.abc import Mapping
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Misuse
from vaultctl.client import sys

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
    "recovery_seal_type",
    "storage_type",
    "build_date",
    "ha_enabled",
)
"""How bao prints what a server says, in JSON."""


def complete(run: Run, status: Mapping[str, Any]) -> dict[str, Any]:
    """Give the status with what is known of the node besides, in bao's order. Raises: VaultError."""
    leads = {} if run.env.is_remote and status.get("sealed") else sys.leader(run.client)
    whole: dict[str, Any] = {**({"build_date": ""} if run.env.is_remote else {}), **status, **leads}
    return {
        **{name: whole[name] for name in _ORDER if name in whole},
        **whole,
        "ha_enabled": bool(whole.get("ha_enabled")),
    }


def show(run: Run, fmt: str, status: dict[str, Any]) -> None:
    """Print one field of it, or all."""
    if run["field"] is not None:
        _show_field(run, fmt, status)
    elif fmt == "table":
        output.table(run.env, ["Key", "Value"], _rows(status))
    else:
        output.emit(run.env, fmt, status)


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
        "Recovery Seal Type": status.get("recovery_seal_type"),
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
