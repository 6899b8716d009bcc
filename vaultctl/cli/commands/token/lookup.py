"""`vaultctl token lookup`: what is known of a token."""

from vaultctl.cli import output
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import switch
from vaultctl.logical.errors import ServerError


def run(run: Run) -> None:
    """Look a token up, by itself or by its accessor; without one, the token in use. Raises: Misuse, VaultError."""
    fmt, given = run.format(), run.args
    if run["accessor"] and len(given) != 1:
        many = "Not enough" if not given else "Too many"
        raise Misuse(f"{many} arguments with -accessor (expected 1, got {len(given)})")
    if len(given) > 1:
        raise Misuse(f"Too many arguments (expected 0-1, got {len(given)})")
    if run["accessor"]:
        answer = run.client.call("POST", "auth/token/lookup-accessor", {"accessor": given[0].strip()})
    elif given:
        answer = run.client.call("POST", "auth/token/lookup", {"token": given[0].strip()})
    else:
        answer = run.client.call("GET", "auth/token/lookup-self")
    if not answer.data:
        raise ServerError(answer.status, "the server answered, and told nothing of the token, which no Vault does")
    output.secret(run.env, fmt, answer, run["field"])


COMMAND = command(
    "lookup",
    run,
    usage="token lookup [options] [TOKEN | ACCESSOR]",
    short_help="Show what is known of a token",
    help="Shows the policies of a token, where it came from and how long it lives; without TOKEN, of the one in use."
    "\n\n    $ vaultctl token lookup -accessor 9793c9b3",
    doing="Error looking up token",
    arity=(0, None),
    flags=(FORMAT, FIELD, switch("accessor", "The argument is an accessor; the token itself is not shown.")),
)
