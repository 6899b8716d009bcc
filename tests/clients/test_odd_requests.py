"""Requests that no client sends, to `vaultctl server -dev` and to a real OpenBao, header by header."""

import json
import re
from typing import Any

import pytest
from support import normal
from support.bao import Bao
from support.odd_requests import ODD, Odd
from support.sockets import ask

_COMPARED = ("content-type", "location", "x-vault-namespace", "allow", "cache-control", "strict-transport-security")
_LEAST = 1000


@pytest.mark.parametrize("subject", ODD)
def test_what_is_odd_is_answered_as_openbao_answers_it(subject, bao, ours):
    """Status, headers and body of each answer are the same on both servers."""
    differ = []
    for number, odd in enumerate(ODD[subject]):
        came, wanted = _answer(ours, odd), _answer(bao, odd)
        if came != wanted:
            differ.append((number, odd.method, odd.target[:80], (odd.body or b"")[:80], odd.headers, came, wanted))
    assert differ == []


def test_there_are_many():
    """The lists are not empty by mistake."""
    assert sum(map(len, ODD.values())) > _LEAST


def _answer(server: Bao, odd: Odd) -> tuple[int, dict[str, str | None], Any]:
    got = ask(server.port, *odd)
    return got.status, {name: got.headers.get(name) for name in _COMPARED}, _body(got.body)


def _body(body: bytes) -> Any:
    try:
        said = normal.deep(json.loads(body))
    except ValueError:
        return normal.text(body.decode())
    if isinstance(said, dict) and "help" in said:  # the words are our own
        return re.findall("Matching Route: .*", said["help"])
    return said
