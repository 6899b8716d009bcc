"""Every command line of `support.same_lines`, given to the real `bao` and to vaultctl."""

import pytest
from support import compared
from support.lines import Line
from support.program import Ran
from support.same_lines import SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_line_comes_out_as_in_bao(name, by_bao, here):
    """Exit code, stdout and stderr are those of bao, but for the lines with a named difference, which must be one."""
    theirs, ours, no_more_different = [], [], []
    for line, answer in zip(SCRIPTS[name], by_bao(name, SCRIPTS[name]), strict=True):
        came = here(*line.args, stdin=line.stdin, env=dict(line.env))
        if line.different and line.different not in _BY_CHANCE and _whole(answer) == _whole(came):
            no_more_different.append(line.args)
        theirs.append(_compared(line, answer if line.code is None else answer._replace(code=line.code)))
        ours.append(_compared(line, came))
    assert theirs == ours
    assert no_more_different == []


_BY_CHANCE = {"tune-sys-order"}
"""Differences that do not show in each run."""


def _whole(ran: Ran) -> tuple[object, ...]:
    return ran.code, compared.text(ran.out), compared.text(ran.err)


def _compared(line: Line, ran: Ran) -> tuple[object, ...]:
    if line.different:
        return line.args, line.env, ran.code
    return compared.whole(line, ran)
