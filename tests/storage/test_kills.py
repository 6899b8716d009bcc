"""Processes that are killed while they write: nothing that they answered is lost, and nothing is there by halves."""

import random

from support import processes
from support.places import Place
from support.soak import times
from support.states import ROOT_TOKEN, make_core, open_core

from vaultctl.core.core import Core
from vaultctl.logical.errors import NotFound
from vaultctl.logical.request import Operation, Request


def test_a_killed_process_loses_nothing_that_it_answered(disk_place: Place):
    """After each of many kills the state holds every answered write, at most one more, and nothing else."""
    make_core(disk_place.open()).close()
    chance, count = random.Random(), 0
    for _ in range(times(15, 400)):
        answered = count + _kill_a_writer(disk_place, count, chance)
        core = open_core(disk_place.open())
        stored = _stored(core)
        assert stored in (list(range(answered)), list(range(answered + 1)))
        count = len(stored)
        assert [_read(core, number) for number in stored[-2:]] == stored[-2:]
        core.close()
    core = open_core(disk_place.open())
    assert [_read(core, number) for number in range(count)] == list(range(count))


def test_a_state_that_many_kills_hit_passes_its_audit(disk_place: Place):
    """The whole of a state, with what its killed writers left behind, is as vaultctl wrote it."""
    make_core(disk_place.open()).close()
    chance = random.Random()
    for _ in range(times(5, 50)):
        core = open_core(disk_place.open())
        _kill_a_writer(disk_place, len(_stored(core)), chance)
        with core.state.reader() as view:
            assert view.snapshot.audit(core.state.keys_of(view.snapshot).barrier) == []
        core.close()


def _kill_a_writer(place: Place, first: int, chance: random.Random) -> int:
    """Let a process write secrets from this number on, kill it at a moment of chance, and count what it answered."""
    writer = processes.start("write_on", place.kind, place.path, first)
    heard = [processes.hear(writer) for _ in range(chance.randrange(1, 10))]
    for _ in range(chance.randrange(60_000)):
        pass
    heard += processes.kill(writer)
    assert heard == [str(first + offset) for offset in range(len(heard))]
    return len(heard)


def _stored(core: Core) -> list[int]:
    """Give the numbers of all secrets."""
    try:
        listed = core.handle(Request(Operation.LIST, "secret/metadata", token=ROOT_TOKEN))
    except NotFound:
        return []
    return sorted(map(int, listed.data["keys"]))


def _read(core: Core, number: int) -> int:
    """Give what a secret holds, which is its own number."""
    return core.handle(Request(Operation.READ, f"secret/data/{number}", token=ROOT_TOKEN)).data["data"]["number"]
