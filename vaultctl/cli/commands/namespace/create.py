"""`vaultctl namespace create`: a new namespace."""

from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.namespace_shared import METADATA, show
from vaultctl.client import namespaces


def run(run: Run) -> None:
    """Create a namespace; one that is there is shown."""
    fmt = run.format()
    show(run, fmt, namespaces.create(run.client, run.args[0], dict(run["custom_metadata"])).data or {})


COMMAND = command(
    "create",
    run,
    usage="namespace create [options] PATH",
    short_help="Create a namespace",
    help="Creates a namespace in the one that is worked in. It has mounts, policies and tokens of its own; work in it"
    " with -namespace, or with its path in front of others.\n\n"
    "    $ vaultctl namespace create team\n"
    "    $ vaultctl secrets enable -namespace=team kv-v2",
    doing="Error creating namespace",
    arity=(1, 1),
    flags=(FORMAT, FIELD, METADATA),
)
