"""`vaultctl kv destroy`: the data of a secret's versions, gone for good."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.kv_shared import MOUNT, change_versions, versions_flag


def run(run: Run) -> None:
    """Remove versions for good. Raises: Misuse."""
    change_versions(run, "destroy")


COMMAND = command(
    "destroy",
    run,
    usage="kv destroy [options] KEY",
    short_help="Remove versions of a secret for good",
    help="Removes the data of versions of the secret at KEY for good.\n\n"
    "    $ vaultctl kv destroy -versions=1,2 secret/db",
    arity=(1, 1),
    completes=("secret",),
    loses=True,
    flags=(FORMAT, MOUNT, versions_flag("destroy")),
)
