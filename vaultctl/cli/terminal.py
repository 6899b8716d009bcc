"""What people see: Rich tables, and the progress of a job. The only module that imports Rich."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from vaultctl.cli.env import visible

_FOLDABLE = 6
"""So many columns can be read when their cells are folded."""

_BETWEEN = 3
"""How many blanks are between columns."""

_LONE = 2
"""With so few columns a block a row would be no easier to copy from."""


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table. Cells are text, never markup. One that cannot be read or copied well becomes a block a row."""
    console = Console()
    widths = _widths(heading, rows, console.width)
    if widths is None:
        for row in rows:
            console.print(Text(row[0], style="bold"))
            console.print(_grid([[f"  {title}", cell] for title, cell in zip(heading[1:], row[1:], strict=True)]))
        return
    drawn = Table(box=SIMPLE_HEAD, header_style="bold", show_edge=False)
    for title, width in zip(heading, widths, strict=True):
        drawn.add_column(title, overflow="fold", width=width)
    for row in rows:
        drawn.add_row(*map(_cell, row))
    console.print(drawn)


def _widths(heading: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Give the width of each column: cells are folded between words, so that an ID can be copied.

    None where that cannot be, or where too many columns would be folded.
    """
    columns = list(zip(heading, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    words = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    room -= _BETWEEN * len(columns)
    if sum(widths) <= room:
        return widths
    if len(columns) > _FOLDABLE or (sum(words) > room and len(columns) > _LONE):
        return None
    narrow = words if sum(words) <= room else [min(word, room // len(columns)) for word in words]
    spare = room - sum(narrow)
    given = []
    for width, least in zip(widths, narrow, strict=True):
        more = min(width - least, spare)
        given.append(least + more)
        spare -= more
    return given


def _grid(rows: Sequence[Sequence[str]]) -> Table:
    grid = Table.grid(padding=(0, _BETWEEN, 0, 0))
    for _ in rows[0]:
        grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*map(_cell, row))
    return grid


def _cell(text: str) -> Text:
    return Text(text) if text else Text("-", style="dim")


Info: TypeAlias = Mapping[str, Any] | None


class _Left(ProgressColumn):
    """The time that is left, where it can be told, else the time that went by."""

    def render(self, task: Task) -> Text:
        """Write it in hours, minutes and seconds."""
        left = task.time_remaining if task.total else None
        seconds = task.elapsed or 0 if left is None else left
        return Text(str(timedelta(seconds=int(seconds))) + ("" if left is None else " left"), style="cyan")


def follow(title: str, read: Callable[[], Info], is_over: Callable[[Info], bool]) -> Info:
    """Show a job's phase, count and time left on stderr until it is over; give what was read last."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}", style="green"),
        _Left(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None, count="")
        while True:
            info = read()
            if is_over(info):
                return info
            shown = info or {}
            done, total = shown.get("done", 0), shown.get("total") or None
            progress.update(
                task,
                description=visible(f"{title}: {shown.get('phase', 'in progress')}"),
                completed=done,
                total=total,
                count=f"{done}/{total}" if total else "",
            )


def diff(text: str) -> None:
    """Print a unified diff in its colours. Its lines are text, never markup, and are not folded."""
    styles = {"+++": "bold", "---": "bold", "@@ ": "cyan"}
    signs = {"+": "green", "-": "red"}
    console = Console()
    for line in text.splitlines():
        style = styles.get(line[:3]) or signs.get(line[:1]) or ""
        console.print(Text(line, style=style), soft_wrap=True)
