"""Draws docs/pictures/: what a terminal shows of `secrets list`, and of a move that another process works on.

The commands are run on a real pseudo terminal, and what they printed there is drawn, for dark and for light pages.

    python scripts/pictures.py [--columns 108]
"""

import argparse
import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI, TerminalTheme
from rich.text import Text

from vaultctl.connect import local
from vaultctl.connect.settings import read_settings
from vaultctl.core.apart import Apart
from vaultctl.core.core import ACTIVE_JOBS, Core
from vaultctl.logical.request import Operation, Request

PROGRAM = str(Path(sys.executable).parent / "vaultctl")
FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
ENOUGH = re.compile(rb"moving team/.*?queued.*?0:00:01.*?\x1b", re.DOTALL)
THEMES: Mapping[str, TerminalTheme] = {"dark": MONOKAI, "light": DEFAULT_TERMINAL_THEME}

SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{
    font-family: system-ui, sans-serif;
    font-size: 18px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    """Draw all pictures."""
    parser = argparse.ArgumentParser(description="Draw the pictures of the README.")
    parser.add_argument("--columns", type=int, default=108)
    columns = parser.parse_args().columns
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        env = {
            "HOME": folder,
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        prepare(env)
        draw("list", "vaultctl secrets list", shown([PROGRAM, "secrets", "list"], env, columns), columns)
        draw("move", "vaultctl remount watch", watched(env, columns), columns)


def prepare(env: Mapping[str, str]) -> None:
    """Make a state with a few mounts."""
    for words in (
        ["-path=team", "-description=secrets of the team", "-default-lease-ttl=1h", "kv-v2"],
        ["-path=apps/billing", "-description=what the billing service reads", "kv-v2"],
        ["-description=keys of the build servers", "ssh"],
    ):
        subprocess.run([PROGRAM, "secrets", "enable", *words], env=env, check=True, capture_output=True)  # noqa: S603


def shown(argv: Sequence[str], env: Mapping[str, str], columns: int, until: re.Pattern[bytes] | None = None) -> str:
    """Run a command on a terminal; give all that it printed there, or what it had printed when the pattern came."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.execve(argv[0], list(argv), dict(env))  # noqa: S606  # the program itself is what is shown
    printed = b""
    try:
        while not (until and until.search(printed)):
            printed += os.read(terminal, 65536)
    except OSError:
        pass  # how Linux says that the command has ended
    else:
        os.kill(pid, signal.SIGINT)
    os.waitpid(pid, 0)
    os.close(terminal)
    return printed.decode()


def watched(env: Mapping[str, str], columns: int) -> str:
    """Begin a move, hold it as a process that works on it does, and give what `remount watch` shows meanwhile."""
    core = Core(local.open_state(read_settings(data_dir(env)), data_dir(env), print))
    token = (Path(data_dir(env)["VAULTCTL_DATA_DIR"]) / "root-token").read_text().strip()
    request = Request(Operation.UPDATE, "sys/remount", data={"from": "team", "to": "apps/team"}, token=token)
    core._write(request._replace(request_id="picture"), Apart(), after_jobs=True)
    with core.state.reader() as view:
        (job_id,) = view.list(ACTIVE_JOBS)
    lock = core.state.backend.job_lock(job_id)
    try:
        frames = shown([PROGRAM, "remount", "watch", job_id], env, columns, ENOUGH)
    finally:
        if lock:
            lock.release()
        core.close()
    return re.split(r"\r(?:\x1b\[2K)?", frames.split("^C")[0])[-1]


def data_dir(env: Mapping[str, str]) -> dict[str, str]:
    """Name the state's folder, as this process must."""
    return {"VAULTCTL_DATA_DIR": f"{env['HOME']}/.local/share/vaultctl"}


def draw(name: str, title: str, printed: str, columns: int) -> None:
    """Draw what was printed on a terminal, once for dark pages and once for light ones."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {title}", style="bold"))
    console.print(Text.from_ansi(printed.replace("\r\n", "\n").strip("\n")))
    for theme, colours in THEMES.items():
        svg = console.export_svg(
            title="vaultctl", theme=colours, code_format=SVG, clear=False, unique_id=f"{name}-{theme}"
        )
        (FOLDER / f"{name}-{theme}.svg").write_text(svg)


if __name__ == "__main__":
    main()
