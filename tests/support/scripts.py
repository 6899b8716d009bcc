"""Long scripts of requests, asked of two doors, so that what they say of each can be compared.

A step is a list: verb, path, then as far as needed the data, the token, and the name of the difference that it meets.
`${3:auth.client_token}` is what the fourth answer held there. The verb MOVE moves a mount, and waits until that is
over.
"""

import re
import time
from typing import Any

from support.normal import deep
from support.replay import raw_outcome
from vaultctl.logical.door import Door
from vaultctl.logical.request import Operation, Request

Step = list[Any]

_VERBS = {
    "GET": Operation.READ,
    "LIST": Operation.LIST,
    "POST": Operation.UPDATE,
    "PATCH": Operation.PATCH,
    "DELETE": Operation.DELETE,
}
_SAVED = re.compile(r"\$\{(\d+):([^}]+)\}")
_LEFT_S = 60
"""So many seconds of a life may be over before it is looked at."""

_PATIENCE_S = 60
_BESIDE = ("is not part of vaultctl", "limits nothing")
"""What our warnings say that OpenBao's answers do not have."""


def played(door: Door, script: list[Step], root_token: str) -> list[dict[str, Any]]:
    """Ask a door a whole script, and give the answers."""
    answers: list[dict[str, Any]] = []
    for method, path, *rest in script:
        data = filled(rest[0] if rest else None, answers) or {}
        token = filled(rest[1], answers) if len(rest) > 1 and rest[1] is not None else root_token
        place = filled(path, answers)
        answers.append(
            _moved(door, place, data, token) if method == "MOVE" else _asked(door, method, place, data, token)
        )
    return answers


def _asked(door: Door, method: str, path: str, data: dict[str, Any], token: str) -> dict[str, Any]:
    place, _, query = path.partition("?")
    request = Request(
        _VERBS[method],
        place,
        data=data,
        query=dict(part.split("=", 1) for part in query.split("&")) if query else {},
        token=token,
        remote_addr="127.0.0.1",
    )
    return raw_outcome(door, request)


def _moved(door: Door, path: str, data: dict[str, Any], token: str) -> dict[str, Any]:
    """Move a mount, and give how that ended. The path is that of the namespace in which it is asked for."""
    started = _asked(door, "POST", f"{path}sys/remount", data, token)
    if "data" not in started:
        return started
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        where = f"{path}sys/remount/status/{started['data']['migration_id']}"
        status = _asked(door, "GET", where, {}, token)["data"]["migration_info"]["status"]
        if status != "in-progress" or time.monotonic() > until_s:
            return {"moved": status}
        time.sleep(0.02)


def filled(value: Any, answers: list[dict[str, Any]]) -> Any:
    """Put in what earlier answers held."""
    if isinstance(value, dict):
        return {name: filled(item, answers) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, answers) for item in value]
    return _SAVED.sub(lambda match: pick(answers[int(match[1])], match[2]), value) if isinstance(value, str) else value


def pick(answer: Any, where: str) -> str:
    """Give what an answer holds at a place; the names on the way may hold slashes, and no dots."""
    for name in where.split("."):
        answer = answer[int(name)] if isinstance(answer, list) else answer[name]
    return str(answer)


def shown(answer: dict[str, Any]) -> Any:
    """Give an answer in the form in which two are compared."""
    data = answer.get("data")
    if isinstance(data, dict) and data.get("creation_ttl", 0) - (data.get("ttl") or 0) in range(1, _LEFT_S + 1):
        answer = {**answer, "data": {**data, "ttl": data["creation_ttl"]}}
    if any(beside in text for text in answer.get("warnings", ()) for beside in _BESIDE):
        answer = {name: value for name, value in answer.items() if name != "warnings"}
    return deep(answer)
