"""Entities, aliases and quotas, beside a real OpenBao: long scripts of requests, and the same answers to each."""

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.differences import unknown
from support.scripts import played, shown
from support.sockets import dev_server
from support.states import ROOT_TOKEN, make_core

from vaultctl.storage.memory import Memory

SCRIPTS = json.loads(Path(__file__).with_name("identity_requests.json").read_text())
_OF_A_NAMESPACE = re.compile(r"(?<=<accessor:entity>)\.\w{6}$")
_DIFFERENCE = 4
"""Where a step has the name of the difference that it meets."""


def compared(answer: dict[str, Any]) -> Any:
    """Give an answer in the form in which two are compared: whatever comes in the order of random ids is sorted.

    A write of a quota says here that it limits nothing, and has a status for that. That there is no metadata OpenBao
    shows as null or as an empty object, by chance.
    """
    if any("limits nothing" in text for text in answer.get("warnings", ())):
        return {"status": 204}
    return _in_order(shown(_merged_info(answer)))


def _merged_info(answer: dict[str, Any]) -> dict[str, Any]:
    data = answer.get("data")
    if not isinstance(data, dict) or "key_info" not in data:
        return answer
    return {**answer, "data": {"keys": len(data["keys"]), "key_info": [data["key_info"][key] for key in data["keys"]]}}


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _of(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return sorted((_in_order(item) for item in value), key=repr)
    return _OF_A_NAMESPACE.sub(".<nsid>", value) if isinstance(value, str) else value


def _of(name: str, value: Any) -> Any:
    if name == "namespace_id" and value != "root":
        return "<nsid>"
    return None if name in ("custom_metadata", "metadata") and value == {} else _in_order(value)


@pytest.fixture(scope="module")
def server():
    """Our server, in another process."""
    with dev_server() as running:
        yield running


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_request_is_answered_alike(name, server, bao):
    """What OpenBao says of each request our core and our server say too, but where a step names a difference."""
    script = SCRIPTS[name]
    theirs = played(bao, script, "root")
    with closing(server.begin_anew().door()) as door:
        ours = [played(make_core(Memory()), script, ROOT_TOKEN), played(door, script, ROOT_TOKEN)]
    for answers in ours:
        for step, here, there in zip(script, answers, theirs, strict=True):
            if len(step) > _DIFFERENCE:
                assert (step, compared(here)) != (step, compared(there))
            else:
                assert (step, compared(here)) == (step, compared(there))


def test_each_difference_has_its_reason():
    """Every difference that a step names is in the document."""
    assert (
        unknown({step[_DIFFERENCE] for script in SCRIPTS.values() for step in script if len(step) > _DIFFERENCE})
        == set()
    )
