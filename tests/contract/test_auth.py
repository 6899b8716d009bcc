"""Auth mounts, userpass and approle, beside a real OpenBao: long scripts of requests, and the same answers to each."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.scripts import played, shown
from support.states import ROOT_TOKEN, make_core

from vaultctl.storage.memory import Memory

SCRIPTS = json.loads(Path(__file__).with_name("auth_requests.json").read_text())
_SAYS_NOTHING = ": %!w(<nil>)"


def without_nothing(answer: dict[str, Any]) -> dict[str, Any]:
    """Give an answer without what says nothing in it."""
    if "errors" in answer:
        return {**answer, "errors": [text.replace(_SAYS_NOTHING, "") for text in answer["errors"]]}
    return answer


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_request_is_answered_alike(name, bao):
    """What the two say of each request of a script is the same, but for `cidr-refusals`."""
    script = SCRIPTS[name]
    here = played(make_core(Memory()), script, ROOT_TOKEN)
    there = played(bao, script, "root")
    for step, ours, theirs in zip(script, here, there, strict=True):
        assert (step, shown(ours)) == (step, shown(without_nothing(theirs)))
