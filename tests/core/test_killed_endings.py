"""Whoever ends all leases or tokens of a mount may be killed at any call that reaches the disk: others finish it."""

import random
import shutil
from pathlib import Path

import pytest
from support import endings, processes
from support.endings import ENDINGS, MANY, MOUNTS, UPDATE, ask
from support.lender import Lender
from support.places import Place
from support.soak import times
from support.states import make_core, open_core

from vaultctl.core import maintenance
from vaultctl.core.core import Core
from vaultctl.logical.errors import VaultError
from vaultctl.storage.memory import Memory


class Base:
    """A state with mounts that gave much, to be copied for each kill."""

    def __init__(self, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make it."""
        self.kind, self.folder = kind, folder
        self.lender = Lender(folder / "lender")
        self.lender.install(monkeypatch)
        place = Place(kind, folder / "base")
        place.folder.mkdir(mode=0o700)
        backend = place.open()
        self.given = endings.fill(backend)
        self.lent = self.lender.lent

    def copy(self) -> Place:
        """Give a copy of the state, with what it lent lent again."""
        shutil.rmtree(self.folder / "copy", ignore_errors=True)
        shutil.copytree(self.folder / "base", self.folder / "copy")
        for name in self.lent:
            (self.lender.folder / "lent" / name).touch()
        (self.lender.folder / "log").unlink(missing_ok=True)
        return Place(self.kind, self.folder / "copy")

    def end_and_die(self, place: Place, type_: str, ending: str, last: int) -> int:
        """Have a process do it that is killed at this call, or never (0); give how many calls it made."""
        process = processes.start("end_and_die", self.kind, place.path, self.lender.site, type_, ending, last)
        code, said = processes.end(process)
        assert (code, bool(said)) == ((-9, False) if last else (0, True))
        return int(said[0]) if said else last


@pytest.mark.parametrize("kind", ["json", "sqlite"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("type_", MOUNTS)
def test_who_is_killed_loses_no_count_and_revokes_nothing_twice(type_, ending, kind, tmp_path, monkeypatch):
    """The next who comes finishes it: all is revoked and counted once, and one effect at most was repeated."""
    base, chance = Base(kind, tmp_path, monkeypatch), random.Random()
    calls = base.end_and_die(base.copy(), type_, ending, 0)
    for last in chance.sample(range(1, calls + 1), min(times(1, 100), calls)):
        place = base.copy()
        base.end_and_die(place, type_, ending, last)
        core = open_core(place.open())
        endings.go_on(core)
        if not is_over(core, type_, ending):  # killed before anything was answered or stored
            assert endings.counted(core) == []
            assert base.lender.log == []
            endings.end_all(core, type_, ending)
        check(base, core, type_, ending)
        core.close()


def is_over(core: Core, type_: str, ending: str) -> bool:
    """Tell whether somebody asked for it."""
    if ending == "prefix":
        return bool(endings.counted(core))
    with core.sessions.reading() as session:
        return session.mounts.at(MOUNTS[type_] + "/") is None


def check(base: Base, core: Core, type_: str, ending: str) -> None:
    """Check that it was done once, and left nothing."""
    if not (type_ == "approle" and ending == "disable"):  # it needs no job, and counts nothing
        assert endings.counted(core) == [("success", MANY)]
    if type_ == "lender":
        assert base.lender.lent == []
        assert len(set(base.lender.log)) == MANY
        assert len(base.lender.log) <= MANY + 1
        assert not [name for name in endings.left(core) if name.startswith("core/leases/mount/") and "/a/" in name]
    assert not any(is_good(core, each) for each in given_by(base, type_))
    for other in MOUNTS.keys() - {type_}:
        endings.end_all(core, other, "move")
    assert endings.left(core) == []
    with core.state.reader() as view:
        assert view.snapshot.audit(core.state.keys_of(view.snapshot).barrier) == []


def given_by(base: Base, type_: str) -> list[str]:
    """Give the passwords, or tokens, that a mount gave."""
    return {"ssh": base.given[::2], "approle": base.given[1::2]}.get(type_, [])


def is_good(core: Core, given: str) -> bool:
    """Tell whether a password lets in, wherever its mount is by now, or a token is one."""
    asked = [("auth/token/lookup", {"token": given})] if given.startswith("s.") else []
    asked += [] if asked else [(f"{path}/verify", {"otp": given}) for path in ("ssh", "ssh-moved")]
    for path, data in asked:
        try:
            ask(core, UPDATE, path, **data)
        except VaultError:
            continue
        return True
    return False


def test_many_leases_end_at_once_and_their_rows_go_however_often_that_is_cut_short(tmp_path):
    """The move of a mount with many leases is done when it is answered; what is left goes in spite of many kills."""
    many, chance, place = times(1_000, 100_000), random.Random(), Place("sqlite", tmp_path)
    core = make_core(Memory())
    ask(core, UPDATE, "sys/mounts/ssh", type="ssh")
    ask(core, UPDATE, "ssh/roles/r", key_type="otp", default_user="u", cidr_list="0.0.0.0/0")
    given = [str((ask(core, UPDATE, "ssh/creds/r", ip="1.2.3.4").data or {})["key"]) for _ in range(many)]
    maintenance.save(core.state, place.open())
    core = endings.slow_core(place.open())
    ask(core, UPDATE, "sys/remount", **{"from": "ssh", "to": "ssh-moved"})
    assert endings.counted(core) == [("success", many)]
    assert not any(is_good(core, each) for each in (given[0], given[many // 2], given[-1]))
    core.close()
    for _ in range(times(3, 40)):
        stepper = processes.start("step_jobs", "sqlite", place.path)
        for _ in range(chance.randrange(3)):
            processes.hear(stepper)
        processes.kill(stepper)
    core = open_core(place.open())
    endings.go_on(core)
    assert endings.left(core) == []
    assert endings.counted(core) == [("success", many)]
    with core.state.reader() as view:
        assert not [name for name in view.below("logical/") if "/otp/" in name]
        assert view.snapshot.audit(core.state.keys_of(view.snapshot).barrier) == []
    core.close()
