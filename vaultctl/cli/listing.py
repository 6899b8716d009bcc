"""How `list` and `kv list` show what they found."""

from vaultctl.cli import output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Failure
from vaultctl.logical.response import Response


def show(run: Run, fmt: str, answer: Response | None, path: str) -> None:
    """Print the keys. Nothing there is exit code 2, and in JSON `{}`. Raises: Failure."""
    keys = (answer.data or {}).get("keys") if answer else None
    if answer and fmt == "table":
        run.env.warn(answer.warnings)
    if keys:
        output.keys(run.env, fmt, keys)
        return
    if fmt != "table":
        output.emit(run.env, fmt, {})
        raise Failure("")
    if not (answer and answer.warnings):
        raise Failure(f"No value found at {path.rstrip('/')}")
