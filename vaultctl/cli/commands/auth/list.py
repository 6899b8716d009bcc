"""`vaultctl auth list`: the auth methods that are enabled."""

from vaultctl.cli import columns, output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.go_flags import switch
from vaultctl.client import auth

_COLUMNS: columns.Columns = {
    "Path": lambda path, _mount: path,
    "Type": lambda _path, mount: mount["type"],
    "Plugin": lambda _path, mount: mount["type"],
    "Accessor": lambda _path, mount: mount["accessor"],
    "Default TTL": lambda _path, mount: str(mount["config"]["default_lease_ttl"] or "system"),
    "Max TTL": lambda _path, mount: str(mount["config"]["max_lease_ttl"] or "system"),
    "Token Type": lambda _path, mount: mount["config"].get("token_type", ""),
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
_SHOWN = ("Path", "Type", "Accessor", "Description", "Version")
_DETAILED = tuple(heading for heading in _COLUMNS if heading != "Type")


def run(run: Run) -> None:
    """List the methods."""
    fmt = run.format()
    mounts = columns.arranged(run, _COLUMNS, sorted((auth.list_methods(run.client).data or {}).items()))
    if fmt == "table":
        columns.show(run, _COLUMNS, _DETAILED if run["detailed"] else _SHOWN, mounts)
    else:
        output.emit(run.env, fmt, {path: columns.ordered(mount) for path, mount in mounts})


COMMAND = command(
    "list",
    run,
    usage="auth list [options]",
    short_help="List the auth methods that are enabled",
    help="Lists the auth methods that are enabled. JSON and YAML have every detail; a TTL of 0 is the system's.",
    doing="Error listing enabled authentications",
    flags=(
        FORMAT,
        switch("detailed", "Show all that is known of each method."),
        columns.TYPE,
        columns.SORT,
        columns.COLUMNS,
    ),
)
