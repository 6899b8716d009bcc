"""`vaultctl auth enable`: a new auth method."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, check_no_tune, command, mount_text
from vaultctl.cli.go_flags import DURATION, INT, PAIR, flag, switch
from vaultctl.cli.mount_flags import TOKEN_TYPE, TUNABLE, new_mount
from vaultctl.client import auth


def run(run: Run) -> None:
    """Enable a method, at a path named after its type unless another is given. Raises: Misuse."""
    fmt = run.format(from_environment=False)
    type_ = run.args[0].strip()
    name = (run["plugin_name"] or "") if type_ == "plugin" else type_
    path = (run["path"] or "").strip() or name
    check_no_tune(path)
    run.env.doing = f"Error enabling {name} auth"
    own = {"token_type": run["token_type"]} if run["token_type"] else {}
    answer = auth.enable(run.client, path, new_mount(run, name, own))
    shown = mount_text(path)
    if fmt == "table":
        run.env.out(f"Success! Enabled {name} auth method at: {shown}\n")
    else:
        output.emit(run.env, fmt, {"path": shown.lstrip("/"), "type": name, "result": "created"})
    run.env.warn(answer.warnings)


COMMAND = command(
    "enable",
    run,
    usage="auth enable [options] TYPE",
    short_help="Enable an auth method",
    help="Enables an auth method, at a path named after its type unless -path says otherwise.\n\n"
    "    $ vaultctl auth enable -path=people userpass\n"
    "    $ vaultctl write auth/people/users/alice password=- token_policies=dev",
    arity=(1, 1),
    completes=("method type",),
    flags=(
        FORMAT,
        flag("path", "Where to mount the method, below auth/.", metavar="PATH"),
        flag("version", "Version of the method; those that vaultctl serves have none.", INT),
        flag("options", "An option of the method as KEY=VALUE; can be given again.", PAIR, multiple=True),
        flag("default-lease-ttl", "Default TTL of the tokens; the system's if it is not given.", DURATION),
        flag("max-lease-ttl", "Longest TTL of the tokens; the system's if it is not given.", DURATION),
        flag("plugin-name", "Name of the method where TYPE is plugin."),
        # As in bao, this marks the mount; the local state is meant with VAULTCTL_LOCAL=1 here.
        switch("local", "Keep the mount out of replication. It is stored and shown.", "local_mount"),
        switch("seal-wrap", "Encrypt what the method stores with the seal's key too."),
        switch("external-entropy-access", "Give the method outside entropy. It is stored and shown."),
        TOKEN_TYPE,
        *TUNABLE,
    ),
)
