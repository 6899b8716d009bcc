"""`vaultctl list`: what is below a path of the API."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.listing import show


def run(run: Run) -> None:
    """List a path. Raises: Failure where nothing is."""
    fmt = run.format()
    path = run.args[0].strip("/ ")
    show(run, fmt, run.client.find("LIST", path), path)


COMMAND = command(
    "list",
    run,
    usage="list [options] PATH",
    short_help="List what is below a path",
    help="Lists what stands directly below PATH; a folder ends in a slash.\n\n    $ vaultctl list secret/metadata",
    doing="Error listing {0}",
    arity=(1, 1),
    completes=("mount",),
    flags=(FORMAT,),
)
