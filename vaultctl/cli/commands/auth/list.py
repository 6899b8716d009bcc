"""`vaultctl auth list`: the auth methods that are enabled."""

from vaultctl.cli import columns
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.go_flags import switch
from vaultctl.client import auth

_COLUMNS = columns.of_mounts({"Token Type": lambda _path, mount: mount["config"].get("token_type", "")})
_SHOWN = ("Path", "Type", "Accessor", "Description", "Version")


def run(run: Run) -> None:
    """List the methods."""
    columns.show_mounts(run, _COLUMNS, _SHOWN, auth.list_methods)


COMMAND = command(
    "list",
    run,
    usage="auth list [options]",
    short_help="List the auth methods that are enabled",
    help="Lists the auth methods that are enabled. JSON and YAML have every detail; a TTL of 0 is the system's.",
    doing="Error listing enabled authentications",
    wraps="empty",
    flags=(
        FORMAT,
        switch("detailed", "Show all that is known of each method."),
        columns.TYPE,
        columns.SORT,
        columns.COLUMNS,
    ),
)
