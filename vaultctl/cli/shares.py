"""A key share as a command takes it: as its argument, from stdin, or asked for on a terminal."""

import sys

from vaultctl.cli import prompt
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import Flag, flag

NONCE: Flag = flag("nonce", "The nonce of the attempt, which each share is entered under.", metavar="NONCE")

_NOT_ASKED = """\
An error occurred attempting to ask for the unseal key. The raw error message
is shown below, but usually this is because you attempted to pipe a value into
the command or you are executing outside of a terminal (tty). If you want to
pipe the value, pass "-" as the argument to read from stdin. The raw error
was: {}"""


def given(run: Run, nonce: str, heading: str) -> tuple[str, str]:
    """Give a share, and the nonce to enter it under.

    Whoever is asked on a terminal is shown the attempt's nonce, and whoever types the share at once must name it.
    Raises: Misuse.
    """
    if not run.args:
        run.env.out(f"{heading}: {nonce}\n")
        try:
            return prompt.ask_hidden("Unseal Key", sys.stdout).strip(), run["nonce"] or nonce
        except Failure as error:
            raise Misuse(_NOT_ASKED.format(error)) from None
    if not run["nonce"]:
        raise Misuse("Missing nonce value: specify it via the -nonce flag")
    share = sys.stdin.readline() if run.args[0] == "-" else run.args[0]
    return share.strip(), run["nonce"]
