"""`vaultctl wrapping lookup`: what is known of a wrapping token."""

from vaultctl.cli import output, wrapping_tokens
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.client import wrapping


def run(run: Run) -> None:
    """Look a wrapping token up, which uses nothing up. Raises: Misuse, VaultError."""
    fmt = run.format()
    token = wrapping_tokens.named(run)
    client = run.client if run.common.shows else wrapping_tokens.asking(run)
    run.env.hints_at_token = False
    output.secret(run.env, fmt, wrapping.lookup(client, token), run["field"])


COMMAND = command(
    "lookup",
    run,
    usage="wrapping lookup [options] [TOKEN]",
    short_help="Show what is known of a wrapping token",
    help="Shows at which path, when and for how long what TOKEN stands for was wrapped; the token stays good."
    f" {wrapping_tokens.SOURCES} line; without TOKEN it is the token in use.",
    doing="Error looking up wrapping token",
    arity=(0, 1),
    wraps="look",
    flags=(FORMAT, FIELD),
)
