"""The auth methods that `login` speaks: what each needs to know, and what it asks. Source: OpenBao 2.7."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vaultctl.cli import prompt, values
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure
from vaultctl.logical import go_bools
from vaultctl.logical.response import Response

_NOT_ASKED = (
    "An error occurred attempting to ask for a token. The raw error message is shown below, but usually this is because"
    " you attempted to pipe a value into the command or you are executing outside of a terminal (tty). If you want to"
    ' pipe the value, pass "-" as the argument to read from stdin. The raw error was: {}'
)

Words = Mapping[str, Any]


def words(args: Sequence[str], method: str) -> Words:
    """Read the words of the command line; a first one that is no K=V is the token. Raises: Misuse."""
    if method == "token" and args and "=" not in args[0]:
        args = [f"token={args[0]}", *args[1:]]
    return values.parse(args, doing="Error parsing configuration")


def by_token(run: Run, given: Words, _mount: str) -> Response:
    """Find out what the token is good for. Raises: Failure, VaultError."""
    token = given.get("token")
    if token is None:
        try:
            token = prompt.ask_hidden("Token", sys.stderr)
        except Failure as error:
            raise _failed(_NOT_ASKED.format(error)) from None
    token = str(token).strip()
    if not token:
        raise _failed("a token must be passed to auth, please view the help for more information")
    if str(given.get("lookup", "true")) in go_bools.FALSE:
        return Response(auth={"client_token": token})
    run.env.doing = "Error authenticating: error looking up token"
    found = run.client.plain().with_token(token).call("GET", "auth/token/lookup-self").data or {}
    return Response(auth=_auth_of(found, token))


def by_userpass(run: Run, given: Words, mount: str) -> Response:
    """Log in with a name and a password. Raises: Failure, VaultError."""
    name = str(given.get("username", ""))
    if not name:
        raise _failed("'username' must be specified")
    password = given.get("password")
    if password is None:
        try:
            password = prompt.ask_hidden("Password", sys.stderr)
        except Failure as error:
            raise _failed(str(error)) from None
    return _log_in(run, f"auth/{mount}/login/{name}", {"password": password})


def by_approle(run: Run, given: Words, mount: str) -> Response:
    """Log in with the id of a role and a secret id. Raises: VaultError."""
    return _log_in(run, f"auth/{mount}/login", given)


METHODS: Mapping[str, Callable[[Run, Words, str], Response]] = {
    "token": by_token,
    "userpass": by_userpass,
    "approle": by_approle,
}


HELP: Mapping[str, str] = {
    "token": "Usage: vaultctl login TOKEN [CONFIG K=V...]\n\n  Logs in with a token.\n\nConfiguration:\n\n"
    "  token=<string>\n      The token; - is read from stdin, and without one it is asked for.\n\n"
    "  lookup=<bool>\n      Whether to find out what the token is good for.\n",
    "userpass": "Usage: vaultctl login -method=userpass [CONFIG K=V...]\n\n  Logs in with a name and a password.\n\n"
    "      $ vaultctl login -method=userpass username=alice\n\nConfiguration:\n\n"
    "  password=<string>\n      The password; - is read from stdin, and without one it is asked for.\n\n"
    "  username=<string>\n      The name of the user.\n",
    "approle": "Usage: vaultctl login -method=approle [CONFIG K=V...]\n\n  Logs in with the id of a role.\n\n"
    "      $ vaultctl login -method=approle role_id=ci secret_id=-\n\nConfiguration:\n\n"
    "  role_id=<string>\n      The id of the role.\n\n"
    "  secret_id=<string>\n      The secret id, if the role asks for one; - is read from stdin.\n",
}
"""What `auth help` says of each."""


def _log_in(run: Run, path: str, data: Words) -> Response:
    answer: Response = run.client.with_token("").call("PUT", path, data)
    if not (answer.auth or {}).get("client_token"):
        raise _failed("the answer holds no token")
    return answer


def _auth_of(found: Mapping[str, Any], token: str) -> dict[str, Any]:
    """Give what is known of a token as an answer that gives one out does."""
    return {
        "client_token": token,
        "accessor": found.get("accessor", ""),
        "policies": found.get("policies"),
        "token_policies": found.get("policies"),
        "metadata": found.get("meta"),
        "lease_duration": found.get("ttl", 0),
        "renewable": found.get("renewable", False),
    }


def _failed(why: str) -> Failure:
    return Failure(f"Error authenticating: {why}")
