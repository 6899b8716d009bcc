"""`vaultctl policy list`: the names of all policies."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.client import policies


def run(run: Run) -> None:
    """List the policies."""
    fmt = run.format()
    names = policies.names(run.client)
    if fmt == "table":
        run.env.out("".join(f"{name}\n" for name in names))
    else:
        output.emit(run.env, fmt, names)


COMMAND = command(
    "list",
    run,
    usage="policy list [options]",
    short_help="List the policies",
    help="Lists the names of all policies, root and default among them.",
    doing="Error listing policies",
    wraps="empty",
    flags=(FORMAT,),
)
