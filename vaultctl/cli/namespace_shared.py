"""What the namespace commands share: how one is shown, and how many are."""

from collections.abc import Mapping
from typing import Any

from vaultctl.cli import answers, output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure
from vaultctl.cli.go_flags import PAIR, flag, switch
from vaultctl.client import namespaces

METADATA = flag("custom-metadata", "Custom metadata as KEY=VALUE; can be given again.", PAIR, multiple=True)
DETAILED = switch("detailed", "Show what is known of each namespace.")


def show(run: Run, fmt: str, namespace: Mapping[str, Any]) -> None:
    """Print one namespace, or one field of it. Raises: Misuse."""
    if run.flags["field"] is not None:
        output.print_field(run.env, fmt, namespace, run["field"], where="map")
    elif fmt == "table":
        output.table(run.env, ["Key", "Value"], output.data_rows(namespace))
    else:
        output.emit(run.env, fmt, namespace)


def show_them(run: Run, verb: str) -> None:
    """List namespaces, and print their paths. None is exit code 2, and in JSON `{}`. Raises: Failure."""
    fmt = run.format()
    found = namespaces.list_them(run.client, verb)
    if not found:
        if fmt == "table":
            raise Failure("No namespaces found")
        output.emit(run.env, fmt, {})
        raise Failure("")
    if not run["detailed"]:
        output.keys(run.env, fmt, sorted(found))
    elif fmt == "table":
        answers.show_details(run, found)
    else:
        output.emit(run.env, fmt, found)
