"""`vaultctl kv rollback`: an older version of a secret, written again as the newest."""

from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import INT, flag
from vaultctl.cli.kv_shared import MOUNT, versioned_place_of
from vaultctl.client import kv


def run(run: Run) -> None:
    """Write an older version's data again, unless somebody writes in between. Raises: Misuse, Failure."""
    fmt = run.format()
    version = _check(run)
    client = run.client
    refusal = Failure("K/V engine mount must be version 2 for rollback support")
    place = versioned_place_of(run, client, refusal)
    path = place.api_path("data")
    newest, older = kv.get(client.plain(), place), kv.get(client.plain(), place, version)
    if not (newest and newest.data and older and older.data):
        raise Failure(f"No value found at {path}")
    run.env.doing = f"Error writing data to {path}"
    output.secret(run.env, fmt, kv.put(client, place, _data(older.data), newest.data["metadata"]["version"]))


def _check(run: Run) -> int:
    if len(run.args) != 1:
        raise Misuse(f"Invalid number of arguments (expected 1, got {len(run.args)})")
    if run["version"] is None:
        raise Misuse("Version flag must be specified")
    version: int = run["version"]
    if version <= 0:
        raise Misuse(f"Invalid value {version} for the version flag")
    return version


def _data(older: Any) -> Any:
    """Give the data of a version. Raises: Failure where it has none any more."""
    if older["data"] is None and older["metadata"]["deletion_time"]:
        raise Failure("Cannot roll back to a version that has been deleted")
    if older["metadata"]["destroyed"]:
        raise Failure("Cannot roll back to a version that has been destroyed")
    return older["data"]


COMMAND = command(
    "rollback",
    run,
    usage="kv rollback [options] KEY",
    short_help="Make an older version of a secret the newest",
    help="Writes the data of an older version of the secret at KEY again, as its newest version.\n\n"
    "    $ vaultctl kv rollback -version=2 secret/db",
    arity=(0, None),
    completes=("secret",),
    flags=(FORMAT, MOUNT, flag("version", "The version to write again.", INT)),
)
