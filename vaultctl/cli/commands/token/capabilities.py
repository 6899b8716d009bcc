"""`vaultctl token capabilities`: what a token may do at a path."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.logical.errors import VaultError
from vaultctl.logical.response import Response


def run(run: Run) -> None:
    """Print what a token may do; without one, the token in use. Raises: Misuse, VaultError."""
    fmt, given = run.format(), run.args
    if not 1 <= len(given) <= 2:
        raise Misuse(f"{'Too many' if given else 'Not enough'} arguments (expected 1-2, got {len(given)})")
    client, path = run.client, given[-1].strip()
    if len(given) == 1:
        token = run.env.connect(run.common).token
        answer = client.call("POST", "sys/capabilities-self", {"path": path, "token": token})
    else:
        answer = client.call("POST", "sys/capabilities", {"path": path, "token": given[0].strip()})
    names = _names(answer, path)
    if fmt == "table":
        run.env.out(", ".join(names) + "\n")
    else:
        output.emit(run.env, fmt, names)


def _names(answer: Response, path: str) -> list[str]:
    data = answer.data or {}
    found = data.get(path, data.get("capabilities"))
    if not isinstance(found, list):
        raise VaultError("the answer names no capabilities")
    return sorted(map(str, found))


COMMAND = command(
    "capabilities",
    run,
    usage="token capabilities [options] [TOKEN] PATH",
    short_help="Print what a token may do at a path",
    help="Prints the capabilities that TOKEN has on PATH; without TOKEN, those of the one in use.\n\n"
    "    $ vaultctl token capabilities secret/data/app",
    doing="Error listing capabilities",
    arity=(0, None),
    wraps="empty",
    flags=(FORMAT,),
)
