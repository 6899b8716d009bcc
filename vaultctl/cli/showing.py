"""Runs a command for what it would ask: -output-curl-string and -output-policy."""

from collections.abc import Callable

from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure, Misuse
from vaultctl.cli.shown import Shown
from vaultctl.logical.errors import VaultError

_WHAT = {"curl": ("cURL command", "cURL string"), "policy": ("policy", "policy")}


def run(run: Run, command: Callable[[Run], None]) -> None:
    """Print the request that a command makes. Raises: Misuse where it makes none, or what stopped it."""
    done, wanted = _WHAT[run.common.shows]
    try:
        command(run)
    except Shown as shown:
        run.env.out(f"{shown}\n")
        return
    except Failure as error:
        raise type(error)(f"{error}\nUnable to generate {wanted} from command") from None
    except VaultError as error:
        from vaultctl.cli import report

        report.report(run.env, error, run.env.doing)
        raise Failure(f"Unable to generate {wanted} from command") from None
    raise Misuse(f"Could not generate {done}")
