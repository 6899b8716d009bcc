"""`vaultctl kv patch`: some keys of a secret set anew or removed, the others kept."""

from typing import Any

from vaultctl.cli import values
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import INT, flag
from vaultctl.cli.kv_shared import MOUNT, show_version, versioned_place_of
from vaultctl.client import kv
from vaultctl.client.client import Client
from vaultctl.logical.errors import VaultError
from vaultctl.logical.response import Response

_MAY_BE_REWRITTEN = (403, 405)
"""Statuses of a server that knows no patch, or does not allow this one."""

_ADVICE = (
    'Data was written to {} but we recommend that you add the "patch" capability to your ACL policy in order to use'
    " HTTP PATCH in the future."
)


def run(run: Run) -> None:
    """Change a secret. Raises: Misuse, Failure."""
    fmt = run.format()
    if len(run.args) == 1 and not run["remove_data"]:
        raise Misuse("Must supply data")
    data = values.parse(run.args[1:])
    client = run.client
    place = versioned_place_of(run, client, Failure("K/V engine mount must be version 2 for patch support"))
    path = place.api_path("data")
    method = run["method"] or ""
    if method not in ("", "patch", "rw"):
        raise Failure(f"Unsupported method provided to -method flag: {method}")
    run.env.doing = f"Error writing data to {path}"
    run.env.rewrites = method == "rw"
    answer = _rewrite(run, client, place, data) if method == "rw" else _patch(run, client, place, data, method)
    show_version(run, fmt, answer, path)


def _patch(run: Run, client: Client, place: kv.Place, data: dict[str, Any], method: str) -> Response:
    """Let the other side merge; where it may not, and nobody asked for that method, merge here."""
    try:
        return kv.patch(client, place, {**data, **dict.fromkeys(run["remove_data"])}, run["cas"])
    except VaultError as error:
        if method or error.status not in _MAY_BE_REWRITTEN:
            raise
        denied = error.status != 405
    answer = _rewrite(run, client, place, data)
    if denied:
        run.env.err(_ADVICE.format(place.api_path("data")))
    return answer


def _rewrite(run: Run, client: Client, place: kv.Place, data: dict[str, Any]) -> Response:
    answer = kv.rewrite(client, place, data, run["remove_data"], run["cas"])
    path = place.api_path("data")
    if answer is None:
        raise Failure(f"No value found at {path}")
    if "version" not in (answer.data or {}):
        raise Failure(f"No data found at {path}; patch only works on existing data")
    return answer


COMMAND = command(
    "patch",
    run,
    usage="kv patch [options] KEY [DATA]",
    short_help="Change some keys of a secret",
    help="Sets the keys of the secret at KEY that DATA names, removes those that -remove-data names, and keeps the"
    " others. DATA is as for kv put.\n\n    $ vaultctl kv patch -remove-data=old secret/db password=@pw.txt",
    arity=(1, None),
    arity_text=">1",
    completes=("secret",),
    flags=(
        FORMAT,
        FIELD,
        MOUNT,
        flag("cas", "The version that must be the newest one now; 0 for any.", INT, default="0"),
        flag("method", "patch merges on the other side, rw reads, merges here and writes.", metavar="METHOD"),
        flag("remove-data", "A key to remove; can be given again.", multiple=True),
    ),
)
