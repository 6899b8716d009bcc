"""`vaultctl status`: how the state is sealed."""

from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.client import sys
from vaultctl.logical.errors import Sealed


def run(run: Run) -> None:
    """Show the status; exit code 2 when the state is sealed."""
    fmt = run.format()
    connection = run.env.connect(run.common)
    status = {**sys.seal_status(run.client), "storage_type": connection.storage_kind, **sys.leader(run.client)}
    if run["field"] is not None:
        _show_field(run, fmt, status)
    elif fmt == "table":
        output.table(run.env, ["Key", "Value"], _rows(status))
    else:
        output.emit(run.env, fmt, status)
    if status["sealed"]:
        raise Sealed


def _show_field(run: Run, fmt: str, status: dict[str, Any]) -> None:
    """Print one field. Source: OpenBao 2.7, where a field that is not there is told on stderr with exit code 0."""
    try:
        output.print_field(run.env, fmt, status, run["field"])
    except Misuse:
        run.env.err(f'Field "{run["field"]}" not present in seal status')


def _rows(status: dict[str, Any]) -> list[list[str]]:
    shown = {
        "Seal Type": status["type"],
        "Initialized": status["initialized"],
        "Sealed": status["sealed"],
        "Version": status["version"],
        "Storage Type": status["storage_type"],
        "Cluster Name": status["cluster_name"],
        "Cluster ID": status["cluster_id"],
        "HA Enabled": status["ha_enabled"],
    }
    return [[key, output.go_text(value)] for key, value in shown.items()]


COMMAND = command(
    "status",
    run,
    usage="status [options]",
    short_help="Show how the state is sealed",
    help="Shows how the state is sealed, and which state it is. Exit code 2 means that it is sealed.",
    doing="Error checking seal status",
    flags=(FORMAT, FIELD),
)
