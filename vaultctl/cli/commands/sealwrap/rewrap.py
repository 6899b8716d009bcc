"""`vaultctl sealwrap rewrap`: every seal-wrapped entry to the seal's current key, followed to the end."""

from vaultctl.cli import output, rewraps
from vaultctl.cli.command import FORMAT, Run, command


def run(run: Run) -> None:
    """Start a rewrap, or find the one that runs, and wait for its end."""
    fmt = run.format()
    is_new = rewraps.start(run)
    if fmt == "table":
        run.env.out("Started a rewrap\n" if is_new else "A rewrap is running already\n")
    if run["detach"]:
        if fmt != "table":
            output.emit(run.env, fmt, {"started": is_new})
        return
    info = rewraps.follow(run)
    rewraps.say_end(run, fmt, info)
    rewraps.settle(run)


COMMAND = command(
    "rewrap",
    run,
    usage="sealwrap rewrap [options]",
    short_help="Bring all seal-wrapped entries to the seal's current key",
    help="Brings every entry that the seal wraps to its current key, after the key was rotated or the seal changed, and"
    " waits for the end. One that runs already is followed; one that the seal stopped goes on where it was. Exit code 2"
    " means that an entry could not be rewrapped, which is named, or that the rewrap is not over.",
    doing="Error rewrapping",
    wraps="never",
    flags=(FORMAT, rewraps.DETACH, rewraps.WAIT, rewraps.TIMEOUT, rewraps.REMOVE_OLD_KEY),
)
