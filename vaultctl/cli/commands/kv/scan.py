"""`vaultctl kv scan`: the secrets below a path, in all folders."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.kv_shared import MOUNT, show_folder
from vaultctl.client import kv


def run(run: Run) -> None:
    """Scan secrets. Raises: Failure where there are none."""
    show_folder(run, kv.scan)


COMMAND = command(
    "scan",
    run,
    usage="kv scan [options] [PATH]",
    short_help="List secrets in all folders",
    help="Lists all secrets below PATH, however deep. With -mount, PATH may be left out.",
    arity=(0, 1),
    arity_text="1",
    completes=("secret",),
    flags=(FORMAT, MOUNT),
)
