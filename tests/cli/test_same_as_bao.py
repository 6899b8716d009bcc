"""Every command line of `support.same_lines`, given to the real `bao` and to vaultctl."""

import pytest
from support import normal
from support.lines import Line
from support.program import Ran
from support.same_lines import SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_line_comes_out_as_in_bao(name, bao, here):
    """Exit code, stdout and stderr are those of bao, but for the lines that say why they are not."""
    theirs, ours = [], []
    for line in SCRIPTS[name]:
        answer = bao.run(*line.args, stdin=line.stdin, env=dict(line.env))
        theirs.append(_compared(line, answer if line.code is None else answer._replace(code=line.code)))
        ours.append(_compared(line, here(*line.args, stdin=line.stdin, env=dict(line.env))))
    assert theirs == ours


def _compared(line: Line, ran: Ran) -> tuple[object, ...]:
    if line.different:
        return line.args, line.env, ran.code
    return line.args, line.env, ran.code, _text(ran.out), _text(ran.err)


def _text(printed: str) -> str:
    """Put away what differs by chance: bao polls a move at once, and says so when it was not over yet."""
    lines = normal.text(printed).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("Waiting for terminal status"))
