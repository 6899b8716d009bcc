"""`vaultctl namespace delete`: the end of a namespace."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.client import namespaces


def run(run: Run) -> None:
    """Delete a namespace; that there is none is no error."""
    fmt = run.format(from_environment=False)
    path = mount_text(run.args[0])
    answer = namespaces.delete(run.client, path)
    if fmt != "table":
        output.emit(run.env, fmt, {"path": path, "result": "scheduled" if answer.data else "absent"})
    elif answer.data:
        run.env.out(f"Success! Namespace deletion scheduled: {path}\n")
    else:
        run.env.err("Requested namespace does not exist")


COMMAND = command(
    "delete",
    run,
    usage="namespace delete [options] PATH",
    short_help="Delete a namespace",
    help="Deletes the namespace at PATH with all mounts, policies and tokens in it. Namespaces in it go first.",
    doing="Error deleting namespace",
    arity=(1, 1),
    completes=("namespace",),
    loses=True,
    wraps="not",
    flags=(FORMAT,),
)
