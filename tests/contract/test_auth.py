"""Auth mounts, userpass and approle, beside a real OpenBao: long scripts of requests, and the same answers to each."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.normal import deep
from support.replay import raw_outcome
from support.states import ROOT_TOKEN, make_core

from vaultctl.logical.door import Door
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

SCRIPTS = json.loads(Path(__file__).with_name("auth_requests.json").read_text())
_VERBS = {
    "GET": Operation.READ,
    "LIST": Operation.LIST,
    "POST": Operation.UPDATE,
    "DELETE": Operation.DELETE,
}
_SAVED = re.compile(r"\$\{(\d+):([^}]+)\}")
_SAYS_NOTHING = ": %!w(<nil>)"
_LEFT_S = 2
"""So many seconds of a life may be over before it is looked at."""


def played(door: Door, script: list[list[Any]], root_token: str) -> list[Any]:
    """Ask a door a whole script; `${3:auth.client_token}` is what the fourth answer held there."""
    answers: list[dict[str, Any]] = []
    for method, path, *rest in script:
        place, _, query = filled(path, answers).partition("?")
        token = filled(rest[1], answers) if len(rest) > 1 else root_token
        data = filled(rest[0] if rest else None, answers) or {}
        request = Request(
            _VERBS[method],
            place,
            data=data,
            query=dict(part.split("=", 1) for part in query.split("&")) if query else {},
            token=token,
            remote_addr="127.0.0.1",
        )
        answers.append(raw_outcome(door, request))
    return answers


def filled(value: Any, answers: list[dict[str, Any]]) -> Any:
    """Put in what earlier answers held."""
    if isinstance(value, dict):
        return {name: filled(item, answers) for name, item in value.items()}
    return _SAVED.sub(lambda match: pick(answers[int(match[1])], match[2]), value) if isinstance(value, str) else value


def pick(answer: Any, where: str) -> str:
    """Give what an answer holds at a place."""
    for name in where.split("."):
        answer = answer[name]
    return str(answer)


def shown(answer: dict[str, Any]) -> Any:
    """Give an answer in the form in which two are compared."""
    data = answer.get("data")
    if isinstance(data, dict) and data.get("creation_ttl", 0) - (data.get("ttl") or 0) in range(1, _LEFT_S + 1):
        answer = {**answer, "data": {**data, "ttl": data["creation_ttl"]}}
    if "errors" in answer:
        answer = {**answer, "errors": [text.replace(_SAYS_NOTHING, "") for text in answer["errors"]]}
    if any("is not part of vaultctl" in text for text in answer.get("warnings", ())):
        answer = {name: value for name, value in answer.items() if name != "warnings"}
    return deep(answer)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_request_is_answered_alike(name, bao):
    """What the two say of each request of a script is the same, but for `cidr-refusals`."""
    script = SCRIPTS[name]
    here = played(make_core(Memory()), script, ROOT_TOKEN)
    there = played(bao, script, "root")
    for step, ours, theirs in zip(script, here, there, strict=True):
        assert (step, shown(ours)) == (step, shown(theirs))
