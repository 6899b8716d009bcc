"""`vaultctl kv list`: the secrets below a path."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.kv_shared import MOUNT, place_of
from vaultctl.cli.listing import show
from vaultctl.client import kv


def run(run: Run) -> None:
    """List secrets. Raises: Failure where there are none."""
    fmt = run.format()
    client = run.client
    place = place_of(run, client)
    show(run, fmt, kv.list_keys(client, place), place.api_path("metadata"))


COMMAND = command(
    "list",
    run,
    usage="kv list [options] PATH",
    short_help="List secrets",
    help="Lists what stands directly below PATH; a folder ends in a slash.",
    arity=(1, 1),
    flags=(FORMAT, MOUNT),
)
