"""What people at a terminal are told before a remote loses something."""

import json
import os
import pty
import select
import subprocess

import pytest
from support.answering import answering, says


@pytest.fixture
def typed(vaultctl):
    """Run a command line on a terminal, type an answer where one is asked for, and give exit code and what was seen."""

    def run(*args: str, answer: str = "", **env: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            vaultctl.argv(*args), env={**vaultctl.env, **env}, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        seen = b""
        while select.select([ours], [], [], 30)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break  # how Linux says that the other end is closed
            if not piece:
                break
            seen += piece
            if b"Go on?" in seen and answer:
                os.write(ours, f"{answer}\n".encode())
                answer = ""
        os.close(ours)
        return child.wait(), seen.decode().replace("\r\n", "\n")

    return run


def test_the_remote_is_named_first(typed):
    """Address and namespace stand in front of what a disable says, and nobody is asked."""
    with answering(says(204)) as server:
        code, seen = typed("secrets", "disable", "a", VAULT_ADDR=server.address, VAULT_NAMESPACE="team")
    assert (code, seen.startswith(f"vaultctl: on {server.address}, namespace team/\nSuccess!")) == (0, True)


@pytest.mark.parametrize(("answer", "code", "asked"), [("yes", 0, 1), ("no", 1, 0), ("y", 1, 0)])
def test_confirm_asks(typed, answer, code, asked):
    """With -confirm only a whole yes goes on."""
    with answering(says(204)) as server:
        ran = typed("secrets", "disable", "-confirm", "a", answer=answer, VAULT_ADDR=server.address)
    assert (ran[0], len(server.asked)) == (code, asked)


def test_a_local_command_asks_nobody(typed):
    """On the local state nothing is said first, even with -confirm."""
    code, seen = typed("secrets", "disable", "-confirm", "a")
    assert (code, "Go on?" in seen, "vaultctl: on " in seen) == (0, False, False)


EVIL = "\x1b[31mred\x07\x9b2J\x7f"
SEEN = "\\x1b[31mred\\x07\\x9b2J\\x7f"


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_refusal_does_not_steer_the_terminal(typed, term):
    """Control characters of a server's errors and warnings are escaped."""
    body = json.dumps({"errors": [EVIL, "1 error occurred:\n\t* b"], "warnings": [EVIL]})
    with answering(says(400, body)) as server:
        code, seen = typed("secrets", "list", VAULT_ADDR=server.address, TERM=term)
    assert code == 2
    assert f"* {SEEN}\n* 1 error occurred:\n\t* b\n" in seen
    assert not set(seen) & set("\x1b\x07\x9b\x7f")


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_table_does_not_steer_the_terminal(typed, term):
    """Control characters in cells are escaped, on a terminal that can do little too."""
    body = json.dumps({"request_id": "r", "data": {"k" + EVIL: EVIL}, "warnings": [EVIL]})
    with answering(says(200, body)) as server:
        code, seen = typed("read", "x/y", VAULT_ADDR=server.address, TERM=term, NO_COLOR="1")
    assert code == 0
    assert "k" + SEEN in seen
    assert seen.count(SEEN) == 3
    assert "\x1b[31m" not in seen
    assert not set(seen) & set("\x07\x9b\x7f")


def test_what_is_piped_stays_as_it_is(fresh):
    """A value that goes to a program is what the server has, byte for byte."""
    with answering(says(200, json.dumps({"request_id": "r", "data": {"k": EVIL}}))) as server:
        env = {"VAULT_ADDR": server.address, "VAULT_TOKEN": "t"}
        assert fresh("read", "-field=k", "x/y", env=env).out == EVIL
        assert EVIL in fresh("read", "x/y", env=env).out
