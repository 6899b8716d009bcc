"""`vaultctl kv metadata delete`: a secret with all its versions, gone."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.kv_shared import MOUNT, show_done
from vaultctl.cli.metadata_flags import place_with_metadata
from vaultctl.client import kv


def run(run: Run) -> None:
    """Remove a secret."""
    fmt = run.format(from_environment=False)
    client = run.client
    place = place_with_metadata(run, client)
    path = place.api_path("metadata")
    run.env.doing = f"Error deleting {path}"
    kv.delete_metadata(client, place)
    show_done(run, fmt, f"Success! Data deleted (if it existed) at: {path}", path, "deleted")


COMMAND = command(
    "delete",
    run,
    usage="kv metadata delete [options] PATH",
    short_help="Remove a secret with all its versions",
    help="Removes the secret at PATH with all its versions, for good. That there is none is no error.",
    arity=(1, 1),
    completes=("secret",),
    loses=True,
    flags=(FORMAT, MOUNT),
)
