"""`vaultctl namespace unlock`: the end of a lock."""

from vaultctl.cli import output, values
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.go_flags import flag
from vaultctl.client import namespaces

_KEY = flag("unlock-key", "The key that locking it printed; - reads it from stdin, @FILE from a file.", metavar="KEY")


def run(run: Run) -> None:
    """Unlock a namespace, by its key or by the right of sudo."""
    fmt = run.format()
    key = values.parse([f"key={run['unlock_key']}"])["key"].strip() if run["unlock_key"] else ""
    answer = namespaces.unlock(run.client, run.args[0] if run.args else "", key)
    if fmt != "table":
        output.emit(run.env, fmt, {"result": "unlocked", "warnings": list(answer.warnings)})
    elif answer.warnings:
        run.env.err("\n".join(answer.warnings))
    else:
        run.env.err("Namespace unlocked successfully!")


COMMAND = command(
    "unlock",
    run,
    usage="namespace unlock [options] [PATH]",
    short_help="Unlock the API of a namespace",
    help="Unlocks the namespace at PATH, or the one that is worked in, with the key that `namespace lock` printed."
    " Without the key the right of sudo is needed.",
    doing="Error unlocking namespace",
    arity=(0, 1),
    completes=("namespace",),
    flags=(FORMAT, _KEY),
)
