"""`vaultctl kv metadata patch`: settings of a secret, with custom metadata merged."""

from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.go_flags import flag
from vaultctl.cli.kv_shared import MOUNT
from vaultctl.cli.metadata_flags import SETTINGS, settings, write


def run(run: Run) -> None:
    """Change settings, and keep what is not named."""
    custom = {**dict(run["custom_metadata"]), **dict.fromkeys(run["remove_custom_metadata"])}
    write(run, "PATCH", {**settings(run), "custom_metadata": custom})


COMMAND = command(
    "patch",
    run,
    usage="kv metadata patch [options] KEY",
    short_help="Change settings of a secret, and keep other custom metadata",
    help="Changes the settings of the secret at KEY that the flags name. Custom metadata that they do not name"
    " stays.\n\n    $ vaultctl kv metadata patch -custom-metadata=owner=team secret/db",
    arity=(1, 1),
    completes=("secret",),
    flags=(
        FORMAT,
        MOUNT,
        *SETTINGS,
        flag("remove-custom-metadata", "A key of custom metadata to remove; can be given again.", multiple=True),
    ),
)
