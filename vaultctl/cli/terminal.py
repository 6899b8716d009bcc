"""What people see: Rich tables, and the progress of a job. The only module that imports Rich."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table. Cells are text, never markup."""
    drawn = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in heading:
        drawn.add_column(title, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) if cell else Text("-", style="dim") for cell in row))
    Console().print(drawn)


Info: TypeAlias = Mapping[str, Any] | None


def follow(title: str, read: Callable[[], Info], is_over: Callable[[Info], bool]) -> Info:
    """Show a job's phase, count and time left on stderr until it is over; give what was read last."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)
        while True:
            info = read()
            if is_over(info):
                return info
            shown = info or {}
            progress.update(
                task,
                description=f"{title}: {shown.get('phase', 'in progress')}",
                completed=shown.get("done", 0),
                total=shown.get("total") or None,
            )
