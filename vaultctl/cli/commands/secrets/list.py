"""`vaultctl secrets list`: the secrets engines that are enabled."""

import click

from vaultctl.cli import columns, output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.go_flags import switch
from vaultctl.client import sys

_COLUMNS = columns.of_mounts({"Force No Cache": lambda _path, mount: output.go_text(mount["config"]["force_no_cache"])})
_SHOWN = ("Path", "Type", "Accessor", "Description")


def run(run: Run) -> None:
    """List the mounts."""
    columns.show_mounts(run, _COLUMNS, _SHOWN, sys.list_mounts)


def declare(group: str) -> click.Command:
    """Declare the command as one of `secrets`, or of `mounts`."""
    return command(
        "list",
        run,
        usage=f"{group} list [options]",
        short_help="List the secrets engines that are enabled",
        help="Lists the secrets engines that are enabled. JSON and YAML have every detail; a TTL of 0 is the system's."
        f"\n\n    $ vaultctl {group} list -type=kv,transit -sort=type\n"
        f"    $ vaultctl {group} list -columns=path,type,options",
        doing="Error listing secrets engines",
        wraps="empty",
        flags=(
            FORMAT,
            switch("detailed", "Show all that is known of each engine."),
            columns.TYPE,
            columns.SORT,
            columns.COLUMNS,
        ),
    )


COMMAND = declare("secrets")
