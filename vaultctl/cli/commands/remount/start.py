"""`vaultctl remount start`: a move begun, and not waited for."""

from vaultctl.cli import moves, output
from vaultctl.cli.command import FORMAT, Run, command, mount_text


def run(run: Run) -> None:
    """Begin a move; the migration's id is the answer."""
    fmt = run.format()
    source, target = (mount_text(path.strip()) for path in run.args)
    run.env.doing = f"Error moving secrets engine {source} to {target}"
    migration_id = moves.begin(run, source, target)
    if fmt == "table":
        run.env.out(f"Started moving secrets engine {source} to {target}, with migration ID {migration_id}\n")
    else:
        output.emit(run.env, fmt, {"migration_id": migration_id, "source_mount": source, "target_mount": target})


COMMAND = command(
    "start",
    run,
    usage="remount start [options] SOURCE DESTINATION",
    short_help="Begin to move a mount",
    help="Begins to move a mount, and does not wait for the end: 'remount watch ID' does. Where nobody waits, the next"
    " command that writes goes on with it.",
    arity=(2, 2),
    completes=("mount",),
    loses=True,
    wraps="not",
    flags=(FORMAT,),
)
