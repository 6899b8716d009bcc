"""`vaultctl kv delete`: a secret's newest version, or others, no longer to be read."""

from vaultctl.cli import output
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.kv_shared import MOUNT, place_of, versions, versions_flag
from vaultctl.client import kv


def run(run: Run) -> None:
    """Delete a secret."""
    fmt = run.format(from_environment=False)
    client = run.client
    place = place_of(run, client)
    path = place.api_path("data")
    run.env.doing = f"Error deleting {path}"
    if run["versions"] and place.version == 2:
        kv.change_versions(client, place, "delete", versions(run))
    else:
        kv.delete(client, place)
    if fmt == "table":
        run.env.out(f"Success! Data deleted (if it existed) at: {path}\n")
    else:
        output.emit(run.env, fmt, {"path": path, "result": "deleted"})


COMMAND = command(
    "delete",
    run,
    usage="kv delete [options] PATH",
    short_help="Delete the newest version of a secret, or others",
    help="Deletes the secret at PATH; on kv version 2 its newest version, or those that -versions names, are marked,"
    " and can be brought back.\n\n    $ vaultctl kv delete -versions=1,2 secret/db",
    arity=(1, 1),
    completes=("secret",),
    loses=True,
    flags=(FORMAT, FIELD, MOUNT, versions_flag("delete")),
)
