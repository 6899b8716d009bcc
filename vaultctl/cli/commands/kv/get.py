"""`vaultctl kv get`: a secret's data, and on version 2 its metadata."""

from collections.abc import Mapping
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FIELD, FORMAT, GITHUB, Run, command
from vaultctl.cli.failures import Failure
from vaultctl.cli.go_flags import INT, flag
from vaultctl.cli.kv_shared import MOUNT, place_of, secret_heading
from vaultctl.client import kv
from vaultctl.logical.response import Response


def run(run: Run) -> None:
    """Read a secret. Raises: Failure where there is none."""
    fmt = run.format()
    client = run.client
    version = run["version"] or 0
    place, answer = kv.ask_there(lambda: place_of(run, client), lambda place: kv.get(client, place, version))
    path = place.api_path("data")
    if answer is None:
        raise Failure(f"No value found at {path}")
    data = answer.data or {}
    if run["field"] is not None:
        _show_field(run, fmt, answer, path if place.version == 2 else "")
    elif run.env.github:
        run.env.github.put_all(data["data"] if place.version == 2 else data)
    elif fmt != "table":
        output.secret(run.env, fmt, answer)
    elif place.version == 2:
        _show_versioned(run, path, data)
        run.env.warn(answer.warnings)
    else:
        output.section(run.env, "Data", output.data_rows(data))


def _show_field(run: Run, fmt: str, answer: Response, versioned: str) -> None:
    """Print one field, of a versioned secret only one of its own. Raises: Failure, Misuse."""
    if not versioned:
        output.print_field(run.env, fmt, output.fields_of(answer), run["field"])
        return
    inner = (answer.data or {}).get("data")
    if inner is None:
        raise Failure(f"No data found at {versioned}")
    output.print_field(run.env, fmt, {"data": inner, **inner}, run["field"], where="map")


def _show_versioned(run: Run, path: str, data: Mapping[str, Any]) -> None:
    secret_heading(run, path)
    if data.get("metadata"):
        output.section(run.env, "Metadata", output.data_rows(_metadata(data["metadata"])))
        run.env.out("\n")
    if data.get("data") is not None:
        output.section(run.env, "Data", output.data_rows(data["data"]))


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key != "versions"}


COMMAND = command(
    "get",
    run,
    usage="kv get [options] KEY",
    short_help="Read a secret",
    help="Reads the secret at KEY, its newest version unless -version says otherwise.",
    arity=(1, 1),
    completes=("secret",),
    flags=(FORMAT, FIELD, GITHUB, MOUNT, flag("version", "The version to read.", INT)),
)
