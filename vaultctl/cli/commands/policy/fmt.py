"""`vaultctl policy fmt`: a policy's file, laid out in its own place."""

import os

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.cli.failures import Misuse
from vaultctl.cli.values import decode


def run(run: Run) -> None:
    """Lay a file out. Nothing is asked of any door. Raises: Misuse for a file that is no policy."""
    from vaultctl.connect import policies
    from vaultctl.logical.errors import VaultError

    fmt = run.format(from_environment=False)
    path = os.path.expanduser(run.args[0].strip())
    try:
        with open(path.encode(), "rb") as file:  # the name is UTF-8, whatever the locale says
            text = decode(file.read(), path)
        laid_out = policies.lay_out(text)
        with open(path.encode(), "wb") as file:
            file.write(laid_out.encode())
    except OSError as error:
        doing = "reading source file: read" if isinstance(error, IsADirectoryError) else "reading source file: open"
        raise Misuse(f"Error {doing} {path}: {(error.strerror or '').lower()}") from None
    except VaultError as error:
        raise Misuse(error.errors[0]) from None
    except policies.BadLayout as error:
        raise Misuse(f"Error printing result: {error}") from None
    if fmt == "table":
        run.env.out(f"Success! Formatted policy: {path}\n")
    else:
        output.emit(run.env, fmt, {"path": path, "result": "formatted"})


COMMAND = command(
    "fmt",
    run,
    usage="policy fmt [options] PATH",
    short_help="Lay out a policy's file",
    help="Lays out the policy in the file PATH, which is written again. Comments stay. What is no policy is left as it"
    " is.\n\n    $ vaultctl policy fmt readers.hcl",
    arity=(1, 1),
    flags=(FORMAT,),
)
