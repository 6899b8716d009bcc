"""`vaultctl delete`: what is at a path of the API, gone."""

from vaultctl.cli import output, values
from vaultctl.cli.command import FIELD, FORMAT, Run, command
from vaultctl.cli.failures import Misuse


def run(run: Run) -> None:
    """Delete a path; words behind it are query parameters. Raises: Misuse."""
    fmt = run.format()
    path = run.args[0].strip("/ ")
    run.env.doing = f"Error deleting {path}"
    answer = run.client.call("DELETE", path, query=_parse(run.args[1:]))
    if answer.data is not None:
        output.secret(run.env, fmt, answer, run["field"])
        return
    run.env.warn(answer.warnings)
    if fmt == "table":
        run.env.out(f"Success! Data deleted (if it existed) at: {path}\n")


def _parse(words: tuple[str, ...]) -> dict[str, str]:
    try:
        return values.parse(words, masked=False)
    except Misuse as error:
        raise Misuse(str(error).replace("K=V data", "string list data", 1)) from None


COMMAND = command(
    "delete",
    run,
    usage="delete [options] PATH",
    short_help="Delete what is at a path",
    help="Deletes what is at PATH. That there is nothing is no error.\n\n    $ vaultctl delete secret/data/old",
    arity=(1, None),
    completes=("mount",),
    loses=True,
    flags=(FORMAT, FIELD),
)
