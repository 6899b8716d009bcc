"""Every command line of `support.same_lines`, given to the real `bao` and to vaultctl as clients of a real OpenBao."""

import pytest
from support import compared
from support.lines import Line
from support.program import Ran
from support.same_lines import SCRIPTS

OURS = {
    "api-root",
    "cells-are-text",
    "closed-stdin",
    "exact-numbers",
    "flags-anywhere",
    "help-texts",
    "json-errors",
    "masked-words",
    "no-flag-warning",
    "one-object",
    "own-program",
    "patch-at-the-root",
    "patch-keeps-cas",
    "patch-removes",
    "raw-format",
    "rollback-of-expiring",
    "token-hints",
    "tune-sys-order",
    "unknown-flags",
}
"""The differences that are the command line's own, and one by chance; a client has none of the engine's."""


@pytest.fixture
def client(bao, fresh):
    """The program as a client of the real OpenBao."""

    def run(line: Line) -> Ran:
        return fresh(*line.args, stdin=line.stdin, env={**bao.env, "HOME": str(fresh.home), **dict(line.env)})

    return run


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_line_comes_out_as_in_bao(name, by_bao, bao, client):
    """On the same server exit code, stdout and stderr are those of bao, but where the command line differs by name."""
    theirs = [_compared(line, ran) for line, ran in zip(SCRIPTS[name], by_bao(name, SCRIPTS[name]), strict=True)]
    bao.reset()
    ours = [_compared(line, client(line)) for line in SCRIPTS[name]]
    assert ours == theirs


def _compared(line: Line, ran: Ran) -> tuple[object, ...]:
    if line.different in OURS:
        return line.args, line.env, ran.code if line.code is None else line.code
    return compared.whole(line, ran)
