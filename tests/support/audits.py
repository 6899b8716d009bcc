"""Audit devices in tests: enabled on a core, and the lines that they wrote."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from support.states import ROOT_TOKEN
from vaultctl.core.auditing import OWNER
from vaultctl.core.core import Core
from vaultctl.logical.door import Door
from vaultctl.logical.errors import NotAudited, VaultError
from vaultctl.logical.request import NOTHING, Operation, Request
from vaultctl.logical.response import Response

OWNED = {"audit_rules": OWNER}


def enable(door: Door, name: str = "file", *, token: str = ROOT_TOKEN, type_: str = "file", **options: str) -> None:
    """Enable a device."""
    body = {"type": type_, "options": options}
    door.handle(Request(Operation.UPDATE, f"sys/audit/{name}", data=body, token=token))


def enable_full(door: Door, name: str = "file") -> None:
    """Enable a device that nothing can be written to: not even the answer that it is enabled."""
    with suppress(NotAudited):
        enable(door, name, file_path="/dev/full", skip_test="true")


def audited(core: Core, log: Path, **options: str) -> Core:
    """Give a core that writes to a log."""
    enable(core, file_path=str(log), **options)
    return core


def lines(log: Path) -> list[dict[str, Any]]:
    """Give the entries of a log, each of which is a whole line."""
    text = log.read_text()
    assert text.endswith("\n") or not text
    return [json.loads(line) for line in text.splitlines()]


def ask(door: Door, operation: Operation, path: str, asker: str = ROOT_TOKEN, **data: Any) -> Response:
    """Ask a door. Raises: VaultError."""
    reads = operation in (Operation.READ, Operation.LIST, Operation.SCAN, Operation.DELETE)
    query, body = (data, NOTHING) if reads else (NOTHING, data)
    return door.handle(Request(operation, path, data=body, query=query, token=asker))


def refused(door: Door, operation: Operation, path: str, asker: str = ROOT_TOKEN, **data: Any) -> VaultError:
    """Ask a door for what it refuses, and give its refusal."""
    try:
        ask(door, operation, path, asker, **data)
    except VaultError as error:
        return error
    raise AssertionError(f"{operation} {path} was not refused")
