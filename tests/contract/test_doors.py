"""Requests and the answers that OpenBao 2.7.2 gave, asked of every door: the core in the process, and a real OpenBao.

A case is a new state and the steps that are taken on it, one after the other. The cases in `cases/` go through what the
doors must agree on; more of them, on all that OpenBao does, are in `tests/conformance`. Where the core answers
otherwise, `differences.json` has the case and its steps below the name of the difference.
"""

import json
from pathlib import Path

import pytest
from support import bao as bao_support
from support.differences import Listed
from support.replay import replay
from support.states import ROOT_TOKEN, make_core
from support.transcripts import http_cases

from vaultctl.storage.memory import Memory

_HERE = Path(__file__).parent
_CASES = {
    case["name"]: case["steps"]
    for path in sorted(_HERE.joinpath("cases").glob("*.json"))
    for case in json.loads(path.read_text())
}
_DIFFERENT = Listed(_HERE / "differences.json")


@pytest.mark.parametrize("name", _CASES)
def test_the_core_answers_as_recorded(name):
    """The core answers every step of a case as OpenBao did, but for those that are said to be different."""
    expected, came = [], []
    for number, (step, wanted, answer) in enumerate(replay(make_core(Memory()), _CASES[name], ROOT_TOKEN)):
        is_different = _DIFFERENT.is_different(name, number)
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
    assert set() == _DIFFERENT.steps.keys() - _CASES.keys()


def test_no_case_is_kept_twice():
    """No case is both here and among the transcripts."""
    assert set() == _CASES.keys() & http_cases().keys()
