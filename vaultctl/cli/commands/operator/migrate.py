"""`vaultctl operator migrate`: the state to another storage backend."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import flag


def run(run: Run) -> None:
    """Move the state. Raises: Misuse."""
    fmt = run.format()
    if not run["to"]:
        raise Misuse("-to is needed: json, toml or sqlite")
    entries, old, new = run.maintenance().migrate(run["to"])
    if fmt == "table":
        run.env.out(f"Success! Moved {entries} entries to {new}\nThe old file is kept as {old}\n")
    else:
        output.emit(run.env, fmt, {"entries": entries, "path": new, "kept": old})


COMMAND = command(
    "migrate",
    run,
    usage="operator migrate [options] -to=BACKEND",
    short_help="Move the state to another storage backend",
    help="Moves the state to another storage backend: json, toml or sqlite. The old file stays beside the new one under"
    " another name. Where VAULTCTL_STORAGE is set it must name the new backend from then on.",
    flags=(FORMAT, flag("to", "The backend to move to: json, toml or sqlite.", metavar="BACKEND", completes="backend")),
)
