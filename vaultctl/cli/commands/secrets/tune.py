"""`vaultctl secrets tune`: another configuration for a secrets engine."""

from typing import Any

import click

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.cli.go_flags import DURATION, INT, PAIR, flag
from vaultctl.cli.mount_flags import TUNABLE, config, options, tuned_ttl
from vaultctl.cli.upgrades import finish
from vaultctl.client import sys


def run(run: Run) -> None:
    """Tune an engine."""
    fmt = run.format(from_environment=False)
    path = mount_text(run.args[0].strip().strip("/"))
    run.env.doing = f"Error tuning secrets engine {path}"
    answer = sys.tune(run.client, path, body(run))
    if answer.warnings or run["version"]:
        finish(run, path)  # only a change of version is warned of, and bao does not show it
    if fmt == "table":
        run.env.out(f"Success! Tuned the secrets engine at: {path}\n")
    else:
        output.emit(run.env, fmt, {"path": path, "result": "tuned"})


def body(run: Run) -> dict[str, Any]:
    """Give the body of `POST sys/mounts/:path/tune`: only what was asked for."""
    named, wanted = options(run), config(run, tuned_ttl)
    if named:
        wanted["options"] = named
    if run["description"] is not None:
        wanted["description"] = run["description"]
    return wanted


def declare(group: str) -> click.Command:
    """Declare the command as one of `secrets`, or of `mounts`."""
    return command(
        "tune",
        run,
        usage=f"{group} tune [options] PATH",
        short_help="Change the configuration of a secrets engine",
        help="Changes what the flags name, and nothing else. A TTL of -1 or system goes back to the system's.\n\n"
        f"    $ vaultctl {group} tune -default-lease-ttl=1h team/",
        arity=(1, 1),
        completes=("mount",),
        flags=(
            FORMAT,
            flag("default-lease-ttl", "Default lease TTL; -1 or system for the system's.", DURATION),
            flag("max-lease-ttl", "Longest lease TTL; -1 or system for the system's.", DURATION),
            flag("options", "An option of the engine as KEY=VALUE; an empty value removes it.", PAIR, multiple=True),
            flag("version", "Version of the engine.", INT),
            *TUNABLE,
        ),
    )


COMMAND = declare("secrets")
