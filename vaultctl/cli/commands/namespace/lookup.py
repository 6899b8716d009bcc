"""`vaultctl namespace lookup`: what is known of a namespace."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Failure
from vaultctl.cli.namespace_shared import show
from vaultctl.client import namespaces


def run(run: Run) -> None:
    """Show a namespace. Raises: Failure where there is none."""
    fmt = run.format()
    found = namespaces.read(run.client, run.args[0])
    if found is None:
        raise Failure("Namespace not found")
    show(run, fmt, found.data or {})


COMMAND = command(
    "lookup",
    run,
    usage="namespace lookup [options] PATH",
    short_help="Show a namespace",
    help="Shows the namespace at PATH, which is directly in the one that is worked in.",
    doing="Error looking up namespace",
    arity=(1, 1),
    completes=("namespace",),
    flags=(FORMAT,),
)
