"""`vaultctl path-help`: what a path of the API is for."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command


def run(run: Run) -> None:
    """Explain a path."""
    fmt = run.format()
    path = run.args[0].strip("/ ")
    answer = run.client.call("HELP", path)
    data = dict(answer.raw or {})
    if fmt == "table":
        run.env.out(str(data["help"]).rstrip("\n") + "\n")
    else:
        output.emit(run.env, fmt, data)


COMMAND = command(
    "path-help",
    run,
    usage="path-help [options] PATH",
    short_help="Explain a path of the API",
    help="Explains what PATH is for, and which parameters it takes.\n\n    $ vaultctl path-help sys/remount",
    doing="Error retrieving help",
    arity=(1, 1),
    completes=("mount",),
    flags=(FORMAT,),
)
