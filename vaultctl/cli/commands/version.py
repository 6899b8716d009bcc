"""`vaultctl version`."""

from vaultctl import __version__
from vaultctl.cli.command import Run, command


def run(run: Run) -> None:
    """Print the version. Raises: Misuse for a format in the environment that is none."""
    run.format(from_environment=False, raw=True)
    run.env.out(f"vaultctl v{__version__}\n")


COMMAND = command("version", run, usage="version", short_help="Print the version", arity=(0, None), arity_text="0")
