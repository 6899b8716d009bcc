"""`vaultctl login`: proves who is asking, and keeps the token that this earns."""

from collections.abc import Mapping
from typing import Any

from vaultctl.cli import logins, output
from vaultctl.cli.command import FIELD, FORMAT, GITHUB, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import flag, switch

_UNKNOWN = (
    'Unknown auth method: {}. Use "vaultctl auth list" to see the complete list of\n'
    "auth methods. Additionally, some auth methods are only available via the HTTP\nAPI."
)
_HAS_VARIABLE = (
    "WARNING! The BAO_TOKEN environment variable is set! The value of this variable\n"
    "will take precedence; if this is unwanted please unset BAO_TOKEN or update its\nvalue accordingly.\n"
)
_NOT_STORED = (
    "The token was not stored in token helper. Set the BAO_TOKEN environment\n"
    "variable or pass the token below with each request to Vault.\n"
)
_DONE = (
    "Success! You are now authenticated. The token information displayed below is\n"
    'already stored in the token helper. You do NOT need to run "vaultctl login" again.\n'
    "Future OpenBao requests will automatically use this token.\n\n"
)
"""Source: OpenBao 2.7, which says so even where the token was not stored."""


def run(run: Run) -> None:
    """Log in. Raises: Misuse, Failure, VaultError."""
    fmt = run.format()
    stores = not run["no_store"] and not run["token_only"]
    if not stores and run["no_print"]:
        raise Misuse("-no-store and -no-print cannot be used together")
    method = run["method"] or "token"
    if method not in logins.METHODS:
        raise Misuse(_UNKNOWN.format(method))
    run.env.hints_at_token = False
    if not run["no_store"]:
        run.env.wraps = "not"  # what is to be kept must be had first
    answer = logins.METHODS[method](run, logins.words(run.args, method), (run["path"] or method).strip("/ "))
    auth: Mapping[str, Any] = answer.auth or {}
    if stores:
        if run.env.variable("TOKEN"):
            run.env.err(_HAS_VARIABLE)
        run.env.connect(run.common).store_token(auth.get("client_token", ""))
    elif not run["token_only"]:
        run.env.err(_NOT_STORED)
    if run["no_print"]:
        return
    field = "token" if run["token_only"] else run["field"]
    if fmt == "table" and field is None and not run.env.github:
        run.env.out(_DONE)
    output.secret(run.env, fmt, answer, field)


COMMAND = command(
    "login",
    run,
    usage="login [options] [AUTH K=V...]",
    short_help="Log in, and keep the token",
    help="Logs in with a token, or by another auth method, and keeps the token: for the local state in its data"
    " folder, for a remote where bao keeps it. A value of - is read from stdin; what is missing is asked for on a"
    " terminal.\n\n    $ vaultctl login -method=userpass username=alice",
    doing="Error authenticating",
    arity=(0, None),
    flags=(
        FORMAT,
        FIELD,
        GITHUB,
        flag("method", "How to log in: token, userpass or approle.", default="token", metavar="METHOD"),
        flag("path", "Where the auth method is mounted, if not at its name.", metavar="PATH"),
        switch("no-store", "Do not keep the token."),
        switch("no-print", "Do not print the token."),
        switch("token-only", "Print the token alone, and do not keep it."),
    ),
)
