"""`vaultctl operator snapshot save`: a consistent copy of the state in a file."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, file_name


def run(run: Run) -> None:
    """Save the state."""
    fmt = run.format()
    path = run.args[0]
    maintenance = run.maintenance()
    entries = maintenance.save(file_name(path))
    if fmt == "table":
        run.env.out(f"Success! Saved {entries} entries to {path}\n")
        run.env.err(_what_opens_it(*maintenance.seal()))
    else:
        output.emit(run.env, fmt, {"entries": entries, "path": path})


def _what_opens_it(seal: str, key_id: str) -> str:
    """Say what a copy is good for nothing without."""
    if seal == "static":
        return "the seal key is not in it: keep a copy of that too, and not in the same place"
    if seal == "shamir":
        return "it opens with the key shares that the state has today: whoever makes new ones keeps those for it"
    return f"it opens with the key {key_id} of the {seal} seal alone: keep that as long as the copy"


COMMAND = command(
    "save",
    run,
    usage="operator snapshot save [options] FILE",
    short_help="Save the state to a file",
    help="Writes a consistent copy of the state to FILE, encrypted as the state is. Other commands can go on while it"
    " is made. Neither a key nor a share that opens it is in it.",
    arity=(1, 1),
    flags=(FORMAT,),
)
