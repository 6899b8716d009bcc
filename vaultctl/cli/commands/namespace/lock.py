"""`vaultctl namespace lock`: nothing in a namespace answers until it is unlocked."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.client import namespaces

_LOCKED = """\
Unlock Key: {key}

Namespace is now locked. Please securely store the unlock key printed above.
You must supply the unlock key to re-enable access to the namespace.
If the unlock key is lost, sudo capability is required to unlock the namespace without it.
"""


def run(run: Run) -> None:
    """Lock a namespace, and print the key that unlocks it."""
    fmt = run.format()
    key = namespaces.lock(run.client, run.args[0] if run.args else "")
    if fmt == "table":
        run.env.out(_LOCKED.format(key=key))
    else:
        output.emit(run.env, fmt, {"unlock_key": key})


COMMAND = command(
    "lock",
    run,
    usage="namespace lock [options] [PATH]",
    short_help="Lock the API of a namespace",
    help="Locks the namespace at PATH, or the one that is worked in: it answers nothing, nor does any in it, until it"
    " is unlocked.",
    doing="Error locking namespace",
    arity=(0, 1),
    completes=("namespace",),
    flags=(FORMAT,),
)
