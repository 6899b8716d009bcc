"""Many processes, and many threads, on one state at once."""

from concurrent.futures import ThreadPoolExecutor

from support import processes
from support.places import Place
from support.soak import times
from support.states import ROOT_TOKEN, make_core, make_state, open_state, values

from vaultctl.core.core import Core
from vaultctl.logical.request import Operation, Request

PROCESSES = 8
MUTATIONS = times(10, 100)


def test_no_process_loses_what_another_writes(disk_place: Place):
    """Processes that write at once all have their entries in the state, and none fails."""
    make_state(disk_place.open())
    names = [f"writer-{number}" for number in range(PROCESSES)]
    assert _run_at_once(disk_place, *(("mutate", name, MUTATIONS) for name in names)) == [[]] * PROCESSES
    expected = {f"core/test/{name}/{number:04d}": name.encode() for name in names for number in range(MUTATIONS)}
    found = values(open_state(disk_place.open()), "core/test/")
    assert {name: value for name, value in found.items() if name != "core/test/counter"} == expected


def test_processes_count_together(disk_place: Place):
    """Processes that each read a number and write the next one never read the same."""
    make_state(disk_place.open())
    _run_at_once(disk_place, *(("mutate", f"writer-{number}", MUTATIONS) for number in range(PROCESSES)))
    assert values(open_state(disk_place.open()))["core/test/counter"] == str(PROCESSES * MUTATIONS).encode()


def test_of_many_first_uses_one_makes_the_state(disk_place: Place):
    """Processes that come to an empty place at once all end well, and one of them made the state."""
    said = _run_at_once(disk_place, *[("make",)] * PROCESSES)
    assert sorted(said) == [["False"]] * (PROCESSES - 1) + [["True"]]
    assert values(open_state(disk_place.open())) == {}


def test_threads_share_a_core(place: Place):
    """Threads that write and read through one core lose nothing, and each reads what it wrote."""
    core = make_core(place.open())
    with ThreadPoolExecutor(PROCESSES) as pool:
        read = list(pool.map(lambda number: _write_and_read(core, number), range(PROCESSES * 10)))
    assert read == list(range(PROCESSES * 10))


def test_readers_see_whole_commits(place: Place):
    """A thread that reads while another writes sees the entries of one commit together, and never an older state."""
    state = make_state(place.open(), lambda transaction: _put_pair(transaction, 0))
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(_write_pairs, state)
        seen = []
        while not writing.done():
            found = values(state, "core/test/")
            seen.append((int(found["core/test/a"]), int(found["core/test/b"])))
        writing.result()
    assert [first for first, second in seen if first != second] == []
    assert seen == sorted(seen)


def _run_at_once(place: Place, *programs: tuple[object, ...]) -> list[list[str]]:
    """Start a process for each program, let all go when all are ready, and give what each said after that."""
    started = [processes.start(program, place.kind, place.path, *rest) for program, *rest in programs]
    assert [processes.hear(process) for process in started] == ["ready"] * len(started)
    for process in started:
        processes.say(process)
    ended = [processes.end(process) for process in started]
    assert [code for code, _ in ended] == [0] * len(started)
    return [lines for _, lines in ended]


def _write_and_read(core: Core, number: int) -> int:
    path = f"secret/data/{number}"
    core.handle(Request(Operation.UPDATE, path, data={"data": {"number": number}}, token=ROOT_TOKEN))
    return core.handle(Request(Operation.READ, path, token=ROOT_TOKEN)).data["data"]["number"]


def _write_pairs(state) -> None:
    for number in range(1, times(50, 500)):
        with state.writer() as transaction:
            _put_pair(transaction, number)
            transaction.commit()


def _put_pair(transaction, number: int) -> None:
    for name in "ab":
        transaction.put(f"core/test/{name}", str(number).encode())
