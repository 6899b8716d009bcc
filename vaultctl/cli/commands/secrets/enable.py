"""`vaultctl secrets enable`: a new secrets engine."""

from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.cli.go_flags import DURATION, INT, PAIR, flag, switch
from vaultctl.cli.mount_flags import TUNABLE, go_duration, tuned
from vaultctl.client import sys


def run(run: Run) -> None:
    """Enable an engine, at a path named after its type unless another is given."""
    fmt = run.format(from_environment=False)
    type_ = run.args[0].strip()
    path = (run["path"] or "").strip() or (run["plugin_name"] if type_ == "plugin" else type_) or type_
    sys.enable(run.client, path, body(run, type_))
    shown = mount_text(path)
    name = run["plugin_name"] if type_ == "plugin" and run["plugin_name"] else type_
    if fmt == "table":
        run.env.out(f"Success! Enabled the {name} secrets engine at: {shown}\n")
    else:
        output.emit(run.env, fmt, {"path": shown.lstrip("/"), "type": name, "result": "created"})


def body(run: Run, type_: str) -> dict[str, Any]:
    """Give the body of `POST sys/mounts/:path`."""
    options: dict[str, Any] = dict(run["options"])
    if run["version"] and run["version"] > 0:
        options["version"] = str(run["version"])
    config = {
        "default_lease_ttl": go_duration(run["default_lease_ttl"]),
        "max_lease_ttl": go_duration(run["max_lease_ttl"]),
        "force_no_cache": run["force_no_cache"],
        **tuned(run),
    }
    return {
        "type": type_,
        "description": run["description"] or "",
        "config": config,
        "local": run["local_mount"],
        "seal_wrap": run["seal_wrap"],
        "external_entropy_access": run["external_entropy_access"],
        "options": options or None,
        **({"plugin_name": run["plugin_name"]} if run["plugin_name"] else {}),
    }


COMMAND = command(
    "enable",
    run,
    usage="secrets enable [options] TYPE",
    short_help="Enable a secrets engine",
    help="Enables a secrets engine, at a path named after its type unless -path says otherwise.\n\n"
    "    $ vaultctl secrets enable -path=team kv-v2",
    doing="Error enabling",
    arity=(1, 1),
    flags=(
        FORMAT,
        flag("path", "Where to mount the engine.", metavar="PATH"),
        flag("version", "Version of the engine, for kv 1 or 2.", INT),
        flag("options", "An option of the engine as KEY=VALUE; can be given again.", PAIR, multiple=True),
        flag("default-lease-ttl", "Default lease TTL; the system's if it is not given.", DURATION),
        flag("max-lease-ttl", "Longest lease TTL; the system's if it is not given.", DURATION),
        flag("plugin-name", "Name of the engine where TYPE is plugin."),
        switch("force-no-cache", "Never cache what the engine reads. It is stored and shown."),
        # As in bao, this marks the mount; the local state is meant with VAULTCTL_LOCAL=1 here.
        switch("local", "Keep the mount out of replication. It is stored and shown.", "local_mount"),
        switch("seal-wrap", "Encrypt the mount's secrets with the seal's key too."),
        switch("external-entropy-access", "Give the engine outside entropy. It is stored and shown."),
        *TUNABLE,
    ),
)
