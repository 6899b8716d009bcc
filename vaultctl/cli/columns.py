"""Tables whose rows can be chosen and sorted, and whose columns too; and the order of what JSON shows of a mount."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vaultctl.cli import output
from vaultctl.cli.command import Run
from vaultctl.cli.failures import Misuse
from vaultctl.cli.go_flags import flag
from vaultctl.client.client import Client
from vaultctl.logical.response import Response

Row = tuple[str, Mapping[str, Any]]
"""A key, and what is known of it."""

Columns = Mapping[str, Callable[[str, Mapping[str, Any]], str]]
"""Headings, and how each cell is made of a row."""

_WITHOUT_TTLS = ("system", "cubbyhole")

SORT = flag("sort", "Sort by this column; -sort=-COLUMN the other way round.", metavar="COLUMN")
COLUMNS = flag("columns", "Show these columns of the table, as a list with commas.", metavar="COLUMNS")
TYPE = flag("type", "Show these types only, as a list with commas.", metavar="TYPES", completes="enabled type")


def show(run: Run, columns: Columns, headings: Sequence[str], rows: Sequence[Row]) -> None:
    """Print rows as a table of the columns that -columns names, else of these. Raises: Misuse."""
    chosen = [_heading(columns, name) for name in _listed(run["columns"])] or headings
    output.table(run.env, chosen, [[columns[heading](*row) for heading in chosen] for row in rows])


def arranged(run: Run, columns: Columns, rows: Sequence[Row]) -> list[Row]:
    """Keep the rows of the types that -type names, and sort them as -sort says. Raises: Misuse."""
    types = set(_listed(run.flags.get("type")))
    kept = [row for row in rows if not types or not types.isdisjoint(_types(row[1]))]
    name = run["sort"] or ""
    if not name:
        return kept
    heading = _heading(columns, name.removeprefix("-"))
    return sorted(kept, key=lambda row: _natural(columns[heading](*row)), reverse=name.startswith("-"))


def of_mounts(own: Columns) -> Columns:
    """Give the columns of a table of mounts, with those that only one kind of them has."""
    return {
        "Path": lambda path, _mount: path,
        "Type": lambda _path, mount: mount["type"],
        "Plugin": lambda _path, mount: mount["type"],
        "Accessor": lambda _path, mount: mount["accessor"],
        "Default TTL": lambda _path, mount: _ttl(mount["type"], mount["config"]["default_lease_ttl"]),
        "Max TTL": lambda _path, mount: _ttl(mount["type"], mount["config"]["max_lease_ttl"]),
        **own,
        "Replication": lambda _path, mount: "local" if mount["local"] else "replicated",
        "Seal Wrap": lambda _path, mount: output.go_text(mount["seal_wrap"]),
        "External Entropy Access": lambda _path, mount: output.go_text(mount["external_entropy_access"]),
        "Options": lambda _path, mount: output.go_text(mount["options"] or {}),
        "Description": lambda _path, mount: mount["description"],
        "UUID": lambda _path, mount: mount["uuid"],
        "Version": lambda _path, mount: mount["plugin_version"],
        "Running Version": lambda _path, mount: mount["running_plugin_version"],
        "Running SHA256": lambda _path, mount: mount["running_sha256"],
        "Deprecation Status": lambda _path, mount: mount.get("deprecation_status", ""),
    }


def show_mounts(run: Run, columns: Columns, headings: Sequence[str], list_them: Callable[[Client], Response]) -> None:
    """Print the mounts of one kind: these columns, or with -detailed all but the type. Raises: Misuse."""
    fmt = run.format()
    mounts = arranged(run, columns, sorted((list_them(run.client).data or {}).items()))
    if fmt == "table":
        show(run, columns, [name for name in columns if name != "Type"] if run["detailed"] else headings, mounts)
    else:
        output.emit(run.env, fmt, {path: ordered(mount) for path, mount in mounts})


def _ttl(type_: str, seconds: int) -> str:
    if type_ in _WITHOUT_TTLS:
        return ""
    return str(seconds) if seconds else "system"


def _types(info: Mapping[str, Any]) -> set[str]:
    """Give the names of a mount's type: kv of version 2 is kv-v2 too."""
    version = (info.get("options") or {}).get("version")
    return {info["type"]} | ({f"{info['type']}-v{version}"} if version else set())


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _heading(columns: Columns, name: str) -> str:
    found = next((heading for heading in columns if _named(heading) == name.lower().replace("-", "_")), None)
    if found is None:
        raise Misuse(f"there is no column {name}; columns are: {', '.join(map(_named, columns))}")
    return found


def _named(heading: str) -> str:
    return heading.lower().replace(" ", "_")


def _natural(cell: str) -> tuple[bool, int, str]:
    """Sort numbers as numbers, in front of text."""
    is_number = cell.isascii() and cell.isdigit()
    return not is_number, int(cell) if is_number else 0, cell


_ORDER = (
    "uuid",
    "type",
    "description",
    "accessor",
    "config",
    "options",
    "local",
    "seal_wrap",
    "external_entropy_access",
    "plugin_version",
    "running_plugin_version",
    "running_sha256",
    "deprecation_status",
)
_CONFIG_ORDER = (
    "default_lease_ttl",
    "max_lease_ttl",
    "force_no_cache",
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "listing_visibility",
    "passthrough_request_headers",
    "allowed_response_headers",
    "token_type",
)


def ordered(mount: Mapping[str, Any]) -> dict[str, Any]:
    """Give a mount with its keys in the order of `bao secrets list -format=json`, or of `bao auth list`."""
    config = dict(mount["config"])
    config.pop("user_lockout_config", None)  # bao leaves it out; reading the tuning tells of it
    first = {name: config.pop(name) for name in _CONFIG_ORDER if name in config}
    whole = {"deprecation_status": "", **mount, "config": {**first, **config}}
    return {name: whole[name] for name in _ORDER if name in whole}
