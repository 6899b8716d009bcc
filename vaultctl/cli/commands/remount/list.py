"""`vaultctl remount list`: the moves that were made here."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.client import sys

_HEADING = ["ID", "Source", "Target", "Status", "Started", "Error"]


def run(run: Run) -> None:
    """List the moves, the oldest first."""
    fmt = run.format()
    moves = sys.moves(run.client)
    if fmt != "table":
        output.emit(run.env, fmt, [{"migration_id": id_, **info} for id_, info in moves.items()])
        return
    names = ("source_mount", "target_mount", "status", "started", "error")
    output.table(run.env, _HEADING, [[id_, *(str(info[name]) for name in names)] for id_, info in moves.items()])


COMMAND = command(
    "list",
    run,
    usage="remount list [options]",
    short_help="List the moves that were made here",
    help="Lists the moves that were made on this state, the oldest first. The last 1,000 are kept.",
    doing="Error listing moves",
    flags=(FORMAT,),
)
