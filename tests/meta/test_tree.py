"""The command tree, the folder tree below `commands`, and what the commands say of themselves."""

import re
import subprocess
from pathlib import Path

import click
import pytest

from vaultctl.cli import tree
from vaultctl.cli.go_flags import GoCommand
from vaultctl.cli.usage import usage_of

ROOT = Path(__file__).parents[2]


def leaves(group=None):
    """Give every command of the tree, by its words."""
    group = group or tree.root()
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, tree.Group):
            yield from leaves(command)
        else:
            yield (*group.words, name), command


LEAVES = dict(leaves())


def said(words):
    """Give the short help that the tree has for a command."""
    entry = tree.TREE
    for word in words:
        entry = entry[1] if isinstance(entry, tuple) else entry
        entry = entry[word]
    return entry


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_a_command_says_what_the_tree_says(words):
    """A command's short help and usage line are those of its place in the tree."""
    command = LEAVES[words]
    assert (command.short_help, command.name) == (said(words), words[-1])
    assert command.usage.split(" ")[: len(words)] == list(words)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_a_command_has_a_help(words):
    """A command's help names all its flags and fits the width of a terminal."""
    command = LEAVES[words]
    assert isinstance(command, GoCommand)
    text = usage_of(command)
    flags = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    assert [flag.opts[0] for flag in flags if f"  {flag.opts[0]}" not in text] == []
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_each_flag_has_both_spellings(words):
    """A flag is declared with one dash and with two, so that completion finds it."""
    for param in LEAVES[words].params:
        if isinstance(param, click.Option):
            assert param.opts[1] == "-" + param.opts[0]


def test_each_module_below_commands_is_a_command():
    """No module of a command is left out of the tree."""
    folder = ROOT / "vaultctl" / "cli" / "commands"
    modules = {
        path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py") if path.stem != "__init__"
    }
    assert modules == {tuple(word.replace("-", "_") for word in words) for words in LEAVES}


def test_the_package_index_name_is_ours():
    """No text tells anybody to install the distribution of somebody else."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=False, capture_output=True, text=True, cwd=ROOT).stdout
    names = [name for name in listed.split("\0") if name] or [str(path) for path in ROOT.glob("*.md")]
    wrong = re.compile(r"(pip|pipx|uv|uvx)( tool| pip)? (install|add|run)( -\S+)* ['\"]?vaultctl(?!-cli)\b")
    for name in names:
        path = ROOT / name
        if path.is_file() and path.suffix in (".md", ".py", ".toml", ".yml", ".yaml", ".sh", ".txt", ".cfg", ""):
            assert not wrong.search(path.read_text(errors="replace")), name
