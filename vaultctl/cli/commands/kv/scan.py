"""`vaultctl kv scan`: the secrets below a path, in all folders."""

from vaultctl.cli.answers import show
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.kv_shared import MOUNT, folder_of
from vaultctl.client import kv


def run(run: Run) -> None:
    """Scan secrets. Raises: Failure where there are none."""
    fmt = run.format()
    client = run.client
    place, answer = kv.ask_there(lambda: folder_of(run, client), lambda place: kv.scan(client, place))
    show(run, fmt, answer, place.api_path("metadata"))


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
