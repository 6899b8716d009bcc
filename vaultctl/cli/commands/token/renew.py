"""`vaultctl token renew`: a new end for a token."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import DURATION, flag, switch


def run(run: Run) -> None:
    """Renew a token, by itself or by its accessor; without one, the token in use. Raises: Misuse, VaultError."""
    fmt, given = run.format(), run.args
    if len(given) > 1:
        raise Misuse(f"Too many arguments (expected 1, got {len(given)})")
    increment_s = max(int(run["increment"] or run["i"] or 0), 0)
    if not given:
        answer = run.client.call("PUT", "auth/token/renew-self", {"increment": increment_s})
    elif run["accessor"]:
        data = {"accessor": given[0].strip(), "increment": increment_s}
        answer = run.client.call("POST", "auth/token/renew-accessor", data)
    else:
        answer = run.client.call("PUT", "auth/token/renew", {"increment": increment_s, "token": given[0].strip()})
    output.secret(run.env, fmt, answer)


COMMAND = command(
    "renew",
    run,
    usage="token renew [options] [TOKEN]",
    short_help="Give a token a new end",
    help="Lets a token live on, as far as its limits allow; without TOKEN, the one in use.\n\n"
    "    $ vaultctl token renew -increment=30m",
    doing="Error renewing token",
    arity=(0, None),
    flags=(
        FORMAT,
        switch("accessor", "The argument is an accessor; the token itself is not shown."),
        flag("increment", "For how long from now on; the token's limits may allow less.", DURATION),
        flag("i", "Another name for -increment.", DURATION, hidden=True),
    ),
)
