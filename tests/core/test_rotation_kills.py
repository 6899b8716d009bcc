"""SIGKILL while keys are replaced: the state always opens, every entry decrypts, and the shares of one side open it.

Real processes on a JSON file and on SQLite, killed at a moment that chance picks. `make soak` kills many more.
"""

import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.program import Program
from support.runtime import runtime_folder
from support.soak import times

ROTATE_KEYS = ("operator", "rotate-keys")
_LONGEST_S = 0.4
"""A command ends earlier on a machine that has nothing else to do; a kill that comes too late is one more quiet run."""


@pytest.fixture(params=["json", "sqlite"])
def program(request, tmp_path: Path) -> Program:
    """The program, with a state of that kind, and a runtime folder."""
    with runtime_folder() as folder:
        made = Program(tmp_path)
        made.env |= {"VAULTCTL_STORAGE": request.param, "XDG_RUNTIME_DIR": str(folder)}
        yield made


def killed(program: Program, *argv: str) -> str:
    """Run a command line, kill it at some moment, and give what it had printed."""
    process = program.start(*argv)
    time.sleep(random.random() * _LONGEST_S)  # where it hits is left to chance on purpose
    process.send_signal(signal.SIGKILL)
    out, _ = process.communicate()
    return out


def told(program: Program, *argv: str, env: dict[str, str] | None = None):
    """Run a command line to its end, and give the JSON that it prints."""
    ran = program(*argv, "-format=json", env=env or {})
    assert ran.code == 0, ran
    return json.loads(ran.out)


def test_a_kill_while_the_keyring_rotates(program: Program):
    """The term is the former one or the next; whatever was written under any of them reads, and the next write goes."""
    term = 1
    for number in range(times(4, 300)):
        assert program("kv", "put", f"secret/s{number}", f"n={number}").code == 0
        killed(program, "operator", "rotate")
        now = told(program, "operator", "key-status")["term"]
        assert now in (term, term + 1)
        term = now
        assert told(program, "kv", "get", f"secret/s{number}")["data"]["data"] == {"n": str(number)}
    assert program("operator", "check").code == 0
    for number in range(times(4, 300)):
        assert told(program, "kv", "get", f"secret/s{number}")["data"]["data"] == {"n": str(number)}


def test_a_kill_while_new_shares_are_made_and_verified(program: Program):
    """Whenever it comes, either the former shares open the state, or new ones that were printed and verified do."""
    made = told(program, "operator", "init", "-key-shares=3", "-key-threshold=2")
    shares = made["unseal_keys_b64"]
    _unseal(program, shares)
    assert program("login", "-no-print", made["root_token"]).code == 0
    assert program("secrets", "enable", "-path=kept", "kv").code == 0
    assert program("kv", "put", "kept/a", "n=1").code == 0
    for _ in range(times(2, 100)):
        new = _killed_somewhere(program, shares)
        assert program("operator", "seal").code == 0
        shares = _those_that_open(program, [shares, *([new] if new else [])])
        assert told(program, "kv", "get", "kept/a")["data"] == {"n": "1"}
        program(*ROTATE_KEYS, "-cancel")
    assert program("operator", "check").code == 0


def _killed_somewhere(program: Program, shares: list[str]) -> list[str] | None:
    """Make new shares, with a kill at one of the steps; give the new ones if they were printed."""
    victim = random.randrange(5)
    run = [killed if step == victim else lambda program, *argv: program(*argv).out for step in range(5)]
    run[0](program, *ROTATE_KEYS, "-init", "-n=3", "-t=2", "-verify")
    nonce = told(program, *ROTATE_KEYS, "-status")["nonce"]
    run[1](program, *ROTATE_KEYS, f"-nonce={nonce}", shares[0])
    new = re.findall(r"Key \d: (\S+)", run[2](program, *ROTATE_KEYS, f"-nonce={nonce}", shares[1]))
    if len(new) < 3:
        return None
    verification = told(program, *ROTATE_KEYS, "-status", "-verify")["nonce"]
    run[3](program, *ROTATE_KEYS, "-verify", f"-nonce={verification}", new[0])
    run[4](program, *ROTATE_KEYS, "-verify", f"-nonce={verification}", new[1])
    return new


def _unseal(program: Program, shares: list[str]) -> bool:
    return all(program("operator", "unseal", share).code == 0 for share in shares[:2])


def _those_that_open(program: Program, candidates: list[list[str]]) -> list[str]:
    """Give the shares that open the state: exactly one of the two sets does."""
    opened = []
    for shares in candidates:
        program("operator", "unseal", "-reset")
        if _unseal(program, shares):
            opened.append(shares)
            assert program("operator", "seal").code == 0
    assert len(opened) == 1, candidates
    assert _unseal(program, opened[0])
    return opened[0]


def test_a_kill_while_recovery_shares_are_made(program: Program):
    """The state opens by itself whatever comes; what is stored of the recovery key is the former or the new one."""
    key = _first_use(program)
    for _ in range(times(2, 100)):
        target = (*ROTATE_KEYS, "-target=recovery")
        program(*target, "-cancel")
        assert program(*target, "-init", "-n=1", "-t=1").code == 0
        nonce = told(program, *target, "-status")["nonce"]
        new = re.findall(r"Key 1: (\S+)", killed(program, *target, f"-nonce={nonce}", key))
        assert program("operator", "check").code == 0
        assert program("kv", "put", "secret/a", "n=1").code == 0
        program(*target, "-cancel")
        if new:
            key = new[0]
        elif not _counts(program, target, key):
            return  # killed behind the commit and in front of the line: that is what -verify is for


def _first_use(program: Program) -> str:
    program("secrets", "list")
    return (program.data / "seal.key").read_text().strip()


def _counts(program: Program, target: tuple[str, ...], key: str) -> bool:
    """Tell whether a recovery key is the one; nothing comes of the attempt."""
    program(*target, "-init", "-n=1", "-t=1", "-verify")
    nonce = told(program, *target, "-status")["nonce"]
    is_it = program(*target, f"-nonce={nonce}", key).code == 0
    program(*target, "-cancel")
    return is_it


_DIES = """\
import os, signal, sys
from vaultctl.cli import main
from vaultctl.core.views import Transaction

commit = Transaction.commit

def dies(self, **options):
    if self.new_root_key is None:
        return commit(self, **options)
    if {behind}:
        commit(self, **options)
    os.kill(os.getpid(), signal.SIGKILL)

Transaction.commit = dies
main.run(sys.argv[1:])
"""


def _with_share(program: Program, share: str, behind: bool | None = None) -> list[str]:
    """Make one new share; die with the last former one, behind the commit or in front of it. Give what was printed."""
    assert program(*ROTATE_KEYS, "-init", "-n=1", "-t=1").code == 0
    nonce = told(program, *ROTATE_KEYS, "-status")["nonce"]
    argv = [*ROTATE_KEYS, f"-nonce={nonce}", share]
    if behind is None:
        return re.findall(r"Key 1: (\S+)", program(*argv).out)
    died = subprocess.run([sys.executable, "-c", _DIES.format(behind=behind), *argv], check=False, env=program.env)
    assert died.returncode == -signal.SIGKILL
    return []


def _made(program: Program) -> str:
    made = told(program, "operator", "init", "-key-shares=1", "-key-threshold=1")
    share: str = made["unseal_keys_b64"][0]
    assert program("operator", "unseal", share).code == 0
    assert program("login", "-no-print", made["root_token"]).code == 0
    return share


def test_a_root_key_whose_commit_never_came_opens_nothing_and_breaks_nothing(program: Program):
    """Killed in front of the commit: the state is open as it was, and where somebody else replaces the key, sealed."""
    share = _made(program)
    _with_share(program, share, behind=False)
    assert program("secrets", "list").code == 0
    elsewhere = program.env["XDG_RUNTIME_DIR"]
    with runtime_folder() as other:
        program.env["XDG_RUNTIME_DIR"] = str(other)
        assert program("operator", "unseal", share).code == 0
        (new,) = _with_share(program, share)
    program.env["XDG_RUNTIME_DIR"] = elsewhere
    refused = program("secrets", "list")
    assert (refused.code, "sealed" in refused.err, "damaged" in refused.err) == (2, True, False), refused
    assert program("operator", "unseal", share).code == 2
    assert program("operator", "unseal", new).code == 0
    assert program("secrets", "list").code == 0


def test_killed_behind_the_commit_whoever_had_the_key_has_the_new_one(program: Program):
    """Nobody saw the new share, and the state is open all the same, so that what is in it can be taken out."""
    _with_share(program, _made(program), behind=True)
    assert program("secrets", "list").code == 0
    assert program("operator", "check").code == 0
