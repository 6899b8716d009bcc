"""Requests and the answers that OpenBao 2.7.2 gave, asked of every door: the core in the process, and a real OpenBao.

A case is a new state and the steps that are taken on it, one after the other; the cases are in `cases/`. Where the core
answers otherwise, `differences.json` says why: by reason, the case and its steps.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from support import bao as bao_support
from support.replay import replay
from support.states import ROOT_TOKEN, make_core

from vaultctl.storage.memory import Memory

_HERE = Path(__file__).parent
_CASES = {
    case["name"]: case["steps"]
    for path in sorted(_HERE.joinpath("cases").glob("*.json"))
    for case in json.loads(path.read_text())
}


def _differences() -> dict[str, set[int]]:
    """Give the steps that the core answers otherwise, by case."""
    found = defaultdict(set)
    for cases in json.loads(_HERE.joinpath("differences.json").read_text()).values():
        for name, numbers in cases.items():
            found[name].update(numbers)
    return dict(found)


_DIFFERENT = _differences()


@pytest.mark.parametrize("name", _CASES)
def test_the_core_answers_as_recorded(name):
    """The core answers every step of a case as OpenBao did, but for those that are said to be different."""
    expected, came = [], []
    for number, (step, wanted, answer) in enumerate(replay(make_core(Memory()), _CASES[name], ROOT_TOKEN)):
        is_different = number in _DIFFERENT.get(name, ())
        expected.append((step["method"], step["path"], "another answer" if is_different else wanted))
        came.append((step["method"], step["path"], "another answer" if is_different and wanted != answer else answer))
    assert expected == came


@pytest.mark.parametrize("name", _CASES)
def test_openbao_answers_as_recorded(name, bao):
    """A real OpenBao still answers every step of a case as it did."""
    taken = list(replay(bao, _CASES[name], bao_support.ROOT_TOKEN, patient=True))
    assert [(step["path"], wanted) for step, wanted, _ in taken] == [(step["path"], came) for step, _, came in taken]


def test_each_difference_is_in_a_case():
    """No difference names a case that is not there."""
    assert set() == _DIFFERENT.keys() - _CASES.keys()
