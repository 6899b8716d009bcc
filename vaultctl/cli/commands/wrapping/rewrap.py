"""`vaultctl wrapping rewrap`: a new token for what an older one stands for."""

from vaultctl.cli import output, wrapping_tokens
from vaultctl.cli.command import FIELD, FORMAT, GITHUB, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.client import wrapping


def run(run: Run) -> None:
    """Wrap what a token stands for anew. Raises: Misuse, Failure, VaultError."""
    fmt = run.format()
    token = wrapping_tokens.given(run)
    if not token:
        raise Misuse("there is no wrapping token: give one, - for stdin or @FILE")
    if not run.common.shows:
        run.env.check_stdout()
    wrapping_tokens.check_rewrap(run, token)
    run.env.hints_at_token = False
    output.secret(run.env, fmt, wrapping.rewrap(run.client, token), run["field"])


COMMAND = command(
    "rewrap",
    run,
    usage="wrapping rewrap [options] TOKEN",
    short_help="Wrap what a wrapping token stands for anew",
    help="Prints a new token for what TOKEN stands for, with the same path and TTL; TOKEN is good no more."
    f" {wrapping_tokens.SOURCES} line. It takes the right to update sys/wrapping/rewrap, which the default policy does"
    " not give.\n\n    $ vaultctl wrapping rewrap -field=wrapping_token @token.txt",
    doing="Error rewrapping",
    arity=(1, 1),
    wraps="look",
    flags=(FORMAT, FIELD, GITHUB),
)
