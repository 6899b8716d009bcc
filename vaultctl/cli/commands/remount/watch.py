"""`vaultctl remount watch`: a move that was begun before, followed to its end."""

from vaultctl.cli import moves
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Misuse


def run(run: Run) -> None:
    """Wait for the end of a move. Raises: Failure, Misuse."""
    fmt = run.format()
    if not run.args[0]:
        raise Misuse("the ID of a move is needed")
    migration_id = run.args[0]
    info = moves.known(run, migration_id)
    source, target = info["source_mount"], info["target_mount"]
    if info["status"] != "in-progress":
        moves.say_end(run, fmt, migration_id, source, target, info)
        return
    moves.go_on_with(run, migration_id)
    moves.await_end(run, fmt, migration_id, source, target)


COMMAND = command(
    "watch",
    run,
    usage="remount watch [options] ID",
    short_help="Follow a move to its end",
    help="Waits for the end of a move, and works on it where nobody else does. Exit code 2 means that it failed.",
    doing="Error reading the status of {0}",
    arity=(1, 1),
    completes=("migration",),
    wraps="not",
    flags=(FORMAT, moves.TIMEOUT),
)
