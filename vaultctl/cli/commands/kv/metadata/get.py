"""`vaultctl kv metadata get`: the settings and versions of a secret."""

from collections.abc import Mapping
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Failure
from vaultctl.cli.kv_shared import MOUNT, secret_heading
from vaultctl.cli.metadata_flags import place_with_metadata
from vaultctl.client import kv


def run(run: Run) -> None:
    """Read what is known of a secret. Raises: Failure where there is none."""
    fmt = run.format()
    client = run.client
    place = place_with_metadata(run, client)
    path = place.api_path("metadata")
    answer = kv.metadata(client, place)
    if answer is None or not answer.data:
        run.env.err(f"No value found at {path}")
        run.env.warn(answer.warnings if answer else ())
        raise Failure("")
    if fmt != "table":
        output.secret(run.env, fmt, answer)
    else:
        _show(run, path, answer.data)


def _show(run: Run, path: str, data: Mapping[str, Any]) -> None:
    secret_heading(run, path, "Metadata Path")
    settings = {key: value for key, value in data.items() if key != "versions"}
    output.section(run.env, "Metadata", output.data_rows(settings))
    for number in sorted(data["versions"], key=int):
        run.env.out("\n")
        output.section(run.env, f"Version {number}", output.data_rows(data["versions"][number]))


COMMAND = command(
    "get",
    run,
    usage="kv metadata get [options] KEY",
    short_help="Read the settings and versions of a secret",
    help="Reads the settings of the secret at KEY, and when each of its versions was made and deleted.",
    arity=(1, 1),
    completes=("secret",),
    flags=(FORMAT, MOUNT),
)
