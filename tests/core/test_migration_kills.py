"""Processes that are killed while they migrate a state to another seal: it opens, by the shares that were shown."""

import os
import random
import shutil
import signal
from pathlib import Path

import pytest
from support import elsewhere, processes, softhsm
from support.migrating import OTHER_LABEL, Folder, step
from support.soak import times

STEPS = [("static", "shamir"), ("shamir", "static"), ("static", "pkcs11"), ("pkcs11", "transit"), ("transit", "shamir")]
WAYS = {"static": [], "shamir": ["shamir"], "pkcs11": ["pkcs11"], "transit": ["shamir", "transit"]}
"""How a state comes to be under a seal; that of transit has recovery keys, which were unseal keys."""


@pytest.fixture
def token(hsm_store) -> softhsm.Token:
    """A token of SoftHSM2."""
    return softhsm.make_token(hsm_store, softhsm.library())


@pytest.fixture
def environ(token, bao, tmp_path) -> dict[str, str]:
    """Name the token and a key of a real transit engine."""
    hsm = token.hsm()
    hsm.generate(elsewhere.KEY_LABEL)
    hsm.generate(OTHER_LABEL)
    hsm.close()
    return {**elsewhere.of_hsm(token), **elsewhere.of_transit(bao, tmp_path / "transit-token")}


@pytest.mark.parametrize("storage", ["json", "sqlite"])
@pytest.mark.parametrize(("old", "new"), STEPS)
def test_a_migration_that_is_killed_at_any_call_leaves_a_state_that_opens(
    tmp_path, environ, storage: str, old: str, new: str
):
    """Wherever it is cut short, the state opens by what is there and was shown, and the next one ends well."""
    made = Folder(tmp_path / "made", storage, environ)
    made.make(secrets=3)
    for seal in WAYS[old]:
        step(made, seal)
    calls = int(migrate(copied(made, tmp_path / "whole"), new, 0)[1][-1])
    assert calls > 10
    seen = set()
    for last in range(1, calls + 1, times(max(1, calls // 6), 1)):
        folder = copied(made, tmp_path / f"killed-{last}")
        code, lines = migrate(folder, new, last)
        assert code == -signal.SIGKILL
        folder.note_shown(lines)
        seen.add(folder.seal)
        assert folder.read(3) == ["value 0", "value 1", "value 2"]
        if folder.seal == old:
            step(folder, new)
        folder.check(new, 3)
    assert seen == {old, new}


def test_a_state_that_is_migrated_and_rotated_survives_kills(tmp_path, environ, token):
    """Whenever it is killed, the state opens, every entry decrypts, the rewrap goes on, and its counters are right."""
    folder, chance, count = Folder(tmp_path / "state", "sqlite", environ), random.Random(), 600
    folder.make(secrets=count)
    outlive = token.outliving()
    for _ in range(times(4, 200)):
        process = processes.start("migrate_on", "-", folder.data, "sqlite", folder.shares, *pairs(environ))
        for _ in range(chance.randrange(1, 30)):
            processes.hear(process)
        processes.kill(process)
        outlive()
        assert folder.read(3) == ["value 0", "value 1", "value 2"]
        folder.check(folder.seal, count)


def copied(made: Folder, data: Path) -> Folder:
    """Give the same state in a folder of its own."""
    shutil.copytree(made.data, data)
    data.chmod(0o700)
    folder = Folder(data, made.storage, made.environ)
    if made.shares.exists():
        shutil.copy(made.shares, folder.shares)
    return folder


def migrate(folder: Folder, kind: str, last: int) -> tuple[int, list[str]]:
    """Migrate in another process, which dies at this call."""
    arguments = (folder.data, folder.storage, folder.shares, kind, last, *pairs(folder.environ))
    return processes.end(processes.start("migrate_seal", "-", *arguments))


def pairs(environ: dict[str, str]) -> list[str]:
    """Give the environment as words."""
    return [f"{name}={value}" for name, value in environ.items() if name not in os.environ]
