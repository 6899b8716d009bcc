"""`vaultctl policy write`: a policy from a file or from stdin."""

import sys

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.values import MAX_B, decode
from vaultctl.client import policies


def run(run: Run) -> None:
    """Store a policy. Raises: Failure for a file that cannot be read."""
    fmt = run.format(from_environment=False)
    client = run.client
    name = run.args[0].strip().lower()
    text = _text(run.args[1].strip())
    run.env.doing = "Error uploading policy"
    policies.write(client, name, text)
    if name != run.args[0]:
        run.env.err(f'Policy name was converted from "{run.args[0]}" to "{name}"')
    if fmt == "table":
        run.env.out(f"Success! Uploaded policy: {name}\n")
    else:
        output.emit(run.env, fmt, {"name": name, "result": "uploaded"})


def _text(path: str) -> str:
    if path == "-" and sys.stdin is None:
        raise Misuse("stdin is closed")
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_B + 1)
        else:
            with open(path.encode(), "rb") as file:  # the name is UTF-8, whatever the locale says
                data = file.read(MAX_B + 1)
    except IsADirectoryError:
        raise Failure(f"Error reading policy: read {path}: is a directory") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else str(error)
        doing = "Error reading policy: read stdin" if path == "-" else f"Error opening policy file: open {path}"
        raise Failure(f"{doing}: {reason}") from None
    if len(data) > MAX_B:
        raise Misuse(f"{path} holds more than {MAX_B} bytes")
    return decode(data, path)


COMMAND = command(
    "write",
    run,
    usage="policy write [options] NAME PATH",
    short_help="Write a policy from a file",
    help="Stores the policy in the file PATH, or on stdin if PATH is -, as NAME. It is in HCL or JSON. Tokens that have"
    " a policy of that name may at once do what it says.\n\n    $ vaultctl policy write readers readers.hcl",
    arity=(2, 2),
    completes=("policy",),
    flags=(FORMAT,),
)
