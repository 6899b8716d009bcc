"""`vaultctl kv metadata put`: settings of a secret."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.kv_shared import MOUNT
from vaultctl.cli.metadata_flags import SETTINGS, settings, write


def run(run: Run) -> None:
    """Change settings."""
    body = settings(run)
    if run["custom_metadata"]:
        body["custom_metadata"] = dict(run["custom_metadata"])
    write(run, "PUT", body)


COMMAND = command(
    "put",
    run,
    usage="kv metadata put [options] KEY",
    short_help="Change settings of a secret",
    help="Changes the settings of the secret at KEY that the flags name; there need not be a version of it yet. Custom"
    " metadata is replaced as a whole.\n\n    $ vaultctl kv metadata put -max-versions=5 secret/db",
    arity=(1, 1),
    completes=("secret",),
    flags=(FORMAT, MOUNT, *SETTINGS),
)
