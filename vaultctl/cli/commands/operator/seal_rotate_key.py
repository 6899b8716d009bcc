"""`vaultctl operator seal-rotate-key`: a new key for the seal, and every entry brought to it."""

from vaultctl.cli import output, rewraps
from vaultctl.cli.command import FORMAT, Run, command


def run(run: Run) -> None:
    """Rotate the key, and follow the rewrap that this begins."""
    fmt = run.format()
    rotated = run.maintenance().rotate_seal_key()
    if fmt == "table":
        run.env.out(f"Success! The seal's key is {rotated.new} now, from {rotated.source}; it was {rotated.old}\n")
    run.env.err("vaultctl: back up the new key; copies of the state from before open with the old one alone")
    if run["detach"]:
        if fmt != "table":
            output.emit(run.env, fmt, rotated._asdict())
        return
    info = rewraps.follow(run)
    rewraps.say_end(run, fmt, {**rotated._asdict(), **info} if fmt != "table" else info)
    rewraps.settle(run)


COMMAND = command(
    "seal-rotate-key",
    run,
    usage="operator seal-rotate-key [options]",
    short_help="Give the seal a new key, and rewrap what it wraps",
    help="Gives the static seal a new key and begins a rewrap, which is followed to its end. A key in the data folder"
    " is made here, and the old one is removed when nothing is under it any more. Where VAULTCTL_SEAL_KEY names the"
    " key, put the new one there first, and name the old one with VAULTCTL_SEAL_KEY_PREVIOUS.",
    flags=(FORMAT, rewraps.DETACH, rewraps.TIMEOUT),
)
