"""Command lines for `bao` and for vaultctl, both clients of a real OpenBao: those of both, and of a remote alone."""

import json
import re

import pytest
from support import normal
from support.lines import Line
from support.program import Ran
from support.remote_lines import SCRIPTS as REMOTE_SCRIPTS
from support.same_lines import SCRIPTS as SAME_SCRIPTS

from vaultctl.cli.tree import TREE

SCRIPTS = {**SAME_SCRIPTS, **REMOTE_SCRIPTS}
OURS = {
    "api-root",
    "cells-are-text",
    "closed-stdin",
    "exact-numbers",
    "flags-anywhere",
    "help-texts",
    "json-errors",
    "login-approle",
    "masked-words",
    "moves-not-wrapped",
    "no-flag-warning",
    "one-object",
    "own-program",
    "patch-at-the-root",
    "patch-keeps-cas",
    "patch-removes",
    "remote-token-hints",
    "rollback-of-expiring",
    "status-fields",
    "token-hints",
    "token-words",
    "tune-sys-order",
    "unknown-flags",
    "wrapped-answers",
    "wraps-the-last",
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
    out: object = _text(ran.out)
    if "-format=raw" in line.args and ran.out.startswith("{"):
        out = normal.deep(json.loads(ran.out))  # its keys come in an order of chance
    return line.args, line.env, ran.code, out, _text(ran.err)


def _text(printed: str) -> str:
    lines = [_curl(text) for text in normal.text(printed).splitlines(keepends=True)]
    return "".join(line for line in lines if not line.startswith("Waiting for terminal status"))


def _curl(line: str) -> str:
    """Put the headers of a curl command in order: bao shows them in one of chance."""
    if not line.startswith("curl "):
        return line
    headers = sorted(re.findall(r'-H "[^"]*" ', line))
    return re.sub(r'-H "[^"]*" ', "", line).replace("$(vaultctl", "$(bao") + "".join(headers).replace("vaultctl", "bao")


def test_every_command_that_bao_has_is_compared():
    """No command of the tree is left out but those that bao has not, and those of a shell or a server."""
    given = [" ".join(line.args) for lines in SCRIPTS.values() for line in lines]
    ours = ("completion", "mounts ", "operator ", "remount ", "sealwrap ", "server", "wrapping ")
    lacking = [
        words for words in _leaves(TREE) if not words.startswith(ours) and not any(c.startswith(words) for c in given)
    ]
    assert lacking == []


def _leaves(tree, before=""):
    for name, entry in tree.items():
        if isinstance(entry, tuple):
            yield from _leaves(entry[1], f"{before}{name} ")
        else:
            yield before + name
