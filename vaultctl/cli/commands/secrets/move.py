"""`vaultctl secrets move`: a secrets engine to another path, followed to its end."""

from vaultctl.cli import moves
from vaultctl.cli.command import FORMAT, Run, command, mount_text


def run(run: Run) -> None:
    """Begin a move, and wait for its end."""
    fmt = run.format(from_environment=False)
    source, target = (mount_text(path.strip()) for path in run.args)
    run.env.doing = f"Error moving secrets engine {source} to {target}"
    migration_id = moves.begin(run, source, target)
    moves.go_on_with(run, migration_id)
    if fmt == "table":
        run.env.out(f"Started moving secrets engine {source} to {target}, with migration ID {migration_id}\n")
    moves.await_end(run, fmt, migration_id, source, target)


COMMAND = command(
    "move",
    run,
    usage="secrets move [options] SOURCE DESTINATION",
    short_help="Move a secrets engine to another path",
    help="Moves a secrets engine with all that it holds. Its data, accessor and configuration stay as they are; leases"
    " that it gave out are revoked, and policies are not rewritten. The command waits for the end of the move, and ends"
    " with exit code 2 when it failed.",
    arity=(2, 2),
    completes=("mount",),
    loses=True,
    flags=(FORMAT, moves.TIMEOUT),
)
