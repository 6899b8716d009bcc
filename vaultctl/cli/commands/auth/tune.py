"""`vaultctl auth tune`: another configuration for an auth method."""

from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, mount_text
from vaultctl.cli.go_flags import DURATION, INT, PAIR, UINT, flag, switch
from vaultctl.cli.mount_flags import TOKEN_TYPE, TUNABLE, config, options, tuned_ttl
from vaultctl.client import auth


def run(run: Run) -> None:
    """Tune a method."""
    fmt = run.format(from_environment=False)
    path = mount_text(run.args[0].strip().strip("/"))
    run.env.doing = f"Error tuning auth method {path}"
    auth.tune(run.client, path, body(run))
    if fmt == "table":
        run.env.out(f"Success! Tuned the auth method at: {path}\n")
    else:
        output.emit(run.env, fmt, {"path": path, "result": "tuned"})


def body(run: Run) -> dict[str, Any]:
    """Give the body of `POST sys/mounts/auth/:path/tune`: only what was asked for."""
    named, wanted = options(run), config(run, tuned_ttl)
    for name in ("description", "token_type"):
        if run[name] is not None:
            wanted[name] = run[name]
    lockout = _lockout(run)
    return {
        **wanted,
        **({"options": named} if named else {}),
        **({"user_lockout_config": lockout} if lockout else {}),
    }


def _lockout(run: Run) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if run["user_lockout_threshold"] is not None:
        wanted["lockout_threshold"] = str(run["user_lockout_threshold"])
    for name in ("lockout_duration", "lockout_counter_reset_duration"):
        if run[f"user_{name}"]:
            wanted[name] = tuned_ttl(run[f"user_{name}"])
    if "user_lockout_disable" in run.given:
        wanted["lockout_disable"] = run["user_lockout_disable"]
    return wanted


COMMAND = command(
    "tune",
    run,
    usage="auth tune [options] PATH",
    short_help="Change the configuration of an auth method",
    help="Changes what the flags name, and nothing else. A TTL of -1 or system goes back to the system's.\n\n"
    "    $ vaultctl auth tune -default-lease-ttl=1h people/",
    arity=(1, 1),
    completes=("auth mount",),
    flags=(
        FORMAT,
        flag("default-lease-ttl", "Default TTL of the tokens; -1 or system for the system's.", DURATION),
        flag("max-lease-ttl", "Longest TTL of the tokens; -1 or system for the system's.", DURATION),
        flag("options", "An option of the method as KEY=VALUE; an empty value removes it.", PAIR, multiple=True),
        flag("version", "Version of the method; those that vaultctl serves have none.", INT),
        flag("user-lockout-threshold", "How many failed logins in a row lock a user out.", UINT),
        flag("user-lockout-duration", "How long a user is locked out.", DURATION),
        flag("user-lockout-counter-reset-duration", "How long a failed login counts.", DURATION),
        switch("user-lockout-disable", "Lock nobody out."),
        TOKEN_TYPE,
        *TUNABLE,
    ),
)
