"""`vaultctl read`: what is at a path of the API."""

from contextlib import suppress

from vaultctl.cli import output, values
from vaultctl.cli.command import FIELD, FORMAT, GITHUB, Run, command
from vaultctl.cli.failures import Failure, Wrapped
from vaultctl.cli.report import hint_of_missing
from vaultctl.logical.response import Response


def run(run: Run) -> None:
    """Read a path; words behind it are query parameters. Raises: Failure where nothing is."""
    fmt = run.format(raw=True)
    path = run.args[0].strip("/ ")
    query = values.parse(run.args[1:], masked=False)
    if fmt == "raw" and not run.common.shows:
        connection = run.env.connect(run.common)
        if connection.is_remote:
            run.env.doing = f"Error reading: {path}"  # as bao has it
            with suppress(Wrapped):
                run.client.call("GET", path, query=query)
            run.env.out(connection.door.body.decode(errors="replace") + "\n")
            return
    answer = run.client.find("GET", path, query=query)
    if answer is None:
        hint = hint_of_missing(run.env, None, path)
        raise Failure(f"No value found at {path}" + (f"\n\n{hint}" if hint else ""))
    if answer.raw is not None:
        _show_raw(run, fmt, dict(answer.raw))
        return
    if fmt == "raw" and run["field"] is None:
        output.emit(run.env, "json", output.envelope(answer))
    else:
        output.secret(run.env, fmt, answer, run["field"])


def _show_raw(run: Run, fmt: str, data: dict[str, object]) -> None:
    if run["field"] is not None:
        output.print_field(run.env, fmt, data, run["field"])
    elif run.env.github:
        run.env.github.put_all(data)
    elif fmt == "raw":
        output.emit(run.env, "json", data)
    elif fmt == "table":
        output.table(run.env, ["Key", "Value"], output.data_rows(data))
    else:
        output.emit(run.env, fmt, output.envelope(Response(data=data)))


COMMAND = command(
    "read",
    run,
    usage="read [options] PATH",
    short_help="Read what is at a path",
    help="Reads PATH. Words behind it, KEY=VALUE, are parameters of the read.\n\n    $ vaultctl read sys/mounts/secret",
    doing="Error reading {0}",
    arity=(1, None),
    arity_text="1",
    completes=("mount",),
    flags=(FORMAT, FIELD, GITHUB),
)
