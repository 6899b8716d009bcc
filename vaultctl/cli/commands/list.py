"""`vaultctl list`: what is below a path of the API."""

from vaultctl.cli.answers import PAGE, show_path
from vaultctl.cli.command import FORMAT, Run, command


def run(run: Run) -> None:
    """List a path. Raises: Failure where nothing is."""
    show_path(run, "LIST")


COMMAND = command(
    "list",
    run,
    usage="list [options] PATH",
    short_help="List what is below a path",
    help="Lists what stands directly below PATH; a folder ends in a slash.\n\n    $ vaultctl list secret/metadata",
    doing="Error listing {0}",
    arity=(1, 1),
    completes=("mount",),
    flags=(FORMAT, *PAGE),
)
