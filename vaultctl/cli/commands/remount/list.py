"""`vaultctl remount list`: the moves that were made here."""

from collections.abc import Mapping
from typing import Any

from vaultctl.cli import columns, output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.client import sys

_COLUMNS: columns.Columns = {
    "ID": lambda id_, _info: id_,
    "Source": lambda _id, info: info["source_mount"],
    "Target": lambda _id, info: info["target_mount"],
    "Status": lambda _id, info: info["status"],
    "Started": lambda _id, info: info["started"],
    "Namespace": lambda _id, info: info.get("namespace", ""),
    "Error": lambda _id, info: info["error"],
    "Updated": lambda _id, info: info["updated"],
    "Phase": lambda _id, info: info["phase"],
    "Done": lambda _id, info: str(info["done"]),
    "Total": lambda _id, info: str(info["total"]),
}
_SHOWN = ("ID", "Source", "Target", "Status", "Started", "Error")


def run(run: Run) -> None:
    """List the moves, the oldest first."""
    fmt = run.format()
    moves = columns.arranged(run, _COLUMNS, list(_moves(run).items()))
    if fmt == "table":
        columns.show(run, _COLUMNS, _SHOWN, moves)
    else:
        output.emit(run.env, fmt, [{"migration_id": id_, **info} for id_, info in moves])


def _moves(run: Run) -> Mapping[str, Mapping[str, Any]]:
    connection = run.env.connect(run.common)
    if not connection.is_remote or run.common.shows:
        return sys.moves(run.client)
    from vaultctl.cli import remote_moves

    return remote_moves.listed(run, connection)


COMMAND = command(
    "list",
    run,
    usage="remount list [options]",
    short_help="List the moves that were made here",
    help="Lists the moves that were made on this state, the oldest first. The last 1,000 are kept. On a remote it lists"
    " those that were made there from this machine, and those that the remote itself lists.",
    doing="Error listing moves",
    wraps="not",
    flags=(FORMAT, columns.SORT, columns.COLUMNS),
)
