"""How commands show what they found, or that they wrote."""

from collections.abc import Mapping, Sequence
from typing import Any

from vaultctl.cli import output, values
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import INT, flag, switch
from vaultctl.logical.errors import VaultError
from vaultctl.logical.response import Response

PAGE = (
    flag("after", "List only what sorts behind this name.", metavar="NAME"),
    flag("limit", "List no more names than this.", INT, default="-1"),
    switch("detailed", "Show what is told of each name. Also: BAO_DETAILED."),
)


def show_path(run: Run, verb: str) -> None:
    """List or scan a path of the API, and print what is there. Raises: Failure."""
    fmt = run.format()
    path = run.args[0].strip("/ ")
    is_page = run["after"] or run["limit"] > 0
    query = {"after": run["after"] or "", "limit": str(run["limit"])} if is_page else {}
    detailed = run["detailed"] or (run.env.variable("DETAILED") or "").lower() in ("1", "t", "true")
    show(run, fmt, run.client.find(verb, path, query=query), path, detailed=detailed)


def show(run: Run, fmt: str, answer: Response | None, path: str, *, detailed: bool = False) -> None:
    """Print the keys. Nothing there is exit code 2, and in JSON `{}`. Raises: Failure."""
    data = (answer.data or {}) if answer else {}
    keys = data.get("keys")
    if answer and fmt == "table":
        run.env.warn(answer.warnings)
    if answer and keys:
        _show_keys(run, fmt, answer, keys, detailed=detailed)
        return
    if fmt != "table":
        output.emit(run.env, fmt, {})
        raise Failure("")
    if not (answer and answer.warnings):
        what = "value" if answer is None or answer.data is None else "entries"
        raise Failure(f"No {what} found at {path.rstrip('/')}")


def _show_keys(run: Run, fmt: str, answer: Response, keys: Sequence[str], *, detailed: bool) -> None:
    info = (answer.data or {}).get("key_info")
    if detailed and fmt == "json":
        output.emit(run.env, fmt, output.envelope(answer))
    elif fmt != "table":
        output.keys(run.env, fmt, keys)
    elif detailed and info:
        show_details(run, {key: info.get(key, {}) for key in keys})
    else:
        output.keys(run.env, fmt, sorted(keys))


def show_details(run: Run, info: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a row for each key, with a column for all that is told of any."""
    columns = sorted({column for told in info.values() for column in told})
    rows = [[key, *(_cell(info[key], column) for column in columns)] for key in sorted(info)]
    output.table(run.env, ["Keys", *columns], rows)


def _cell(told: Mapping[str, Any], column: str) -> str:
    return output.go_text(told[column]) if column in told else ""


def write_path(run: Run, verb: str) -> None:
    """Write the words' data to a path of the API, and print the answer. Raises: Misuse."""
    fmt = run.format()
    path = run.args[0].strip("/ ")
    if len(run.args) == 1 and not (run["force"] or run["f"]):
        raise Misuse("Must supply data or use -force")
    data = values.parse(run.args[1:])
    run.env.doing = f"Error writing data to {path}"
    try:
        answer = run.client.call(verb, path, data)
    except VaultError as error:
        if error.data:  # a refusal can tell something too, of a version that is deleted for example
            told = Response(error.status, error.data, request_id=error.request_id)
            output.secret(run.env, fmt, told)
        raise
    _show_written(run, fmt, answer, path)


def _show_written(run: Run, fmt: str, answer: Response, path: str) -> None:
    """Print the answer to a write, or that it succeeded where the answer says nothing."""
    if any(part is not None for part in (answer.data, answer.raw, answer.auth, answer.wrap_info)) or answer.warnings:
        output.secret(run.env, fmt, answer, run["field"] if answer.data or answer.auth or answer.wrap_info else None)
    elif fmt == "table":
        run.env.out(f"Success! Data written to: {path}\n")
