"""`vaultctl namespace patch`: another custom metadata of a namespace."""

from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import flag
from vaultctl.cli.namespace_shared import METADATA, show
from vaultctl.client import namespaces


def run(run: Run) -> None:
    """Change the metadata, and keep what is not named. Raises: Misuse."""
    fmt = run.format()
    changes = {**dict(run["custom_metadata"]), **dict.fromkeys(run["remove_custom_metadata"])}
    if not changes:
        raise Misuse("Must supply at least one of -custom-metadata or -remove-custom-metadata")
    show(run, fmt, namespaces.patch(run.client, run.args[0], changes).data or {})


COMMAND = command(
    "patch",
    run,
    usage="namespace patch [options] PATH",
    short_help="Change the custom metadata of a namespace",
    help="Changes the custom metadata of the namespace at PATH. What the flags do not name stays.",
    doing="Error patching namespace",
    arity=(1, 1),
    completes=("namespace",),
    flags=(
        FORMAT,
        FIELD,
        METADATA,
        flag("remove-custom-metadata", "A key of custom metadata to remove; can be given again.", multiple=True),
    ),
)
