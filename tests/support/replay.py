"""Recorded steps of the HTTP API, asked of any door."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, unquote

from support.due import body_of, wrap_ttl_s
from support.normal import deep, without_age
from support.states import ROOT_TOKEN
from vaultctl.logical.door import Door
from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import MERGE_PATCH, Operation, Request
from vaultctl.logical.response import Response

Step = Mapping[str, Any]
Outcome = dict[str, Any]
Asked = Callable[[Step, Mapping[str, str]], Outcome]

_OPERATIONS = {
    "GET": Operation.READ,
    "LIST": Operation.LIST,
    "SCAN": Operation.SCAN,
    "POST": Operation.UPDATE,
    "PUT": Operation.UPDATE,
    "PATCH": Operation.PATCH,
    "DELETE": Operation.DELETE,
}
_PATIENCE_S = 5.0
_UPGRADING = "Upgrading from non-versioned to versioned data"


def request_of(step: Step, saved: Mapping[str, str], root_token: str) -> Request:
    """Make the request that a step stands for."""
    path, _, query_text = filled(step["path"], saved).partition("?")
    query = dict(parse_qsl(query_text, keep_blank_values=True))
    operation = _OPERATIONS[step.get("method", "GET")]
    if operation is Operation.READ and query.pop("list", "") == "true":
        operation = Operation.LIST
    if operation is Operation.READ and query.pop("scan", "") == "true":
        operation = Operation.SCAN
    token = filled(step.get("token", "root") or "", saved)
    usual = MERGE_PATCH if operation is Operation.PATCH else "application/json"
    return Request(
        operation,
        unquote(path),
        namespace=step.get("namespace", ""),
        data=filled(body_of(step), saved),
        query=query if operation not in (Operation.UPDATE, Operation.PATCH) else {},
        content_type=step.get("headers", {}).get("Content-Type", usual) or "",
        token=root_token if token == "root" else token,
        wrap_ttl_s=wrap_ttl_s(step),
        wrap_format=step.get("headers", {}).get("X-Vault-Wrap-Format", ""),
    )


def ask(door: Door, request: Request) -> Outcome:
    """Ask a door, and give its answer or its refusal in one form, with what differs from run to run put away."""
    return deep(raw_outcome(door, request))


def raw_outcome(door: Door, request: Request) -> Outcome:
    """Ask a door, and give its answer or its refusal in one form."""
    try:
        response = door.handle(request)
    except VaultError as error:
        outcome: Outcome = {"status": error.status}
        if error.data is not None or error.warnings:
            outcome["data"] = error.data
        else:
            outcome["errors"] = list(error.errors)
        return outcome | ({"warnings": list(error.warnings)} if error.warnings else {})
    return _answer(response)


def _answer(response: Response) -> Outcome:
    parts = (response.data, response.raw, response.auth, response.wrap_info)
    has_body = any(part is not None for part in parts) or bool(response.warnings)
    outcome: Outcome = {"status": response.status or (200 if has_body else 204)}
    if outcome["status"] == 204:
        return outcome  # over HTTP there is no room for more
    if response.raw is not None:
        outcome["raw"] = dict(response.raw)
    elif has_body or outcome["status"] == 200:
        outcome["data"] = None if response.data is None else dict(response.data)
    if response.warnings:
        outcome["warnings"] = list(response.warnings)
    if response.lease:
        duration_s, lease_id, renewable = response.lease[:3]
        beside = {"lease_duration": duration_s, "lease_id": lease_id, "renewable": renewable}
        outcome |= {name: value for name, value in beside.items() if value}
    for name, value in (("auth", response.auth), ("wrap_info", response.wrap_info)):
        if value is not None:
            outcome[name] = dict(value)
    return outcome


def replay(
    door: Door,
    steps: list[Step],
    root_token: str,
    *,
    patient: bool = False,
    numbers: Iterable[int] | None = None,
    home: str = "",
    unseal_key: str = "",
) -> Iterator[tuple[Step, Outcome, Outcome]]:
    """Ask a door step by step, or only some steps; give each step, what is expected and what came.

    A patient one asks again while a server still works on what it was asked before. `home` is the folder that a case
    means by the server's, `unseal_key` the one share of its seal.
    """

    def asked(step: Step, saved: Mapping[str, str]) -> Outcome:
        outcome = raw_outcome(door, request_of(step, {"home": home, **saved}, root_token))
        return _without_place(outcome, home) if home else outcome

    return replay_by(asked, steps, patient=patient, numbers=numbers, unseal_key=unseal_key)


def replay_by(
    asked: Asked,
    steps: list[Step],
    *,
    patient: bool = False,
    numbers: Iterable[int] | None = None,
    unseal_key: str = "",
) -> Iterator[tuple[Step, Outcome, Outcome]]:
    """Do the same by a function that asks one step, given what was saved before."""
    # What an answer did not hold is nothing in the steps behind it: so it was when OpenBao was asked.
    saved: dict[str, str] = {name: "" for step in steps for name in step.get("save", ())}
    saved["unseal_key"] = unseal_key
    for number in range(len(steps)) if numbers is None else numbers:
        step = steps[number]
        if "parallel" in step:
            yield step, _wanted(step), _at_once(asked, step, saved)
            continue
        waits = patient or "sleep" in step
        deadline = time.monotonic() + step.get("sleep", 0) + (_PATIENCE_S if waits or "poll" in step else 0)
        while True:
            raw = _as_root(asked(step, saved))
            came = _pruned(step, deep(raw) | _same(step, raw, saved))
            if time.monotonic() >= deadline or not (_is_to_come(step, raw) or (waits and _is_late(step, raw, came))):
                break
            time.sleep(0.02)
        for name, where in step.get("save", {}).items():
            saved[name] = _pick(raw, where.split(".")) or ""
        yield step, _wanted(step), came


def _without_place(value: Any, home: str) -> Any:
    if isinstance(value, dict):
        return {key: _without_place(item, home) for key, item in value.items()}
    return value.replace(home, "<home>") if isinstance(value, str) else value


def _is_to_come(step: Step, raw: Outcome) -> bool:
    """Tell whether a step waits for something that is not yet so."""
    until = step.get("poll", {}).get("until", {})
    return any(
        (raw["status"] if path == "@status" else _pick(raw, path.split("."))) != want for path, want in until.items()
    )


def _is_late(step: Step, raw: Outcome, came: Outcome) -> bool:
    upgrading = any(_UPGRADING in error for error in raw.get("errors", ()))
    reads = step.get("method", "GET") in ("GET", "LIST") or step["path"] == "sys/wrapping/lookup"
    return upgrading or (reads and came != _wanted(step))


def _same(step: Step, raw: Outcome, saved: Mapping[str, str]) -> Outcome:
    """Tell of values that are put away whether they are those that were saved."""
    if "same" not in step:
        return {}
    return {"same": {path: _pick(raw, path.split(".")) == filled(value, saved) for path, value in step["same"].items()}}


def _at_once(asked: Asked, step: Step, saved: Mapping[str, str]) -> Outcome:
    """Ask several requests at the same moment; in which order they are served is chance."""
    with ThreadPoolExecutor(len(step["parallel"])) as pool:
        outcomes = list(pool.map(lambda each: asked(each, saved), step["parallel"]))
    if step.get("compare", True) is False:
        return {}
    if step.get("summary"):
        return {"status": 0, "sent": len(outcomes), "answered_200": sum(each["status"] == 200 for each in outcomes)}
    return {"status": 0, "parallel": sorted((deep(each) for each in outcomes), key=repr)}


def _wanted(step: Step) -> Outcome:
    expect = deep(step["expect"])
    if "parallel" not in step:
        return _pruned(step, expect)
    if step.get("compare", True) is False:
        return {}
    if step.get("summary"):
        return {name: value for name, value in expect.items() if name != "parallel"}
    return {**expect, "parallel": sorted(expect["parallel"], key=repr)}


def _pruned(step: Step, outcome: Outcome) -> Outcome:
    """Take away what a step does not look at, and what is nowhere the same."""
    outcome = _without_builtin(outcome)
    if isinstance(outcome.get("data"), dict):
        outcome = {**outcome, "data": without_age(outcome["data"])}
    for path in step.get("ignore", ()):
        if path in ("@body", "*"):
            outcome = {name: outcome[name] for name in ("status",) if name in outcome}
        _drop(outcome, path.removeprefix("@").split("."))
    for path in step.get("unordered", ()):
        *above, last = path.split(".")
        holder = _pick(outcome, above)
        if isinstance(holder, dict) and isinstance(holder.get(last), list):
            holder[last] = sorted(holder[last])
    return outcome


_JOB = ("phase", "done", "total", "started", "updated", "error")
"""What a move's status has here and not in OpenBao."""


_REWRAP = ("total", "phase", "started", "updated", "error", "failed_entries", "key_id", "note")
"""What the status of a rewrap has here and not in Vault."""


def _without_builtin(outcome: Outcome) -> Outcome:
    data = outcome.get("data")
    if isinstance(data, dict) and {"entries", "is_running"} <= data.keys():
        return {**outcome, "data": {key: value for key, value in data.items() if key not in _REWRAP}}
    if isinstance(data, dict) and isinstance(data.get("migration_info"), dict):
        info = {key: value for key, value in data["migration_info"].items() if key not in _JOB}
        return {**outcome, "data": {**data, "migration_info": info}}
    return outcome


def _as_root(outcome: Outcome) -> Outcome:
    """Give the root token of the tests, where an answer tells of it, by the name that it had in OpenBao."""
    data = outcome.get("data")
    is_root = isinstance(data, dict) and data.get("id") == ROOT_TOKEN
    return {**outcome, "data": {**data, "id": "root"}} if is_root else outcome


def _drop(value: Any, path: list[str]) -> None:
    for key in list(value) if path[0] == "*" else [path[0]]:
        if not isinstance(value, dict) or key not in value:
            continue
        if len(path) == 1:
            del value[key]
        else:
            _drop(value[key], path[1:])


def _pick(value: Any, path: list[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def filled(value: Any, saved: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in saved.items():
            value = value.replace(f"${{{name}}}", str(text))
        return value
    if isinstance(value, dict):
        return {key: filled(item, saved) for key, item in value.items()}
    return [filled(item, saved) for item in value] if isinstance(value, list) else value
