"""What goes to stdout: tables, JSON, YAML and single fields, laid out as `bao` does when piped.

On a terminal the tables are Rich's. Values are shown as Go shows them: `<nil>`, `map[a:1]`, `[a b]`, `n/a` for an empty
text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from vaultctl.cli.env import Env, visible
from vaultctl.cli.failures import Misuse
from vaultctl.logical import json_text
from vaultctl.logical.durations import humanise
from vaultctl.logical.response import Response

FORMATS = ("table", "json", "yaml", "yml", "pretty", "raw")
_GAP = "    "
_DURATION_ENDS = ("_ttl", "_period", "_duration")
_DURATION_NAMES = frozenset({"ttl", "period", "duration", "lease_max", "ttl_max"})


def check_format(name: str, *, raw: bool = False) -> str:
    """Give the format that a name asks for. Raises: Misuse."""
    lowered = name.lower()
    if lowered not in FORMATS:
        raise Misuse(f"Invalid output format: {name}")
    if lowered == "raw" and not raw:
        raise Misuse("This command does not support the -format=raw option.")
    if lowered == "pretty":
        raise Misuse("Could not parse output: cannot use the pretty formatter for this type")
    return "yaml" if lowered == "yml" else lowered


def ignored_format(name: str, *, raw: bool = False) -> str:
    """Give the format of a command that heeds its own flag alone, where the environment names one. Raises: Misuse.

    Source: OpenBao 2.7, where such a command is refused all the same if the name is no good.
    """
    lowered = name.lower()
    return "table" if lowered in FORMATS and (raw or lowered != "raw") else check_format(name)


def emit(env: Env, fmt: str, value: Any) -> None:
    """Print a value as JSON or YAML."""
    env.out(to_yaml(value) if fmt == "yaml" else to_json(value) + "\n")


def to_json(value: Any) -> str:
    """Write JSON as Go does: two spaces, and what HTML or JavaScript would stumble over escaped."""
    return json_text.for_pages(json_text.dumps(value, indent=2))


def to_yaml(value: Any) -> str:
    """Write YAML, with PyYAML imported only where it is wanted."""
    from vaultctl.cli import yaml_text

    return yaml_text.dumps(value)


def table(env: Env, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, with Rich on a terminal, which no cell steers."""
    if env.at_terminal:
        heading, rows = [visible(title) for title in heading], [[visible(cell) for cell in row] for row in rows]
    if env.is_terminal:
        from vaultctl.cli import terminal

        terminal.table(heading, rows)
    else:
        env.out(plain_table(heading, rows))


def plain_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out columns with four spaces between, and dashes as long as each heading."""
    lines = [heading, ["-" * len(title) for title in heading], *([cell or "n/a" for cell in row] for row in rows)]
    *widths, _last = [max(map(len, column)) for column in zip(*lines, strict=True)]
    layout = _GAP.join([*(f"{{:<{width}}}" for width in widths), "{}\n"])
    return "".join(layout.format(*line) for line in lines)


def pairs(env: Env, rows: Sequence[tuple[str, Any]]) -> None:
    """Print names and values in two columns, without a heading."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        env.out(f"{name:<{width}}{_GAP}{_pair_text(env, value)}\n")


def _pair_text(env: Env, value: Any) -> str:
    text = go_text(value) or "n/a"
    return visible(text) if env.at_terminal else text


def envelope(response: Response) -> dict[str, Any]:
    """Give an answer as `-format=json` shows it."""
    lease = response.lease
    shown: dict[str, Any] = {
        "request_id": response.request_id,
        "lease_id": lease.lease_id if lease else "",
        "lease_duration": lease.duration_s if lease else 0,
        "renewable": lease.renewable if lease else False,
        "data": json_text.sorted_deep(response.data),
        "warnings": list(response.warnings) or None,
    }
    if response.auth:
        from vaultctl.cli import auth_output

        shown["auth"] = auth_output.block(response.auth)
    if response.wrap_info:
        from vaultctl.cli import wrap_output

        shown["wrap_info"] = wrap_output.block(response.wrap_info)
    return shown


def secret(env: Env, fmt: str, response: Response, field: str | None = None) -> None:
    """Print an answer: one field of it, its envelope, or a table of its data. Raises: Misuse."""
    if env.github and field is None:
        env.github.put_answer(response)
    elif field is not None:
        print_field(env, fmt, fields_of(response), field)
    elif fmt != "table":
        emit(env, fmt, envelope(response))
    else:
        rows = secret_rows(response)
        if rows:
            table(env, ["Key", "Value"], rows)
    if fmt == "table":
        env.warn(response.warnings)


def secret_rows(response: Response) -> list[list[str]]:
    """Give the rows of an answer's table: the lease first, then the data by key."""
    rows = []
    lease = response.lease
    if lease and lease.lease_id:
        rows += [
            ["lease_id", lease.lease_id],
            ["lease_duration", humanise(lease.duration_s)],
            ["lease_renewable", str(lease.renewable).lower()],
        ]
    elif lease and lease.duration_s:
        rows.append(["refresh_interval", humanise(lease.duration_s)])
    if response.auth:
        from vaultctl.cli import auth_output

        rows += auth_output.rows(response.auth)
    if response.wrap_info:
        from vaultctl.cli import wrap_output

        rows += wrap_output.rows(response.wrap_info)
    return rows + data_rows(response.data or {})


def data_rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Give a row for each key, sorted; what is named as a duration is shown as one."""
    return [[key, _cell(key, data[key])] for key in sorted(data)]


def _cell(key: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and _names_duration(key):
        return humanise(value)
    return go_text(value)


def _names_duration(key: str) -> bool:
    return key in _DURATION_NAMES or key.endswith(_DURATION_ENDS)


def go_text(value: Any) -> str:
    """Write a value as Go's %v does."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(go_text(item) for item in value) + "]"
    return str(value)


def fields_of(response: Response) -> dict[str, Any]:
    """Give all that `-field` can name of an answer."""
    data = dict(response.data or {})
    if response.wrap_info:
        from vaultctl.cli import wrap_output

        return wrap_output.fields(response.wrap_info)
    lease = response.lease
    reserved = {
        "request_id": response.request_id,
        "lease_id": lease.lease_id if lease else "",
        "lease_duration": lease.duration_s if lease else 0,
        "refresh_interval": lease.duration_s if lease else 0,
        "renewable": lease.renewable if lease else False,
    }
    if response.auth:
        from vaultctl.cli import auth_output

        reserved |= auth_output.fields(response.auth)
    return {**reserved, "data": data, **data}


def print_field(env: Env, fmt: str, values: Mapping[str, Any], field: str, *, where: str = "secret") -> None:
    """Print one value; a newline follows it on a terminal only. Raises: Misuse."""
    value = values.get(field)
    if value is None:
        raise Misuse(f'Field "{field}" not present in {where}')
    if env.github:
        env.github.put_field(value, fmt)
        return
    if fmt == "json":
        text = to_json(json_text.sorted_deep(value))
    else:
        text = go_text(value) if fmt in ("table", "raw") else to_yaml(value)
    env.out(text + ("\n" if env.is_terminal and not text.endswith("\n") else ""))


def section(env: Env, title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print a table of keys and values under a heading."""
    longest = max((len(row[0].encode()) for row in rows), default=0)
    env.out(centred(title, longest + len(_GAP) + len("Value")) + "\n")
    table(env, ["Key", "Value"], rows)


def centred(title: str, width: int) -> str:
    """Give a heading between equals signs; the width is in bytes.

    Source: OpenBao 2.7, two on each side where the width leaves no room.
    """
    signs = width - len(title) - 2
    signs = 4 if signs <= 0 else signs + signs % 2
    return f"{'=' * (signs // 2)} {title} {'=' * (signs // 2)}"


def keys(env: Env, fmt: str, names: Sequence[str]) -> None:
    """Print a list of keys."""
    if fmt == "table":
        table(env, ["Keys"], [[name] for name in names])
    else:
        emit(env, fmt, list(names))
