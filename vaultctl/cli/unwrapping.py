"""What `unwrap` and `wrapping unwrap` do."""

from typing import TYPE_CHECKING

import click

from vaultctl.cli import wrapping_flags, wrapping_tokens
from vaultctl.cli.command import FIELD, FORMAT, GITHUB, Run, command
from vaultctl.client import wrapping
from vaultctl.logical.errors import InvalidRequest

if TYPE_CHECKING:
    from vaultctl.cli.wrapping_checks import Wanted

_TWO_STEPS = (
    "the path was checked in one request, and is unwrapped in another: this server cannot do both at once, and it does"
    " not tell whether the secret was wrapped anew"
)


def run(run: Run) -> None:
    """Unwrap what a token stands for. Raises: Misuse, Failure, VaultError."""
    fmt = run.format()
    check = _wanted(run) if "expect_path" in run.given else None
    token = wrapping_tokens.given(run)
    own = str(run.env.connect(run.common).token)
    run.env.hints_at_token = False
    expects = _expected(run, token or own, check) if check else ""
    if not run.common.shows:
        run.env.check_stdout()
    try:
        answer = wrapping.unwrap(run.client, token, own, expects)
    except InvalidRequest as error:
        if check and wrapping.is_dead(error):  # somebody else was faster than we were between the check and this
            _expected(run, token or own, check)
        raise
    wrapping_tokens.show_unwrapped(run, fmt, answer)


def _wanted(run: Run) -> "Wanted":
    from vaultctl.cli import wrapping_checks

    return wrapping_checks.wanted(run)


def _expected(run: Run, token: str, want: "Wanted") -> str:
    """Check the token, and give the path to send along: "" where the server would not heed it.

    What is found stays true: a token's path never changes, and to wrap anew makes another token. Raises: CheckFailed,
    VaultError.
    """
    from vaultctl.cli import wrapping_checks

    if run.common.shows:
        return want.path
    found = wrapping_checks.asked(run, token, want)
    wrong = wrapping_checks.problem(found, want)
    if wrong:
        raise wrong
    if not found.exactly:
        run.env.err_once("two steps", _TWO_STEPS)
        for doubt in found.doubts:
            run.env.err_once(doubt, f"warning: {doubt}")
    return want.path if found.exactly else ""


def declare(words: str) -> click.Command:
    """Declare the command as `unwrap`, or as one of `wrapping`."""
    return command(
        words.rpartition(" ")[2],
        run,
        usage=f"{words} [options] [TOKEN]",
        short_help="Unwrap what a wrapping token stands for",
        help=f"Prints what was wrapped, once and for all: the token is good no more. {wrapping_tokens.SOURCES}"
        " line; without TOKEN it is the token in use. With -expect-path nothing is unwrapped that was made"
        " elsewhere.\n\n"
        f"    $ vaultctl {words} -expect-path=auth/approle/role/ci/secret-id -",
        doing="Error unwrapping",
        arity=(0, 1),
        exit_codes=wrapping_flags.EXIT_CODES,
        flags=(FORMAT, FIELD, GITHUB, wrapping_flags.EXPECT_PATH, wrapping_flags.ALLOW_REWRAPPED),
    )
