"""`vaultctl secrets list`: the secrets engines that are enabled."""

from collections.abc import Mapping
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.go_flags import switch
from vaultctl.client import sys

_HEADING = ["Path", "Type", "Accessor", "Description"]
_DETAILED = [
    "Path",
    "Plugin",
    "Accessor",
    "Default TTL",
    "Max TTL",
    "Force No Cache",
    "Replication",
    "Seal Wrap",
    "External Entropy Access",
    "Options",
    "Description",
    "UUID",
    "Version",
    "Running Version",
    "Running SHA256",
    "Deprecation Status",
]
_ORDER = (
    "uuid",
    "type",
    "description",
    "accessor",
    "config",
    "options",
    "local",
    "seal_wrap",
    "external_entropy_access",
    "plugin_version",
    "running_plugin_version",
    "running_sha256",
    "deprecation_status",
)
_WITHOUT_TTLS = ("sys/", "cubbyhole/")


def run(run: Run) -> None:
    """List the mounts."""
    fmt = run.format()
    mounts = sys.list_mounts(run.client).data or {}
    if fmt != "table":
        output.emit(run.env, fmt, {path: ordered(mounts[path]) for path in sorted(mounts)})
    elif run["detailed"]:
        output.table(run.env, _DETAILED, [detailed_row(path, mounts[path]) for path in sorted(mounts)])
    else:
        rows = [[path, m["type"], m["accessor"], m["description"]] for path, m in sorted(mounts.items())]
        output.table(run.env, _HEADING, rows)


def ordered(mount: Mapping[str, Any]) -> dict[str, Any]:
    """Give a mount with its keys in the order of `bao secrets list -format=json`."""
    config = dict(mount["config"])
    first = {name: config.pop(name) for name in ("default_lease_ttl", "max_lease_ttl", "force_no_cache")}
    whole = {"deprecation_status": "", **mount, "config": {**first, **config}}
    return {name: whole[name] for name in _ORDER}


def detailed_row(path: str, mount: Mapping[str, Any]) -> list[str]:
    """Give a mount's row with -detailed."""
    config = mount["config"]
    ttls = ["", ""] if path in _WITHOUT_TTLS else [_ttl(config[x]) for x in ("default_lease_ttl", "max_lease_ttl")]
    return [
        path,
        mount["type"],
        mount["accessor"],
        *ttls,
        output.go_text(config["force_no_cache"]),
        "local" if mount["local"] else "replicated",
        output.go_text(mount["seal_wrap"]),
        output.go_text(mount["external_entropy_access"]),
        output.go_text(mount["options"] or {}),
        mount["description"],
        mount["uuid"],
        mount["plugin_version"],
        mount["running_plugin_version"],
        mount["running_sha256"],
        mount.get("deprecation_status", ""),
    ]


def _ttl(seconds: int) -> str:
    return str(seconds) if seconds else "system"


COMMAND = command(
    "list",
    run,
    usage="secrets list [options]",
    short_help="List the secrets engines that are enabled",
    help="Lists the secrets engines that are enabled. JSON and YAML have every detail; a TTL of 0 is the system's.",
    doing="Error listing secrets engines",
    flags=(FORMAT, switch("detailed", "Show all that is known of each engine.")),
)
