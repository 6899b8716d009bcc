"""`vaultctl namespace list`: the namespaces in the one that is worked in."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.namespace_shared import DETAILED, show_them


def run(run: Run) -> None:
    """List namespaces. Raises: Failure where there are none."""
    show_them(run, "LIST")


COMMAND = command(
    "list",
    run,
    usage="namespace list [options]",
    short_help="List the namespaces in this one",
    help="Lists the namespaces that are directly in the one that is worked in.",
    doing="Error listing namespaces",
    flags=(FORMAT, DETAILED),
)
