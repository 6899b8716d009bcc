"""The transcripts of OpenBao 2.7.2 in `tests/conformance`: what was asked of it, over HTTP and by command line.

A file holds the cases of one family, one case a line. How an answer is written down is told in the folder's README.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "conformance"

Case = Mapping[str, Any]


@cache
def http_cases() -> dict[str, Case]:
    """Give the cases that were asked over HTTP, each answer in the form that `support.replay` compares."""
    return {name: {**case, "steps": [_step(step) for step in case["steps"]]} for name, case in _cases("http").items()}


@cache
def wire_cases() -> dict[str, Case]:
    """Give the same cases; each answer has what only HTTP has, too."""
    cases = _cases("http").items()
    return {name: {**case, "steps": [_step(step, wire_outcome) for step in case["steps"]]} for name, case in cases}


@cache
def command_line_cases() -> dict[str, Case]:
    """Give the cases that the program `bao` was run for."""
    return _cases("cli")


def _cases(folder: str) -> dict[str, Case]:
    paths = sorted(FOLDER.joinpath(folder).glob("*.json"))
    return {case["name"]: case for path in paths for case in json.loads(path.read_text(encoding="utf-8"))}


def _step(
    step: Mapping[str, Any], outcome: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
) -> dict[str, Any]:
    expect = step.get("expect", {})
    if "parallel" in step:
        expect = {**expect, "parallel": [(outcome or _outcome)(each) for each in expect.get("parallel", ())]}
        return {**step, "expect": expect}
    return {**step, "expect": (outcome or _outcome)(expect)}


def wire_outcome(expect: Mapping[str, Any]) -> dict[str, Any]:
    """Take an answer out of its HTTP body, and keep what stood around it."""
    names = ("mirrored", "location", "headers", "content_type", "text")
    around = {name: expect[name] for name in names if name in expect}
    return {**_outcome({"body": None, **expect}), "around": around}


def _outcome(expect: Mapping[str, Any]) -> dict[str, Any]:
    """Take an answer out of its HTTP body, which is only how it was written."""
    status, body = expect["status"], expect.get("body")
    same = {"same": expect["same"]} if "same" in expect else {}
    if "envelope" in expect or (isinstance(body, dict) and "request_id" in body):
        envelope = expect.get("envelope", body)
        return {"status": status, "data": envelope.get("data"), **_beside(envelope), **same}
    if body is None or "errors" in body:
        said = {"errors": (body or {}).get("errors", [])} if status >= 400 else {}
        return {"status": status, **said, **({"data": None} if status == 200 else {})}
    return {"status": status, "raw": body}


def _beside(envelope: Mapping[str, Any]) -> dict[str, Any]:
    names = ("warnings", "lease_duration", "lease_id", "renewable", "auth", "wrap_info")
    return {name: envelope[name] for name in names if envelope.get(name)}
