"""`vaultctl operator snapshot save`: a consistent copy of the state in a file."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, file_name


def run(run: Run) -> None:
    """Save the state."""
    fmt = run.format()
    path = run.args[0]
    entries = run.maintenance().save(file_name(path))
    if fmt == "table":
        run.env.out(f"Success! Saved {entries} entries to {path}\n")
        run.env.err("the seal key is not in it: keep a copy of that too, and not in the same place")
    else:
        output.emit(run.env, fmt, {"entries": entries, "path": path})


COMMAND = command(
    "save",
    run,
    usage="operator snapshot save [options] FILE",
    short_help="Save the state to a file",
    help="Writes a consistent copy of the state to FILE, encrypted as the state is. Other commands can go on while it"
    " is made. The seal key is not in it.",
    arity=(1, 1),
    flags=(FORMAT,),
)
