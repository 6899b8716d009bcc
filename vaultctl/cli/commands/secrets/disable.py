"""`vaultctl secrets disable`: a secrets engine and all that it holds, gone."""

import click

from vaultctl.cli import output, waiting
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.cli.go_flags import switch
from vaultctl.client import sys

_DANGLING = (
    "vaultctl: leases of {} are dropped, whatever the engine says: what it gave out may go on being good where it is"
    " used, and is nobody's to take back"
)


def run(run: Run) -> None:
    """Disable an engine, if there is one; forced, drop its leases first."""
    fmt = run.format(from_environment=False)
    path = mount_text(run.args[0].strip().strip("/"))
    run.env.doing = f"Error disabling secrets engine at {path}"
    if run["force"]:
        from vaultctl.client import leases

        run.env.err(_DANGLING.format(path))
        waiting.to_the_end(run, f"dropping leases of {path}", lambda: leases.revoke(run.client, path, "force"))
    answer = waiting.to_the_end(run, f"disabling {path}", lambda: sys.disable(run.client, path))
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
        help="Disables the secrets engine at PATH. What it leased is revoked, and all that it holds is removed. That"
        " there is none is no error. If a lease cannot be revoked, the engine stays as it is; -force drops such"
        " leases.",
        arity=(1, 1),
        completes=("mount",),
        loses=True,
        flags=(FORMAT, switch("force", "Drop the engine's leases, even if what they stand for cannot be taken back.")),
    )


COMMAND = declare("secrets")
