"""`vaultctl scan`: what is below a path of the API, in all folders."""

from vaultctl.cli.answers import PAGE, show_path
from vaultctl.cli.command import FORMAT, Run, command


def run(run: Run) -> None:
    """Scan a path. Raises: Failure where nothing is."""
    show_path(run, "SCAN")


COMMAND = command(
    "scan",
    run,
    usage="scan [options] PATH",
    short_help="List what is below a path, in all folders",
    help="Lists all that is below PATH, however deep. kv has no pages for a scan: it heeds neither -after nor"
    " -limit.\n\n    $ vaultctl scan secret/metadata",
    doing="Error scanning {0}",
    arity=(1, 1),
    completes=("mount",),
    flags=(FORMAT, *PAGE),
)
