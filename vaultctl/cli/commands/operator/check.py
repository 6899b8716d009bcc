"""`vaultctl operator check`: whether the state is what vaultctl wrote, all of it."""

from vaultctl.cli import output
from vaultctl.cli.command import FORMAT, Run, command, file_name
from vaultctl.cli.failures import Failure
from vaultctl.cli.go_flags import flag
from vaultctl.connect.maintenance import Maintenance


def run(run: Run) -> None:
    """Verify the state, or save what is left of it. Raises: Failure where anything is wrong."""
    fmt = run.format()
    maintenance = run.maintenance()
    if run["salvage"]:
        _salvage(run, fmt, maintenance, run["salvage"])
        return
    report = maintenance.check()
    if fmt != "table":
        output.emit(run.env, fmt, {"entries": report.entries, "problems": report.problems})
    elif not report.problems:
        run.env.out(f"Success! All {report.entries} entries are what vaultctl wrote\n")
    if report.problems:
        raise Failure(
            "\n".join(f"* {problem}" for problem in report.problems)
            + "\n\nrestore a backup with: vaultctl operator snapshot restore FILE"
            + "\nor save the other entries with: vaultctl operator check -salvage=FILE"
        )


def _salvage(run: Run, fmt: str, maintenance: Maintenance, path: str) -> None:
    saved = maintenance.salvage(file_name(path))
    if fmt != "table":
        output.emit(run.env, fmt, {"saved": saved.entries, "lost": saved.lost})
    else:
        run.env.out(f"Saved {saved.entries} entries to {path}\n")
    if saved.lost:
        raise Failure("\n".join(f"* lost: {name}" for name in saved.lost))


COMMAND = command(
    "check",
    run,
    usage="operator check [options]",
    short_help="Verify the whole state",
    help="Decrypts every entry, and verifies that none was added, removed or put back from an older copy. With"
    " -salvage all that still decrypts is written into a new JSON state, and the rest is named; the state itself stays"
    " as it is.",
    flags=(FORMAT, flag("salvage", "Write what still decrypts into this new file.", metavar="FILE")),
)
