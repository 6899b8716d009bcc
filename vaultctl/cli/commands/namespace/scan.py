"""`vaultctl namespace scan`: the namespaces in the one that is worked in."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.namespace_shared import DETAILED, show_them


def run(run: Run) -> None:
    """List namespaces. Raises: Failure where there are none."""
    show_them(run, "SCAN")


COMMAND = command(
    "scan",
    run,
    usage="namespace scan [options]",
    short_help="List the namespaces in this one, however deep",
    help="Lists all namespaces in the one that is worked in, however deep.",
    doing="Error listing namespaces",
    flags=(FORMAT, DETAILED),
)
