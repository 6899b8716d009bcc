"""`vaultctl secrets disable`: a secrets engine and all that it holds, gone."""

import click

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.client import sys


def run(run: Run) -> None:
    """Disable an engine, if there is one."""
    fmt = run.format(from_environment=False)
    path = mount_text(run.args[0].strip().strip("/"))
    run.env.doing = f"Error disabling secrets engine at {path}"
    answer = sys.disable(run.client, path)
    run.env.warn(answer.warnings)
    if fmt == "table":
        run.env.out(f"Success! Disabled the secrets engine (if it existed) at: {path}\n")
    else:
        output.emit(run.env, fmt, {"path": path, "result": "disabled"})


def declare(group: str) -> click.Command:
    """Declare the command as one of `secrets`, or of `mounts`."""
    return command(
        "disable",
        run,
        usage=f"{group} disable [options] PATH",
        short_help="Disable a secrets engine",
        help="Disables the secrets engine at PATH. All that it holds is removed. That there is none is no error.",
        arity=(1, 1),
        completes=("mount",),
        loses=True,
        flags=(FORMAT,),
    )


COMMAND = declare("secrets")
