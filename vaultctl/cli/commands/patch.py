"""`vaultctl patch`: a change to part of what is at a path of the API."""

from vaultctl.cli.answers import write_path
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.go_flags import switch


def run(run: Run) -> None:
    """Patch a path. Raises: Misuse."""
    write_path(run, "PATCH")


COMMAND = command(
    "patch",
    run,
    usage="patch [options] PATH [DATA K=V...]",
    short_help="Change part of what is at a path",
    help="Lays DATA over what is at PATH, as a JSON merge patch: what it does not name stays, and a null removes a key."
    " DATA is as for write.\n\n    $ vaultctl patch secret/metadata/db max_versions=5",
    arity=(1, None),
    arity_text="1",
    completes=("mount",),
    flags=(FORMAT, FIELD, switch("force", "Patch without data."), switch("f", "Patch without data.")),
)
