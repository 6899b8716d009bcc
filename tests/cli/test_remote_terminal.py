"""What people at a terminal are told before a remote loses something."""

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
