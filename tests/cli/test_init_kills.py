"""`operator init` that is killed: there is no state, or one whose shares were shown or told of."""

import json
import os
import random
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from support.shamir_state import init
from support.soak import times

_TESTS = Path(__file__).parent.parent


@pytest.mark.parametrize("seal", ["shamir", "static"])
def test_an_init_that_is_killed_leaves_all_or_nothing(vaultctl, seal):
    """Wherever it is killed, there is no state and init can run again, or one whose shares were shown or told of."""
    flags = (
        ["-key-shares=1", "-key-threshold=1"] if seal == "shamir" else ["-recovery-shares=1", "-recovery-threshold=1"]
    )
    ends = set()
    for number in count(1):
        vaultctl.data = vaultctl.home / str(number)
        vaultctl.env["VAULTCTL_DATA_DIR"] = str(vaultctl.data)
        died = _init_dying_at(vaultctl, number, f"-seal={seal}", *flags)
        ends.add(_end_of(vaultctl, died.stdout, f"-seal={seal}", *flags))
        if died.returncode == 0:
            break
    assert ends == {"no state", "not seen", "seen"}


def test_an_init_that_is_killed_at_random_leaves_all_or_nothing(vaultctl):
    """The same at moments of chance."""
    flags, chance = ["-key-shares=1", "-key-threshold=1"], random.Random()
    for number in range(times(3, 300)):
        vaultctl.data = vaultctl.home / str(number)
        vaultctl.env["VAULTCTL_DATA_DIR"] = str(vaultctl.data)
        child = vaultctl.start("operator", "init", "-format=json", *flags)
        for _ in range(chance.randrange(4_000_000)):
            pass
        child.kill()
        _end_of(vaultctl, child.communicate()[0], *flags)


def _init_dying_at(program, number: int, *flags: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "support.children", "init_die_at", str(number), *flags],
        env={**os.environ, **program.env, "PYTHONPATH": str(_TESTS)},
        cwd=_TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def _end_of(program, printed: str, *flags: str) -> str:
    """Tell what a killed init left; where nobody saw its shares, start over as it says, and the state is a good one."""
    state = program.data / "state.json"
    if printed:
        assert state.exists()
        made = json.loads(printed)
        _check(program, (made["unseal_keys_b64"] or [""])[0], made["root_token"])
        return "seen"
    end = "no state"
    if state.exists():
        again = program("operator", "init", *flags)
        assert (again.code, f"start over: remove {state}" in again.err) == (2, True), again.err
        state.unlink()
        end = "not seen"
    made = init(program, *flags)
    assert not (program.data / "state.json.init").exists()
    _check(program, made.shares[0], made.root_token)
    return end


def _check(program, share: str, root_token: str) -> None:
    """Open the state by its one share, if it needs one, and look at it with its root token."""
    path = program.data / "share"
    path.touch(0o600)
    path.write_text(share)
    env = {"VAULTCTL_UNSEAL_KEY": f"file:{path}", "VAULT_TOKEN": root_token}
    ran = program("secrets", "list", env=env)
    assert ran.code == 0, ran.err
