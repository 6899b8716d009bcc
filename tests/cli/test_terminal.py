"""What people see: the same program with a terminal as its stdout."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios

import pytest

from vaultctl.connect import local
from vaultctl.connect.settings import read_settings
from vaultctl.core import jobs, records
from vaultctl.core.core import Core

STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
ODD = "[bold]not markup[/] | and a pipe"


@pytest.fixture
def screen(vaultctl):
    """Run a command line on a terminal of so many columns, and give what it showed, without styles."""

    def run(columns: int, *args: str, **env: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        with os.fdopen(ours, "rb", buffering=0) as seen:
            child = vaultctl.start(*args, env={"TERM": "xterm-256color", **env}, terminal=theirs)
            os.close(theirs)
            shown = b""
            try:
                while chunk := seen.read(65536):
                    shown += chunk
            except OSError:
                pass  # how Linux says that the other end is closed
            child.wait()
            child.communicate()
        return STYLE.sub("", shown.decode()).replace("\r\n", "\n")

    assert vaultctl("secrets", "enable", "-path=team", f"-description={ODD}", "kv").code == 0
    return run


@pytest.mark.parametrize("columns", [80, 140])
def test_a_table_fits_the_terminal(screen, columns):
    """No line is wider than the terminal, and no cell is cut or taken for markup."""
    shown = screen(columns, "secrets", "list")
    assert max(map(len, shown.splitlines())) <= columns
    assert all(word in shown for word in ("Path", "team/", "[bold]not", "markup[/]", "| and a", "pipe", "cubbyhole/"))


def test_a_wide_table_becomes_blocks(screen):
    """With sixteen columns each mount is a block of lines, one fact a line."""
    shown = screen(80, "secrets", "list", "-detailed")
    assert "\nteam/" in shown
    assert re.search(r"^  Replication +replicated *$", shown, re.MULTILINE)


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_an_id_can_be_copied(screen, vaultctl, columns):
    """The ID of a move stands on one line, however narrow the terminal is."""
    vaultctl("secrets", "move", "team", "apps/some/where/else")
    (move,) = json.loads(vaultctl("remount", "list", "-format=json").out)
    shown = screen(columns, "remount", "list")
    assert move["migration_id"] in shown
    assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.parametrize("columns", [30, 80])
def test_a_secret_wider_than_the_terminal_is_folded(screen, vaultctl, columns):
    """A long value is shown whole, in a column of its own."""
    vaultctl("kv", "put", "secret/a", "k=" + "x" * 300)
    shown = screen(columns, "kv", "get", "secret/a")
    assert (shown.count("x"), max(map(len, shown.splitlines())) <= columns) == (300, True)


def test_a_check_of_a_move_on_a_terminal(screen, vaultctl):
    """What was found is a table, and the diff of a policy stays as it is, however narrow the terminal."""
    text = 'path "team/data/a/rather/long/path/*" { capabilities = ["read", "list"] }'
    assert vaultctl("policy", "write", "app", "-", stdin=text.encode()).code == 0
    shown = screen(60, "secrets", "move", "-check", "team", "apps/team")
    assert "Moving secrets engine team/ to apps/team/" in shown
    assert f"\n-{text}\n+{text.replace('team/', 'apps/team/')}\n" in shown
    assert "\nWould break:\n  * policy app, line 1:" in shown


def test_a_dumb_terminal_gets_plain_columns(screen, vaultctl):
    """With TERM=dumb a terminal gets what a pipe gets."""
    assert screen(80, "secrets", "list", TERM="dumb") == vaultctl("secrets", "list").out


def test_a_field_ends_with_a_newline(screen):
    """On a terminal a newline follows the field."""
    assert screen(80, "read", "-field=type", "sys/mounts/team") == "kv\n"


@pytest.fixture
def held_move(vaultctl):
    """A move that another process works on, forty of a hundred steps far; give its id."""
    vaultctl("secrets", "list")
    settings = {"VAULTCTL_DATA_DIR": str(vaultctl.data)}
    core = Core(local.open_state(read_settings(settings), settings, print))
    with core.sessions.writing() as session:
        job = jobs.Job("a-move", "remount", {"source": "team/", "target": "apps/"}, 1, 1)
        jobs.enqueue(session.view, job)
        far = job._replace(phase="revoking leases", done=40, total=100)
        records.save(session.view, jobs.ACTIVE + job.id, far._asdict())
        session.commit()
    lock = core.state.backend.job_lock(job.id)
    yield job.id
    lock.release()
    core.close()


@pytest.mark.parametrize("style", [{}, {"NO_COLOR": "1"}], ids=["colour", "NO_COLOR"])
@pytest.mark.parametrize("columns", [80, 140])
def test_progress_has_phase_and_count(vaultctl, held_move, columns, style):
    """Whoever waits for a move sees its phase and its count on stderr; Ctrl-C says that the move goes on."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    child = subprocess.Popen(
        vaultctl.argv("remount", "watch", held_move),
        env={**vaultctl.env, "TERM": "xterm-256color", **style},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as seen:
        shown = b""
        while b"40/100" not in STYLE.sub("", shown.decode(errors="replace")).encode():
            shown += seen.read(65536)
        child.send_signal(signal.SIGINT)
        while b"remount watch" not in shown:
            shown += seen.read(65536)
    text = STYLE.sub("", shown.decode(errors="replace"))
    frames = [frame for frame in re.split(r"[\r\n]+", text) if "40/100" in frame]
    assert "moving team/ to apps/: revoking leases" in frames[0]
    assert max(map(len, frames)) <= columns
    assert (b"[3" in shown) is not bool(style)  # colours are 30 to 37, or 38
    assert (child.wait(), "the move goes on: vaultctl remount watch a-move" in text) == (130, True)
    child.stdout.close()
