"""The real `bao` command line, given to `vaultctl server -dev` and to its own server."""

import pytest
from support import compared, server_lines
from support.lines import Line
from support.program import Ran
from support.same_lines import SCRIPTS

_NOT_ASKED = {"forms of flags", "no such command", "tokens"}
"""Of these scripts a server sees little or nothing."""

LINES = {**{name: lines for name, lines in SCRIPTS.items() if name not in _NOT_ASKED}, **server_lines.SCRIPTS}

_SERVERS = {
    "cubbyhole-refusals",
    "exact-numbers",
    "help-texts",
    "otp-roles",
    "own-program",
    "raw-format",
    "running-version",
    "seal-without-shares",
    "tune-sys-order",
}
"""The differences that are the server's; the command line is one and the same. Raw bytes come in an order of chance."""

_MOVES = ("list", "sys/remount/status")
"""It tells of the moves that the scripts before made (`list-of-moves`)."""


@pytest.mark.parametrize("name", LINES)
def test_each_line_comes_out_as_on_its_own_server(name, by_bao, ours):
    """Exit code, stdout and stderr are the same, but for what the server says otherwise by name."""
    theirs = [
        _compared(line, _as_ours(line, ran)) for line, ran in zip(LINES[name], by_bao(name, LINES[name]), strict=True)
    ]
    came = [_compared(line, ours.run(*line.args, stdin=line.stdin, env=dict(line.env))) for line in LINES[name]]
    assert came == theirs


def _as_ours(line: Line, ran: Ran) -> Ran:
    """Give what bao printed, with the exit code that a difference of the server has here."""
    return ran._replace(code=line.code) if line.code is not None and line.different in _SERVERS else ran


def _compared(line: Line, ran: Ran) -> tuple[object, ...]:
    if line.args == _MOVES:
        return (line.args,)
    return (line.args, ran.code) if line.different in _SERVERS else compared.whole(line, ran)
