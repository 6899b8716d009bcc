"""`vaultctl audit list`: the audit devices that are enabled."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Failure
from vaultctl.cli.go_flags import switch
from vaultctl.client import audit

_ORDER = ("type", "description", "options", "local", "path")


def run(run: Run) -> None:
    """List the devices. Raises: Failure where there are none, as bao does."""
    fmt = run.format()
    devices = sorted(audit.devices(run.client).items())
    if fmt != "table":
        shown = {path: {name: device[name] for name in _ORDER if name in device} for path, device in devices}
        output.emit(run.env, fmt, shown)
        return
    if not devices:
        run.env.out("No audit devices are enabled.\n")
        raise Failure
    heading, rows = ["Path", "Type", "Description"], []
    if run["detailed"]:
        heading += ["Replication", "Options"]
    for path, device in devices:
        row = [path, device["type"], device["description"]]
        if run["detailed"]:
            options = device["options"] or {}
            pairs = " ".join(f"{name}={options[name]}" for name in sorted(options))
            row += ["local" if device["local"] else "replicated", pairs]
        rows.append(row)
    output.table(run.env, heading, rows)


COMMAND = command(
    "list",
    run,
    usage="audit list [options]",
    short_help="List the audit devices that are enabled",
    help="Lists the audit devices that are enabled. Where there is none, the exit code is 2.",
    doing="Error listing audits",
    wraps="empty",
    flags=(FORMAT, switch("detailed", "Show replication and options too.")),
)
