"""`vaultctl token create`: a new token."""

from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import FIELD, FORMAT, GITHUB, Run, command
from vaultctl.cli.go_flags import BOOL, DURATION, INT, PAIR, flag, switch
from vaultctl.logical.durations import go_text


def run(run: Run) -> None:
    """Make a token, and print it. Raises: VaultError."""
    fmt = run.format()
    role = (run["role"] or "").strip()
    path = f"auth/token/create/{role}" if role else "auth/token/create"
    output.secret(run.env, fmt, run.client.call("POST", path, body(run)), run["field"])


def body(run: Run) -> dict[str, Any]:
    """Give the body, in bao's order: some of it only where it was asked for."""
    chosen = {
        "id": run["id"],
        "policies": list(run["policy"]),
        "meta": dict(run["metadata"]),
    }
    times = {name: go_text(run[name] or 0) for name in ("ttl", "explicit_max_ttl", "period")}
    switches = {"no_parent": run["orphan"], "no_default_policy": run["no_default_policy"]}
    return {
        **{name: value for name, value in chosen.items() if value},
        **times,
        **{name: value for name, value in switches.items() if value},
        "display_name": run["display_name"] or "",
        "num_uses": run["use_limit"] or 0,
        "renewable": run["renewable"] is not False and run["type"] != "batch",
        "type": run["type"],
        "entity_alias": run["entity_alias"] or "",
    }


COMMAND = command(
    "create",
    run,
    usage="token create [options]",
    short_help="Make a new token",
    help="Makes a token that can be used to log in. It is a child of the token in use, goes with it, and has its"
    " policies unless -policy says otherwise.\n\n    $ vaultctl token create -policy=default -ttl=1h",
    doing="Error creating token",
    flags=(
        FORMAT,
        FIELD,
        GITHUB,
        flag("display-name", "What the token is called.", metavar="NAME"),
        flag("entity-alias", "The entity alias that the token is for; only with -role.", metavar="NAME"),
        flag("explicit-max-ttl", "The longest life of the token, whatever renews it.", DURATION),
        flag("id", "The token itself, in the place of a random one.", metavar="TOKEN"),
        flag("metadata", "What else is to be kept, as KEY=VALUE; can be given again.", PAIR, multiple=True),
        switch("no-default-policy", "Do not give the default policy."),
        switch("orphan", "Make a token that does not go when the one in use goes."),
        flag("period", "The period that the token is renewed by, for ever.", DURATION),
        flag("policy", "A policy of the token; can be given again.", metavar="NAME", multiple=True),
        flag("renewable", "Whether the token can be renewed. It can, unless this is false.", BOOL),
        flag("role", "The role that says what the token is like.", metavar="NAME"),
        flag("ttl", "How long the token lives.", DURATION),
        flag("type", "The type of the token: service or batch.", default="service"),
        flag("use-limit", "How often the token can be used; 0 for any number.", INT),
    ),
)
