"""`vaultctl operator snapshot restore`: a saved state in the place of the one that is there."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, file_name
from vaultctl.cli.go_flags import switch


def run(run: Run) -> None:
    """Restore a saved state."""
    fmt = run.format()
    path = run.args[0]
    entries = run.maintenance().restore(file_name(path), force=run["force"])
    if fmt == "table":
        run.env.out(f"Success! Restored {entries} entries from {path}\n")
    else:
        output.emit(run.env, fmt, {"entries": entries, "path": path})


COMMAND = command(
    "restore",
    run,
    usage="operator snapshot restore [options] FILE",
    short_help="Put a saved state in the place of this one",
    help="Puts the state that was saved in FILE in the place of the one that is there, all of it or nothing. It"
    " needs the seal key that the saved state goes with.",
    arity=(1, 1),
    flags=(FORMAT, switch("force", "Restore even where the state here is another one.")),
)
