"""`vaultctl secrets list`: the secrets engines that are enabled."""

import click

from vaultctl.cli import columns, output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.go_flags import switch
from vaultctl.client import sys

_WITHOUT_TTLS = ("system", "cubbyhole")
_COLUMNS: columns.Columns = {
    "Path": lambda path, _mount: path,
    "Type": lambda _path, mount: mount["type"],
    "Plugin": lambda _path, mount: mount["type"],
    "Accessor": lambda _path, mount: mount["accessor"],
    "Default TTL": lambda _path, mount: _ttl(mount["type"], mount["config"]["default_lease_ttl"]),
    "Max TTL": lambda _path, mount: _ttl(mount["type"], mount["config"]["max_lease_ttl"]),
    "Force No Cache": lambda _path, mount: output.go_text(mount["config"]["force_no_cache"]),
    "Replication": lambda _path, mount: "local" if mount["local"] else "replicated",
    "Seal Wrap": lambda _path, mount: output.go_text(mount["seal_wrap"]),
    "External Entropy Access": lambda _path, mount: output.go_text(mount["external_entropy_access"]),
    "Options": lambda _path, mount: output.go_text(mount["options"] or {}),
    "Description": lambda _path, mount: mount["description"],
    "UUID": lambda _path, mount: mount["uuid"],
    "Version": lambda _path, mount: mount["plugin_version"],
    "Running Version": lambda _path, mount: mount["running_plugin_version"],
    "Running SHA256": lambda _path, mount: mount["running_sha256"],
    "Deprecation Status": lambda _path, mount: mount.get("deprecation_status", ""),
}
_SHOWN = ("Path", "Type", "Accessor", "Description")
_DETAILED = tuple(heading for heading in _COLUMNS if heading != "Type")


def run(run: Run) -> None:
    """List the mounts."""
    fmt = run.format()
    mounts = columns.arranged(run, _COLUMNS, sorted((sys.list_mounts(run.client).data or {}).items()))
    if fmt == "table":
        columns.show(run, _COLUMNS, _DETAILED if run["detailed"] else _SHOWN, mounts)
    else:
        output.emit(run.env, fmt, {path: columns.ordered(mount) for path, mount in mounts})


def _ttl(type_: str, seconds: int) -> str:
    if type_ in _WITHOUT_TTLS:
        return ""
    return str(seconds) if seconds else "system"


def declare(group: str) -> click.Command:
    """Declare the command as one of `secrets`, or of `mounts`."""
    return command(
        "list",
        run,
        usage=f"{group} list [options]",
        short_help="List the secrets engines that are enabled",
        help="Lists the secrets engines that are enabled. JSON and YAML have every detail; a TTL of 0 is the system's."
        f"\n\n    $ vaultctl {group} list -type=kv,transit -sort=type\n"
        f"    $ vaultctl {group} list -columns=path,type,options",
        doing="Error listing secrets engines",
        flags=(
            FORMAT,
            switch("detailed", "Show all that is known of each engine."),
            columns.TYPE,
            columns.SORT,
            columns.COLUMNS,
        ),
    )


COMMAND = declare("secrets")
