"""`vaultctl kv list`: the secrets below a path."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.kv_shared import MOUNT, show_folder
from vaultctl.client import kv


def run(run: Run) -> None:
    """List secrets. Raises: Failure where there are none."""
    show_folder(run, kv.list_keys)


COMMAND = command(
    "list",
    run,
    usage="kv list [options] [PATH]",
    short_help="List secrets",
    help="Lists what stands directly below PATH; a folder ends in a slash. With -mount, PATH may be left out.",
    arity=(0, 1),
    arity_text="1",
    completes=("secret",),
    flags=(FORMAT, MOUNT),
)
