"""`vaultctl auth help`: how to log in with an auth method."""

from vaultctl.cli import logins
from vaultctl.cli.command import Run, command, mount_text
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.client import auth


def run(run: Run) -> None:
    """Explain a method, named by its type or by its path. Raises: Misuse, Failure."""
    type_ = run.args[0].strip()
    if type_ not in logins.HELP:
        path = mount_text(type_.strip("/"))
        found = (auth.list_methods(run.client).data or {}).get(path)
        if found is None:
            raise Misuse(f'No auth method available on the server at "{path}"')
        type_ = found["type"].removeprefix("ns_")
    if type_ not in logins.HELP:
        raise Failure(f'No method-specific CLI handler available for auth method "{type_}"')
    run.env.out(logins.HELP[type_])


COMMAND = command(
    "help",
    run,
    usage="auth help [options] TYPE | PATH",
    short_help="Explain how to log in with an auth method",
    help="Explains how to log in with an auth method, which is named by its type or by the path of its mount.",
    doing="Error listing auth methods",
    arity=(1, 1),
    completes=("auth mount",),
    wraps="look",
)
