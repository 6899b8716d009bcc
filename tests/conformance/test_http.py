"""What OpenBao answered over HTTP, asked of the core in this process, as far as this version is built."""

import time
from base64 import b64encode
from functools import partial
from itertools import count

import pytest
from support import bao as bao_support
from support.conformance import LISTED, http
from support.replay import replay
from support.states import ROOT_TOKEN

from vaultctl.connect.dev import dev
from vaultctl.core.auditing import SERVED, Rules

_CASES = http().cases
_ASKED = http().asked()
_ALLOWED = Rules(may_enable=True, may_prefix=True)


def _clock_for(steps):
    """Give a clock in which no second ends between two steps, where none of them waits for one."""
    if any("sleep" in step for step in steps):
        return time.time_ns
    return partial(next, count(time.time_ns() // 10**9 * 10**9, 1000))


@pytest.mark.parametrize("name", _ASKED)
def test_the_core_answers_as_openbao_did(name, record_property, tmp_path):
    """The core answers each step that it can be asked as OpenBao did, but for those with a named difference."""
    record_property("transcript", name)
    steps, numbers = _CASES[name]["steps"], _ASKED[name]
    rules = _ALLOWED if "config" in _CASES[name] else SERVED
    made = dev(ROOT_TOKEN, audit_rules=rules, now_ns=_clock_for(steps))
    key = b64encode(made.unseal_key).decode()
    answers = replay(made.core, steps, ROOT_TOKEN, numbers=numbers, home=str(tmp_path), unseal_key=key)
    expected, came = [], []
    for number, (step, wanted, answer) in zip(numbers, answers, strict=True):
        asked = (number, step.get("method"), step.get("path"))
        is_different = LISTED.is_different(name, number)
        expected.append((*asked, "another answer" if is_different else wanted))
        came.append((*asked, "another answer" if is_different and wanted != answer else answer))
    assert expected == came


@pytest.mark.parametrize("name", [name for name in http().due() if not name.startswith("seed-sealwrap-")])
def test_openbao_still_answers_so(name, request, tmp_path):
    """A real OpenBao answers every step of a case that is due as it did."""
    bao = request.getfixturevalue("audited_bao" if "config" in _CASES[name] else "bao")
    steps, numbers = _CASES[name]["steps"], _ASKED[name]
    asked = {"patient": True, "numbers": numbers, "home": str(tmp_path), "unseal_key": bao.unseal_key}
    taken = replay(bao, steps, bao_support.ROOT_TOKEN, **asked)
    pairs = [(step.get("path"), wanted, came) for step, wanted, came in taken]
    assert [(path, wanted) for path, wanted, _ in pairs] == [(path, came) for path, _, came in pairs]
