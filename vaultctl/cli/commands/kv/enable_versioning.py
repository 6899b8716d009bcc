"""`vaultctl kv enable-versioning`: a kv mount of version 1, made one of version 2."""

from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.cli.kv_shared import show_done
from vaultctl.cli.upgrades import finish
from vaultctl.client import sys


def run(run: Run) -> None:
    """Upgrade a mount, and wait for the end."""
    fmt = run.format(from_environment=False)
    path = mount_text(run.args[0].strip().strip("/"))
    run.env.doing = f"Error tuning secrets engine {path}"
    sys.tune(run.client, path, {"options": {"version": "2"}})
    finish(run, path)
    show_done(run, fmt, f"Success! Tuned the secrets engine at: {path}", path, "tuned")


COMMAND = command(
    "enable-versioning",
    run,
    usage="kv enable-versioning [options] KEY",
    short_help="Make a mount of version 1 one of version 2",
    help="Makes the kv mount at KEY one of version 2. Each secret becomes the first version of itself. There is no way"
    " back.\n\n    $ vaultctl kv enable-versioning team/",
    arity=(1, 1),
    completes=("mount",),
    flags=(FORMAT,),
)
