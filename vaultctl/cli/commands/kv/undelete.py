"""`vaultctl kv undelete`: deleted versions of a secret, to be read again."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.kv_shared import MOUNT, change_versions, versions_flag


def run(run: Run) -> None:
    """Bring versions back. Raises: Misuse."""
    change_versions(run, "undelete")


COMMAND = command(
    "undelete",
    run,
    usage="kv undelete [options] KEY",
    short_help="Bring deleted versions of a secret back",
    help="Brings deleted versions of the secret at KEY back.\n\n    $ vaultctl kv undelete -versions=3 secret/db",
    arity=(1, 1),
    completes=("secret",),
    flags=(FORMAT, MOUNT, versions_flag("undelete")),
)
