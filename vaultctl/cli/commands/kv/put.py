"""`vaultctl kv put`: a secret's new data."""

from vaultctl.cli import values
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import INT, flag
from vaultctl.cli.kv_shared import MOUNT, place_of, show_version
from vaultctl.client import kv


def run(run: Run) -> None:
    """Write a secret. Raises: Misuse."""
    fmt = run.format()
    if len(run.args) == 1:
        raise Misuse("Must supply data")
    data = values.parse(run.args[1:])
    client = run.client
    place = place_of(run, client)
    path = place.api_path("data")
    run.env.doing = f"Error writing data to {path}"
    answer = kv.put(client, place, data, run["cas"] if run["cas"] >= 0 else None)
    if answer.data is None:
        if fmt == "table":
            run.env.out(f"Success! Data written to: {path}\n")
    else:
        show_version(run, fmt, answer, path)


COMMAND = command(
    "put",
    run,
    usage="kv put [options] KEY [DATA]",
    short_help="Write a secret",
    help="Writes the secret at KEY. DATA is KEY=VALUE; a value of @FILE is read from a file, - from stdin. @FILE alone"
    " is a JSON object, and so is -.\n\n    $ vaultctl kv put secret/db user=app password=@pw.txt",
    arity=(1, None),
    arity_text=">1",
    completes=("secret",),
    flags=(
        FORMAT,
        FIELD,
        MOUNT,
        flag("cas", "The version that must be the newest one now; 0 for none.", INT, default="-1"),
    ),
)
