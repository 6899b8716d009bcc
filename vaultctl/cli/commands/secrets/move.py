"""`vaultctl secrets move`: a secrets engine to another path, followed to its end."""

from vaultctl.cli import moves
from vaultctl.cli.command import FORMAT, Run, command, mount_text


def run(run: Run) -> None:
    """Begin a move, and wait for its end."""
    moves.move(run, moves.ENGINE, *(mount_text(path.strip()) for path in run.args))


COMMAND = command(
    "move",
    run,
    usage="secrets move [options] SOURCE DESTINATION",
    short_help="Move a secrets engine to another path",
    help="Moves a secrets engine with all that it holds. Its data, accessor and configuration stay as they are; leases"
    " that it gave out are revoked. The command waits for the end of the move, and ends with exit code 2 when it"
    f" failed.\n\n{moves.CHECK_HELP}",
    arity=(2, 2),
    completes=("mount",),
    loses=True,
    flags=(FORMAT, moves.TIMEOUT, moves.CHECK, moves.REWRITE),
)
