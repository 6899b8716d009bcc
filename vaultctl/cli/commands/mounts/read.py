"""`vaultctl mounts read`: one secrets engine."""

from collections.abc import Mapping
from typing import Any

from vaultctl.cli import columns, output
from vaultctl.cli.command import FIELD, FORMAT, Run, command, mount_word
from vaultctl.client import sys


def run(run: Run) -> None:
    """Show all that is known of a mount."""
    fmt = run.format()
    path = mount_word(run.args[0])
    run.env.doing = f"Error reading secrets engine {path}"
    mount = columns.ordered(sys.read_mount(run.client, path).data or {})
    if run["field"] is not None:
        output.print_field(run.env, fmt, _flat(mount), run["field"])
    elif fmt == "table":
        output.table(run.env, ["Key", "Value"], output.data_rows(_flat(mount)))
    else:
        output.emit(run.env, fmt, {"path": path, **mount})


def _flat(mount: Mapping[str, Any]) -> dict[str, Any]:
    """Put the configuration among the rest, a row each."""
    return {**{name: value for name, value in mount.items() if name != "config"}, **mount["config"]}


COMMAND = command(
    "read",
    run,
    usage="mounts read [options] PATH",
    short_help="Show a secrets engine",
    help="Shows all that is known of the secrets engine at PATH. A TTL of 0 is the system's.",
    arity=(1, 1),
    completes=("mount",),
    flags=(FORMAT, FIELD),
)
