"""`vaultctl remount status`: how a move stands."""

from vaultctl.cli import moves, output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Misuse


def run(run: Run) -> None:
    """Show one move. Raises: Failure, Misuse."""
    fmt = run.format()
    if not run.args[0]:
        raise Misuse("the ID of a move is needed")
    info = moves.known(run, run.args[0])
    if fmt == "table":
        output.table(run.env, ["Key", "Value"], [[key, output.go_text(value)] for key, value in info.items()])
    else:
        output.emit(run.env, fmt, {"migration_id": run.args[0], **info})


COMMAND = command(
    "status",
    run,
    usage="remount status [options] ID",
    short_help="Tell how a move stands",
    help="Shows the status of a move, and why it failed if it did. The id is what the move printed when it began.",
    doing="Error reading the move {0}",
    arity=(1, 1),
    completes=("migration",),
    wraps="not",
    flags=(FORMAT,),
)
