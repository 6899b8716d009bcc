"""Requests and the answers that OpenBao 2.7.2 gave, asked of every door.

The doors are four: the core in the process; a server of ours, asked over a socket; a server of ours that passes all on
to another one; and a real OpenBao, asked by the same door that commands use.

A case is a new state and the steps that are taken on it, one after the other. The cases in `cases/` go through what the
doors must agree on; more of them, on all that OpenBao does, are in `tests/conformance`. Where ours answer otherwise,
 `differences.json` has the case and its steps below the name of the difference.
"""

import json
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from support import bao as bao_support
from support.differences import Listed
from support.replay import replay
from support.sockets import dev_server, proxy_of, remote_door
from support.states import ROOT_TOKEN, make_core
from support.transcripts import http_cases

from vaultctl.logical.door import Door
from vaultctl.storage.memory import Memory

_HERE = Path(__file__).parent
_CASES = {
    case["name"]: case["steps"]
    for path in sorted(_HERE.joinpath("cases").glob("*.json"))
    for case in json.loads(path.read_text())
}
_DIFFERENT = Listed(_HERE / "differences.json")


class Opened(NamedTuple):
    """A door on a new state, the root token there, and whether what answers works on in the background."""

    door: Door
    root_token: str
    is_patient: bool = False


@pytest.fixture(scope="module")
def server():
    """Our server, in another process."""
    with dev_server() as running:
        yield running


@pytest.fixture(scope="module")
def proxy():
    """Our server, which passes all on to a second one behind it."""
    with dev_server() as behind, proxy_of(behind) as running:
        yield running


@contextmanager
def _core(_request):
    yield Opened(make_core(Memory()), ROOT_TOKEN)


@contextmanager
def _server(request):
    with closing(request.getfixturevalue("server").begin_anew().door()) as door:
        yield Opened(door, ROOT_TOKEN)


@contextmanager
def _proxy(request):
    with closing(request.getfixturevalue("proxy").begin_anew().door()) as door:
        yield Opened(door, ROOT_TOKEN)


@pytest.fixture(params=[_core, _server, _proxy], ids=["core", "server", "proxy"])
def ours(request):
    """A door of ours: to the core in this process, to a server, to a server in front of another."""
    with request.param(request) as opened:
        yield opened


@pytest.fixture
def openbao(bao):
    """The door to a real OpenBao."""
    with closing(remote_door(bao.address)) as door:
        yield Opened(door, bao_support.ROOT_TOKEN, is_patient=True)


def _replayed(opened, steps):
    return replay(opened.door, steps, opened.root_token, patient=opened.is_patient)


@pytest.mark.parametrize("name", _CASES)
def test_our_doors_answer_as_recorded(name, ours):
    """Every door of ours answers every step of a case as OpenBao did, but for those that are said to be different."""
    expected, came = [], []
    for number, (step, wanted, answer) in enumerate(_replayed(ours, _CASES[name])):
        is_different = _DIFFERENT.is_different(name, number)
        expected.append((step["method"], step["path"], "another answer" if is_different else wanted))
        came.append((step["method"], step["path"], "another answer" if is_different and wanted != answer else answer))
    assert expected == came


@pytest.mark.parametrize("name", _CASES)
def test_openbao_answers_as_recorded(name, openbao):
    """A real OpenBao, by the door that commands use, still answers every step of a case as it did."""
    taken = list(_replayed(openbao, _CASES[name]))
    assert [(step["path"], wanted) for step, wanted, _ in taken] == [(step["path"], came) for step, _, came in taken]


def test_each_difference_is_in_a_case():
    """No difference names a case that is not there."""
    assert set() == _DIFFERENT.steps.keys() - _CASES.keys()


def test_no_case_is_kept_twice():
    """No case is both here and among the transcripts."""
    assert set() == _CASES.keys() & http_cases().keys()
