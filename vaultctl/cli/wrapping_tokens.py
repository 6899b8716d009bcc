"""Wrapping tokens on the command line: where one comes from, what was told of it, and what is printed for it."""

from vaultctl.cli import output, values
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.client import wrapping
from vaultctl.client.client import Client
from vaultctl.logical.response import Response

SOURCES = (
    "TOKEN is a wrapping token; - is read from stdin, and @FILE from a file, so that it need not stand on the command"
)
"""Begins what help texts say of it."""

_NEVER_SEEN = (
    "this token was made in a namespace, and OpenBao uses such a token up where it is to be wrapped anew, and loses"
    " what it stands for: nothing was asked"
)


def given(run: Run) -> str:
    """Give the token that the command line names, or "" for none. Raises: Misuse."""
    word = run.args[0].strip() if run.args else ""
    if word == "-":
        return one_token(values.Stdin().read(), "stdin")
    if word.startswith("@"):
        return one_token(values.read_file(word[1:]), word[1:])
    return word


def named(run: Run) -> str:
    """Give the token that the command line names, else the one in use. Raises: Misuse where there is none."""
    token = given(run) or str(run.env.connect(run.common).token)
    if not token:
        raise Misuse("there is no wrapping token: give one, - for stdin or @FILE, or set VAULT_TOKEN to it")
    return token


def one_token(text: str, source: str) -> str:
    """Give the token that a text holds and nothing else. Raises: Misuse."""
    words = text.split()
    if len(words) != 1:
        raise Misuse(f"{source} holds {'no token' if not words else 'more than a token'}")
    return words[0]


def asking(run: Run) -> Client:
    """Give a client to ask for what is known of a token.

    It sends no token of its own: none is needed, and where the one in use is a wrapping token, be it another, a server
    may count that as its one use.
    """
    client: Client = run.client.plain()
    return client.with_token("")


def check_rewrap(run: Run, token: str) -> None:
    """Refuse what would lose the secret on a server that is not ours. Raises: Misuse, Failure, VaultError."""
    connection = run.env.connect(run.common)
    if run.common.shows or not connection.is_remote:
        return
    if token == connection.token:
        raise Misuse(
            "the token in use is the wrapping token itself, and a server may use it up without an answer:"
            " nothing was asked\n\nset VAULT_TOKEN to a token of your own that may update sys/wrapping/rewrap"
        )
    if wrapping.is_of_a_namespace(token) and wrapping.verify(asking(run), token) is None:
        raise Failure(_NEVER_SEEN)


def show_unwrapped(run: Run, fmt: str, answer: Response) -> None:
    """Print what was unwrapped: a list as one, all else as the command does that it was wrapped for."""
    names = (answer.data or {}).get("keys")
    if run["field"] is not None or run.env.github or not isinstance(names, list):
        output.secret(run.env, fmt, answer, run["field"])
    else:
        output.keys(run.env, fmt, [str(name) for name in names])
