"""`vaultctl operator seal-rotate-key`: a new key for the seal, and every entry brought to it."""

from vaultctl.cli import output, rewraps
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.go_flags import switch
from vaultctl.cli.rewraps import GENERATE, KEY_LABEL


def run(run: Run) -> None:
    """Rotate the key, and follow the rewrap that this begins."""
    fmt = run.format()
    rotated = run.maintenance().rotate_seal_key(
        key_label=run["key_label"] or "", generates=run["generate"], rotates=not run["no_rotate"]
    )
    if fmt == "table":
        run.env.out(f"Success! The seal's key is {rotated.new} now, from {rotated.source}; it was {rotated.old}\n")
    run.env.err("vaultctl: keep the new key safe; copies of the state from before open with the old one alone")
    if run["detach"]:
        if fmt != "table":
            output.emit(run.env, fmt, rotated._asdict())
        return
    info = rewraps.follow_as_owner(run)
    rewraps.say_end(run, fmt, {**rotated._asdict(), **info} if fmt != "table" else info)
    rewraps.settle(run)


COMMAND = command(
    "seal-rotate-key",
    run,
    usage="operator seal-rotate-key [options]",
    short_help="Give the seal a new key, and rewrap what it wraps",
    help="Gives the seal a new key and begins a rewrap, which is followed to its end. A static seal's key in the data"
    " folder is made here; the old one stays beside it, for copies of the state from before, unless -remove-old-key is"
    " given. Where VAULTCTL_SEAL_KEY names the key, put the new one there first, and name the old one with"
    " VAULTCTL_SEAL_KEY_PREVIOUS. A pkcs11 seal goes over to the key of its token that -key-label names, or the"
    " settings. A transit seal rotates its key over there, for which its token needs update on keys/NAME/rotate, and"
    " takes the new version; with -no-rotate it takes the newest that is there.",
    wraps="never",
    flags=(
        FORMAT,
        rewraps.DETACH,
        rewraps.TIMEOUT,
        rewraps.REMOVE_OLD_KEY,
        KEY_LABEL,
        GENERATE,
        switch("no-rotate", "Take the newest version of a transit seal's key as it is."),
    ),
)
