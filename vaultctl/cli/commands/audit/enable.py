"""`vaultctl audit enable`: a new audit device."""

from vaultctl.cli import output, values
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import flag, switch
from vaultctl.client import audit


def run(run: Run) -> None:
    """Enable a device, at a path named after its type unless another is given. Raises: Misuse."""
    fmt = run.format(from_environment=False)
    if not run.args:
        kinds = "Valid types include 'file', 'socket' and 'syslog'."
        raise Misuse(f"Error enabling audit device: audit type missing. {kinds}")
    type_ = run.args[0].strip()
    path = mount_text((run["path"] or "").strip() or type_)
    options = values.parse(run.args[1:], masked=False)
    body = {
        "type": type_,
        "description": run["description"] or "",
        "options": options or None,
        "local": run["local_device"],
    }
    audit.enable(run.client, path, body)
    if fmt == "table":
        run.env.out(f"Success! Enabled the {type_} audit device at: {path}\n")
    else:
        output.emit(run.env, fmt, {"path": path, "type": type_, "result": "created"})


COMMAND = command(
    "enable",
    run,
    usage="audit enable [options] TYPE [CONFIG K=V...]",
    short_help="Enable an audit device",
    help="Enables an audit device: every request and every answer is a line on it, with HMACs in the place of values."
    " TYPE is file, socket or syslog. When no device can be written to, requests are refused. A server enables none"
    " for its clients, unless its config file allows it.\n\n"
    "    $ vaultctl audit enable file file_path=/var/log/vaultctl/audit.log\n"
    "    $ vaultctl audit enable -path=siem socket address=127.0.0.1:9090",
    doing="Error enabling audit device",
    arity=(0, None),
    completes=("audit type",),
    flags=(
        FORMAT,
        flag("description", "What people are told of the device."),
        flag("path", "The device's path; by default its type.", metavar="PATH"),
        # As in bao, this marks the device; the local state is meant with VAULTCTL_LOCAL=1 here.
        switch("local", "Keep the device out of replication. It is stored and shown.", "local_device"),
    ),
)
