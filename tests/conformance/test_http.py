"""What OpenBao answered over HTTP, asked of the core in this process, as far as this version is built."""

import pytest
from support import bao as bao_support
from support.conformance import LISTED, http
from support.replay import replay
from support.states import ROOT_TOKEN, make_core

from vaultctl.storage.memory import Memory

_CASES = http().cases
_ASKED = http().asked()


@pytest.mark.parametrize("name", _ASKED)
def test_the_core_answers_as_openbao_did(name, record_property):
    """The core answers each step that it can be asked as OpenBao did, but for those with a named difference."""
    record_property("transcript", name)
    steps, numbers = _CASES[name]["steps"], _ASKED[name]
    answers = replay(make_core(Memory()), steps, ROOT_TOKEN, numbers=numbers)
    expected, came = [], []
    for number, (step, wanted, answer) in zip(numbers, answers, strict=True):
        asked = (number, step.get("method"), step.get("path"))
        is_different = LISTED.is_different(name, number)
        expected.append((*asked, "another answer" if is_different else wanted))
        came.append((*asked, "another answer" if is_different and wanted != answer else answer))
    assert expected == came


@pytest.mark.parametrize("name", http().due())
def test_openbao_still_answers_so(name, bao):
    """A real OpenBao answers every step of a case that is due as it did."""
    taken = replay(bao, _CASES[name]["steps"], bao_support.ROOT_TOKEN, patient=True, numbers=_ASKED[name])
    pairs = [(step.get("path"), wanted, came) for step, wanted, came in taken]
    assert [(path, wanted) for path, wanted, _ in pairs] == [(path, came) for path, _, came in pairs]
