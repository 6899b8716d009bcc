"""`vaultctl policy delete`: a policy, gone."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.client import policies


def run(run: Run) -> None:
    """Remove a policy, if there is one."""
    fmt = run.format(from_environment=False)
    name = run.args[0].strip().lower()
    run.env.doing = f"Error deleting {name}"
    policies.delete(run.client, name)
    if fmt == "table":
        run.env.out(f"Success! Deleted policy: {name}\n")
    else:
        output.emit(run.env, fmt, {"name": name, "result": "deleted"})


COMMAND = command(
    "delete",
    run,
    usage="policy delete [options] NAME",
    short_help="Delete a policy",
    help="Deletes the policy NAME. What only it allowed, no token may do any more. That there is none is no error.",
    arity=(1, 1),
    completes=("policy",),
    loses=True,
    flags=(FORMAT,),
)
