"""`vaultctl auth move`: an auth method to another path, followed to its end."""

from vaultctl.cli import moves
from vaultctl.cli.command import FORMAT, Run, command, mount_text


def run(run: Run) -> None:
    """Begin a move, and wait for its end."""
    moves.move(run, "auth method", *(mount_text(path.strip()) for path in run.args))


COMMAND = command(
    "move",
    run,
    usage="auth move [options] SOURCE DESTINATION",
    short_help="Move an auth method to another path",
    help="Moves an auth method with all that it holds. Both paths begin with auth/, behind those of namespaces. Its"
    " users and roles, accessor and configuration stay as they are; the tokens that it gave are revoked, but for batch"
    " tokens. The command waits for the end of the move, and ends with exit code 2 when it failed."
    f"\n\n    $ vaultctl auth move auth/people auth/staff\n\n{moves.CHECK_HELP}",
    arity=(2, 2),
    completes=("auth path",),
    loses=True,
    flags=(FORMAT, moves.TIMEOUT, moves.CHECK, moves.REWRITE),
)
