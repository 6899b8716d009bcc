"""What the `kv metadata` commands share: their mount, the settings that flags name, and the write."""

from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import BOOL, DURATION, INT, PAIR, flag
from vaultctl.cli.kv_shared import show_done, versioned_place_of
from vaultctl.client import kv
from vaultctl.client.client import Client

SETTINGS = (
    flag("cas-required", "Whether each write must say which version is the newest one.", BOOL),
    flag("custom-metadata", "Custom metadata as KEY=VALUE; can be given again.", PAIR, multiple=True),
    flag("delete-version-after", "How long a version lives; 0 is what the mount says.", DURATION, metavar="DURATION"),
    flag("max-versions", "How many versions are kept; 0 is what the mount says.", INT, default="-1"),
)


def settings(run: Run) -> dict[str, Any]:
    """Give the settings that flags name, but for custom metadata. Source: OpenBao 2.7, below 0 is no wish."""
    body: dict[str, Any] = {}
    if run["cas_required"] is not None:
        body["cas_required"] = run["cas_required"]
    if run["max_versions"] >= 0:
        body["max_versions"] = run["max_versions"]
    after = run["delete_version_after"]
    if after is not None and after >= 0:
        body["delete_version_after"] = f"{int(after)}s"
    return body


def place_with_metadata(run: Run, client: Client) -> kv.Place:
    """Find the secret that a command names, on a mount of version 2. Raises: Misuse, VaultError."""
    return versioned_place_of(run, client, Misuse("Metadata not supported on KV Version 1"))


def write(run: Run, verb: str, body: dict[str, Any]) -> None:
    """Change a secret's settings, and say so."""
    fmt = run.format()
    client = run.client
    place = place_with_metadata(run, client)
    path = place.api_path("metadata")
    run.env.doing = f"Error writing data to {path}"
    answer = kv.write_metadata(client, place, verb, body)
    if answer.warnings:
        output.secret(run.env, fmt, answer)
    else:
        show_done(run, fmt, f"Success! Data written to: {path}", path, "written")
