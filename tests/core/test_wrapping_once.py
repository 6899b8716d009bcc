"""What was wrapped is given out at most once, whoever asks at the same moment, and whatever is killed."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from support import processes
from support.places import ON_DISK, Place
from support.soak import times
from support.sockets import ask, dev_server
from support.states import ROOT_TOKEN, make_core, open_core
from support.wrapping import unwrap, verify, wrap

from vaultctl.logical.errors import InvalidRequest

AT_ONCE = 64
PROCESSES = 4


@pytest.fixture(scope="module")
def port():
    """Give the port of a server in another process."""
    with dev_server() as running:
        yield running.begin_anew().port


def _post(port: int, path: str, body: object, token: str = ROOT_TOKEN, **headers: str):
    sent = {"X-Vault-Token": token, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return ask(port, "POST", f"/v1/sys/wrapping/{path}", json.dumps(body).encode(), sent)


@pytest.mark.parametrize("paths", [("unwrap",), ("unwrap", "rewrap")], ids=["unwraps", "with rewraps"])
def test_of_many_who_ask_a_server_at_once_one_wins(port, paths):
    """Of 64 requests at the same moment for one token, by its holder and by others, exactly one is answered."""
    made = _post(port, "wrap", {"a": "b"}, X_Vault_Wrap_TTL="60").json
    token, together = made["wrap_info"]["token"], Barrier(AT_ONCE)

    def try_it(number: int) -> int:
        path = paths[number % len(paths)]
        own = path == "unwrap" and number % 3 == 0
        together.wait()
        return _post(port, path, {} if own else {"token": token}, token if own else ROOT_TOKEN).status

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = list(pool.map(try_it, range(AT_ONCE)))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 400, 403}


@pytest.mark.parametrize("kind", ON_DISK)
def test_of_many_processes_one_wins(kind, tmp_path):
    """Of 64 who unwrap one token at the same moment, in several processes with threads, exactly one gets it."""
    place = Place(kind, tmp_path)
    core = make_core(place.open())
    tokens = [wrap(core, number=number) for number in range(3)]
    core.close()
    workers = [
        processes.start("unwrap_together", kind, place.path, AT_ONCE // PROCESSES, *tokens) for _ in range(PROCESSES)
    ]
    assert [processes.hear(worker) for worker in workers] == ["ready"] * PROCESSES
    for worker in workers:
        processes.say(worker)
    heard = [[processes.hear(worker) for _ in tokens] for worker in workers]
    for worker in workers:
        processes.end(worker)
    for number, each in enumerate(zip(*heard, strict=True)):
        assert sorted(each) == ["0"] * (PROCESSES - 1) + [f"1 {number}"]


@pytest.mark.parametrize("kind", ON_DISK)
def test_a_killed_process_gives_nothing_out_twice(kind, tmp_path):
    """After many kills each content was given out at most once; what was lost on its way is known to be used."""
    place, chance = Place(kind, tmp_path), random.Random()
    core = make_core(place.open())
    tokens = [wrap(core, number=number) for number in range(40)]
    core.close()
    given: list[str] = []
    for _ in range(times(4, 60)):
        worker = processes.start("unwrap_on", kind, place.path, *tokens)
        heard = [processes.hear(worker) for _ in range(chance.randrange(1, 12))]
        heard += processes.kill(worker)
        given += [each for each in heard if each]
    core = open_core(place.open())
    states = [verify(core, token)["state"] for token in tokens]
    assert set(states) <= {"live", "used"}
    for number, (token, state) in enumerate(zip(tokens, states, strict=True)):
        if state == "live":
            given.append(str(unwrap(core, token)["number"]))
        else:
            with pytest.raises(InvalidRequest):
                unwrap(core, token)
            assert given.count(str(number)) <= 1
    assert len(given) == len(set(given))
    assert len(given) >= len(tokens) - times(4, 60)
