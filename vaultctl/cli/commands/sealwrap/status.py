"""`vaultctl sealwrap status`: the rewrap, the seals, and the mounts whose entries the seal wraps, in one view."""

from collections.abc import Mapping, Sequence
from typing import Any

from vaultctl.cli import output, rewraps
from vaultctl.cli.command import FORMAT, Run, command
from vaultctl.client import sealwrap
from vaultctl.logical.errors import StateError, VaultError

_ROWS = ("is_running", "phase", "total", "started", "updated", "key_id", "error", "note")
_COUNTS = ("current", "old", "unwrapped")


def run(run: Run) -> None:
    """Show all that is known. Raises: Failure where the seal does not give the state's keys, VaultError."""
    fmt = run.format()
    try:
        rewrap = dict(rewraps.look(run))
    except StateError as error:
        _show_seals_alone(run, fmt, error)
        raise
    seals, (mounts, unseen) = sealwrap.backends(run.client), sealwrap.mounts(run.client)
    for what in unseen:
        run.env.err(f"vaultctl: not permitted to see {what}")
    if fmt != "table":
        output.emit(run.env, fmt, {"rewrap": rewrap, "seals": seals, "mounts": mounts})
        return
    output.section(run.env, "Rewrap", _rewrap_rows(rewrap))
    for each in rewrap.get("failed_entries") or ():
        run.env.out(f"\n* failed: {each['error']}")
    run.env.out("\n")
    _show_seals(run, seals)
    run.env.out("\n")
    if mounts:
        output.table(run.env, ["Mount", "Type", "Accessor", "Current Key", "Old Key", "Unwrapped"], _rows(mounts))
    else:
        run.env.out("No mount is seal-wrapped\n")


def _show_seals_alone(run: Run, fmt: str, error: StateError) -> None:
    """Show how the seals are where that is why nothing else can be read. Raises: the error where it is not."""
    try:
        seals = sealwrap.backends(run.client)
    except VaultError:
        raise error from None
    if fmt != "table":
        output.emit(run.env, fmt, {"rewrap": {}, "seals": seals, "mounts": {}})
        return
    output.section(run.env, "Rewrap", [["error", error.errors[0]]])
    run.env.out("\n")
    _show_seals(run, seals)


def _rewrap_rows(rewrap: Mapping[str, Any]) -> list[list[str]]:
    entries = rewrap.get("entries") or {}
    counted = [[name, str(entries.get(name, 0))] for name in ("processed", "succeeded", "failed")]
    return counted + [[name, output.go_text(rewrap[name])] for name in _ROWS if rewrap.get(name) not in (None, "")]


def _show_seals(run: Run, seals: Mapping[str, Any]) -> None:
    if not seals:
        run.env.out("The server does not tell of its seals\n")
        return
    rows = [["healthy", output.go_text(seals.get("healthy"))]]
    rows += [[name, output.go_text(seals[name])] for name in ("unhealthy_since", "fully_wrapped") if name in seals]
    output.section(run.env, "Seals", rows)
    run.env.out("\n")
    output.table(
        run.env,
        ["Seal", "Key ID", "Healthy", "Wraps", "Unhealthy Since"],
        [
            [
                str(each.get("name", "")),
                str(each.get("key_id", "")),
                output.go_text(each.get("healthy")),
                output.go_text(each.get("wraps", not each.get("disabled"))),
                str(each.get("unhealthy_since", "")),
            ]
            for each in seals.get("backends") or ()
        ],
    )


def _rows(mounts: Mapping[str, Mapping[str, Any]]) -> Sequence[Sequence[str]]:
    return [
        [path, str(mount["type"]), str(mount["accessor"]), *(str(mount.get(name, "n/a")) for name in _COUNTS)]
        for path, mount in sorted(mounts.items())
    ]


COMMAND = command(
    "status",
    run,
    usage="sealwrap status [options]",
    short_help="Show what the seal wraps, and how a rewrap stands",
    help="Shows how the newest rewrap stands, whether each seal can be asked, and which mounts are seal-wrapped, with"
    " how many of their entries are under the current key, under an old one, or not wrapped yet.",
    doing="Error reading the status of the seal wrap",
    wraps="never",
    flags=(FORMAT,),
)
