"""`vaultctl write`: data to a path of the API."""

from vaultctl.cli.answers import write_path
from vaultctl.cli.command import FIELD, FORMAT, GITHUB, Run, command
from vaultctl.cli.go_flags import switch


def run(run: Run) -> None:
    """Write data to a path. Raises: Misuse."""
    write_path(run, "PUT")


COMMAND = command(
    "write",
    run,
    usage="write [options] PATH [DATA K=V...]",
    short_help="Write data to a path",
    help="Writes DATA to PATH. DATA is KEY=VALUE; a value of @FILE is read from a file, - from stdin. @FILE alone is"
    " a JSON object, and so is -.\n\n    $ vaultctl write sys/mounts/team type=kv",
    arity=(1, None),
    arity_text="1",
    completes=("mount",),
    flags=(
        FORMAT,
        FIELD,
        GITHUB,
        switch("force", "Write without data."),
        switch("f", "Write without data."),
    ),
)
