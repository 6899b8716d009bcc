"""Help texts, made from the tree and from the flags that commands declare."""

import textwrap

import click

from vaultctl.cli.go_flags import GoCommand
from vaultctl.cli.tree import Group

EXIT_CODES = """\
Exit codes:

  0    done
  1    the command line or a local input is wrong; nothing was asked
  2    the request was refused, or the state or the remote cannot be used
  3    -check found that something would break, or did not see everything
  127  no such command
  130  interrupted; a move that has begun goes on
  141  nobody reads the output any more; what was asked is done"""


def usage_of(command: click.Command) -> str:
    """Write the help of a group or a command."""
    if isinstance(command, Group):
        return _group_usage(command)
    if isinstance(command, GoCommand):
        return _command_usage(command)
    raise TypeError(command)


def _group_usage(group: Group) -> str:
    name = " ".join(("vaultctl", *group.words))
    shape = "<subcommand> [options] [args]" if group.words else "<command> [args]"
    width = max(len(word) for word in group.tree)
    lines = [f"Usage: {name} {shape}", "", f"  {group.short_help}.", "", "Subcommands:" if group.words else "Commands:"]
    for word, entry in sorted(group.tree.items()):
        text = entry[0] if isinstance(entry, tuple) else entry
        lines.append(f"    {word.ljust(width)}    {text}")
    return "\n".join(lines) + "\n"


def _command_usage(command: GoCommand) -> str:
    blocks = [f"Usage: vaultctl {command.usage}"]
    blocks += [_filled(text, "  ") for text in (command.help or "").split("\n\n")]
    options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    blocks.append("Options:")
    for option in sorted(options, key=lambda option: option.opts[0]):
        value = "" if option.is_flag else f"=<{kind_of(option)}>"
        blocks.append(f"  {option.opts[0]}{value}\n" + _filled(option.help or "", "      "))
    return "\n\n".join([*blocks, EXIT_CODES]) + "\n"


def kind_of(option: click.Option) -> str:
    """Name what a flag takes."""
    return option.type.name if option.type.name != "text" else "string"


def _filled(text: str, indent: str) -> str:
    if text.startswith("    "):
        return textwrap.indent(text, indent)
    return textwrap.fill(text, 78, initial_indent=indent, subsequent_indent=indent)
