"""Completion: what the program offers, and what real shells make of it."""

import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from pathlib import Path

import click
import pytest

from vaultctl.cli import completion, shells
from vaultctl.cli.go_flags import Flag, GoCommand
from vaultctl.cli.tree import Group, root

ROOT = Path(__file__).parents[2]


@pytest.fixture
def offered(here):
    """Give the words that are offered in the place of the last one."""

    def ask(*words):
        ran = here("__complete", *words)
        assert (ran.code, ran.err) == (0, "")
        return [line.partition("\t")[0] for line in ran.out.splitlines()]

    return ask


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["sec"], ["secrets"]),
        (["secrets", ""], ["disable", "enable", "list", "move", "tune"]),
        (["operator", "snapshot", "s"], ["save"]),
        (["secrets", "enable", "-des"], ["-description="]),
        (["secrets", "enable", "--des"], ["-description="]),
        (["secrets", "enable", "kv", "-seal"], ["-seal-wrap"]),
        (["secrets", "enable", "kv-"], ["kv-v1", "kv-v2"]),
        (["secrets", "list", "-format="], ["-format=json", "-format=table", "-format=yaml"]),
        (["secrets", "list", "-format", "j"], ["json"]),
        (["secrets", "list", "-type=kv,sy"], ["-type=kv,system"]),
        (["secrets", "disable", "s"], ["secret/", "sys/"]),
        (["secrets", "disable", "--", "s"], ["secret/", "sys/"]),
        (["secrets", "disable", "secret/", ""], []),
        (["kv", "get", "-mount", "se"], ["secret/"]),
        (["kv", "get", "sec"], ["secret/"]),
        (["kv", "metadata", "put", "-cas"], ["-cas-required"]),
        (["kv", "metadata", "put", "-cas-required", "sec"], ["secret/"]),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["nosuch", ""], []),
        (["secrets", "nosuch", "x"], []),
        (["secrets", "list", "-nosuch="], []),
    ],
    ids=" ".join,
)
def test_words_are_offered(offered, words, wanted):
    """Commands, flags, their values and what the state holds are offered where they can stand."""
    assert offered(*words) == wanted


def test_the_top_level_is_offered_whole(offered):
    """Nothing typed offers every command."""
    assert offered("") == offered() == sorted(root().tree)


def test_moves_are_offered_the_newest_first(offered, here):
    """A migration's id, which nobody types, is offered with what it moved."""
    for source, target in (("secret", "a"), ("a", "b")):
        here("secrets", "move", source, target)
    lines = here("__complete", "remount", "watch", "").out.splitlines()
    assert [line.partition("\t")[2] for line in lines] == ["a/ to b/, success", "secret/ to a/, success"]


def test_completion_makes_no_state(fresh):
    """Where there is no state, none is made, and nothing is said."""
    assert (fresh("__complete", "secrets", "disable", ""), fresh.data.exists()) == ((0, "", ""), False)


@pytest.mark.parametrize(
    "env", [{"VAULT_ADDR": "http://127.0.0.1:1"}, {"VAULTCTL_STORAGE": "nosuch"}, {"VAULT_TOKEN": "x"}]
)
def test_trouble_offers_nothing(here, env):
    """Whatever is wrong, no error gets in the way of typing."""
    ran = here("__complete", "secrets", "disable", "", env=env)
    assert (ran.code, ran.out) == (0, "")
    assert "rror" not in ran.err


def test_a_name_that_would_break_a_line_is_not_offered(offered, here):
    """A folder of secrets is offered but for names that a shell's line cannot hold."""
    here("kv", "put", "secret/with\ttab", "k=v")
    assert not any("tab" in word for word in offered("kv", "get", "secret/"))


def test_a_description_keeps_to_its_line(here):
    """A line break in a description makes no candidate of its second half."""
    here("secrets", "enable", "-path=odd", "-description=one\ntwo\x1b[31m", "kv")
    assert here("__complete", "secrets", "disable", "odd").out == "odd/\tone two [31m\n"


def test_words_that_are_no_text_offer_nothing(vaultctl):
    """Bytes that are not UTF-8 are no reason for an error while somebody types."""
    assert vaultctl("__complete", "secrets", b"\xff") == (0, "", "")


def _leaves(group):
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield from _leaves(command) if isinstance(command, Group) else [command]


def test_every_kind_that_is_named_is_known():
    """What flags and positionals name as what completes them is known to completion."""
    commands = [command for command in _leaves(root()) if isinstance(command, GoCommand)]
    flags = {param.completes for command in commands for param in command.params if isinstance(param, Flag)}
    assert flags | {kind for command in commands for kind in command.completes} <= completion.KINDS | {""}


@pytest.mark.parametrize("shell", shells.SCRIPTS)
def test_the_scripts_can_be_had_from_the_program(here, shell):
    """`vaultctl completion SHELL` prints what the project's folder has."""
    assert here("completion", shell).out == (ROOT / "completions" / shells.FILES[shell]).read_text()


def test_another_shell_is_exit_code_1(here):
    """A shell that there is no script for is misuse."""
    assert here("completion", "tcsh").code == 1


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {script}"),
    "fish": (["fish", "--no-config", "-i"], "source {script}"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source {script}"),
}
PATIENCE_S = 60
BEGINNING, END = b"\x01", b"\x05"  # Ctrl-A and Ctrl-E go to the two ends of a line


def _installed(shell):
    """Leave a test out where a shell is not installed; in CI all of them are."""
    missing = shutil.which(shell) is None and not os.environ.get("CI")
    return pytest.param(
        shell, marks=pytest.mark.skipif(missing, reason=f"{shell} is not installed: apt install {shell}")
    )


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("vaultctl remo", "vaultctl remount"),
        ("vaultctl secrets en", "vaultctl secrets enable"),
        ("vaultctl secrets enable -desc", "vaultctl secrets enable -description="),
        ("vaultctl secrets list -format=js", "vaultctl secrets list -format=json"),
        ("vaultctl secrets disable sec", "vaultctl secrets disable secret/"),
        ("vaultctl kv list -mount=sec", "vaultctl kv list -mount=secret/"),
    ],
)
@pytest.mark.parametrize("shell", [_installed(shell) for shell in SHELLS])
def test_a_shell_completes_a_line(vaultctl, shell, typed, wanted):
    """On a real terminal, the words and a tab become the whole line."""
    vaultctl("secrets", "list")
    argv, setup = SHELLS[shell]
    script = ROOT / "completions" / shells.FILES[shell]
    keys = typed.encode() + b"\t" + BEGINNING + b"echo FROM " + END + b" TO\n"
    lines = setup.format(script=script).encode() + b"\n" + keys
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    env = {**vaultctl.env, "PATH": path, "TERM": "xterm", "LANG": "C.UTF-8"}
    assert _answered(argv, env, lines, r"[\r\n]FROM (.*?) *TO\r?\n") == wanted


def _answered(argv, env, keys, pattern):
    """Type keys into a shell on a pseudo terminal, and wait until a line of its output fits the pattern."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, env)  # the shell itself is what is tested
    shown, deadline = "", time.monotonic() + PATIENCE_S
    try:
        os.write(terminal, keys)
        while not (found := re.search(pattern, shown)):
            ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"the shell printed only {shown!r}"
            shown += os.read(terminal, 65536).decode(errors="replace")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return found[1]
