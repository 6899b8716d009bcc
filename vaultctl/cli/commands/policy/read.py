"""`vaultctl policy read`: what a policy says."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Failure
from vaultctl.client import policies


def run(run: Run) -> None:
    """Print a policy. Raises: Failure where there is none."""
    fmt = run.format()
    name = run.args[0].strip().lower()
    run.env.doing = f"Error reading policy named {name}"
    text = policies.read(run.client, name)
    if not text:
        raise Failure(f"No policy named: {name}")
    if fmt == "table":
        run.env.out(text.strip() + "\n")
    else:
        output.emit(run.env, fmt, {"policy": text})


COMMAND = command(
    "read",
    run,
    usage="policy read [options] NAME",
    short_help="Print a policy",
    help="Prints the policy NAME as it was written.",
    arity=(1, 1),
    completes=("policy",),
    wraps="empty",
    flags=(FORMAT,),
)
