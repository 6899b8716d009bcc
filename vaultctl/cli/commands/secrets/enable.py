"""`vaultctl secrets enable`: a new secrets engine."""

from collections.abc import Mapping
from typing import Any

import click

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, check_no_tune, command, mount_text
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.go_flags import DURATION, INT, PAIR, flag, switch
from vaultctl.cli.mount_flags import TUNABLE, new_mount
from vaultctl.client import sys


def run(run: Run) -> None:
    """Enable an engine, at a path named after its type unless another is given. Raises: Misuse."""
    fmt = run.format(from_environment=False)
    type_ = run.args[0].strip()
    name = _named(run, type_)
    path = (run["path"] or "").strip() or name
    check_no_tune(path)
    asked = body(run, type_)
    if run["ensure"] or run["if_absent"]:
        _ensure(run, fmt, path, asked)
        return
    answer = sys.enable(run.client, path, asked)
    _show(run, fmt, name, path, "created")
    run.env.warn(answer.warnings)


def _named(run: Run, type_: str) -> str:
    """Give the type that is meant, which for a plugin is its name. Source: OpenBao 2.7, also where it has none."""
    return (run["plugin_name"] or "") if type_ == "plugin" else type_


def _ensure(run: Run, fmt: str, path: str, asked: Mapping[str, Any]) -> None:
    """Enable the engine unless that was done before. Raises: Misuse, Failure."""
    from vaultctl.client import ensure

    if run["ensure"] and run["if_absent"]:
        raise Misuse(
            "-ensure and -if-absent exclude each other: the one changes a mount that is there, the other does not"
        )
    client = run.client.plain()
    connection = run.env.connect(run.common)
    if not connection.is_remote:
        connection.advance(_SETTLE_S)  # a mount that is being moved away is none that is there
    try:
        ensured = ensure.ensure(client, path, asked, _wanted(run, asked), tunes=run["ensure"])
    except ensure.OnlyAnew as error:
        raise Failure(f"Error enabling: {error}") from None
    if ensured.result == ensure.TUNED and ensured.warnings:
        from vaultctl.cli import upgrades

        upgrades.finish(run, path)
    else:
        run.env.warn(ensured.warnings)
    _show(run, fmt, asked["type"], path, ensured.result, ensured.changes)


def _show(run: Run, fmt: str, name: str, path: str, result: str, changes: Mapping[str, Any] = {}) -> None:
    shown = mount_text(path)
    if fmt != "table":
        changed = {key: {"was": change.is_now, "is": change.wanted} for key, change in changes.items()}
        more = {"changed": changed} if changed else {}
        output.emit(run.env, fmt, {"path": shown.lstrip("/"), "type": name, "result": result, **more})
    elif result == "created":
        run.env.out(f"Success! Enabled the {name} secrets engine at: {shown}\n")
    elif result == "tuned":
        run.env.out(f"Success! Tuned the secrets engine at: {shown} ({', '.join(changes)})\n")
    else:
        run.env.out(f"Success! The {name} secrets engine is there already at: {shown}\n")


def _wanted(run: Run, whole: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was asked for in so many words: a flag that was not given leaves a mount as it is."""
    parameters = {key: key for key in ("description", "seal_wrap", "external_entropy_access")} | {
        "local": "local_mount"
    }
    asked = {key: whole[key] for key, parameter in parameters.items() if parameter in run.given}
    config = {key: value for key, value in whole["config"].items() if key in run.given and value != ""}
    return {"type": whole["type"], "options": whole["options"], **config, **asked}


def body(run: Run, type_: str) -> dict[str, Any]:
    """Give the body of `POST sys/mounts/:path`."""
    made = new_mount(run, _named(run, type_), {"force_no_cache": run["force_no_cache"]})
    return {**made, "plugin_name": run["plugin_name"]} if run["plugin_name"] else made


_SETTLE_S = 0.05
_FLAGS = (
    FORMAT,
    switch("if-absent", "Leave a mount of this type that is there as it is; exit code 0."),
    switch(
        "ensure", "Tune a mount that is there so that it is as the flags say. Refused where only a new one could be."
    ),
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
)


def declare(group: str) -> click.Command:
    """Declare the command as one of `secrets`, or of `mounts`."""
    return command(
        "enable",
        run,
        usage=f"{group} enable [options] TYPE",
        short_help="Enable a secrets engine",
        help="Enables a secrets engine, at a path named after its type unless -path says otherwise. With -if-absent or"
        " -ensure the command can be run again: it says whether the mount was created, tuned or unchanged, and compares"
        " only what the flags name.\n\n"
        f"    $ vaultctl {group} enable -path=team kv-v2\n"
        f"    $ vaultctl {group} enable -ensure -path=team -default-lease-ttl=1h kv-v2",
        doing="Error enabling",
        arity=(1, 1),
        completes=("engine type",),
        flags=_FLAGS,
    )


COMMAND = declare("secrets")
