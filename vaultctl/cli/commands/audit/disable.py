"""`vaultctl audit disable`: an audit device, gone."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.client import audit


def run(run: Run) -> None:
    """Disable a device, if there is one."""
    fmt = run.format(from_environment=False)
    path = mount_text(run.args[0].strip().strip("/"))
    audit.disable(run.client, path)
    if fmt == "table":
        run.env.out(f"Success! Disabled audit device (if it was enabled) at: {path}\n")
    else:
        output.emit(run.env, fmt, {"path": path, "result": "disabled"})


COMMAND = command(
    "disable",
    run,
    usage="audit disable [options] PATH",
    short_help="Disable an audit device",
    help="Disables the audit device at PATH. What it wrote stays. That there is none is no error. On a state of one's"
    " own this also works for a device that cannot be written to.",
    doing="Error disabling audit device",
    arity=(1, 1),
    completes=("audit device",),
    loses=True,
    flags=(FORMAT,),
)
