"""The program: runs one command, and turns whatever ends it into an exit code. No traceback ever reaches a user."""

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import click

from vaultctl.cli.env import Env
from vaultctl.cli.failures import INTERRUPTED, Failure, Misuse
from vaultctl.cli.go_flags import HelpWanted
from vaultctl.cli.tree import FlagsFirst, Group, UnknownCommand, is_help, root
from vaultctl.logical.errors import VaultError, where

BROKEN_PIPE = 128 + signal.SIGPIPE
"""What a shell reports of a program, bao among them, whose output nobody reads. What the command did is done."""

_COMPLETE = "__complete"
"""How the shells' scripts ask for candidates; what is typed so far may be no UTF-8."""

_FLAGS_FIRST = "Invalid flags before the subcommand. Put them after it, if they are for it.\n\n"


def main() -> None:
    """Run the command line of this process, and end it."""
    os.umask(0o077)  # whatever is made here is its owner's alone, and that owner can use it
    open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")  # as bao prints, whatever the locale says
    signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on an interruption is answered below
    try:
        code = run([as_typed(arg) for arg in sys.argv[1:]])
    except KeyboardInterrupt:  # while an end was being made of the command already
        code = INTERRUPTED
    # The interpreter's own tear-down takes milliseconds and does nothing more for us: all files are closed and synced.
    os._exit(code)


def open_missing_streams() -> None:
    """Put something in the place of standard streams that are closed, or a file of the state would become one.

    In the place of stdin stands what cannot be read: who wants to read it must not take nothing for an empty text. And
    in that of stdout what cannot be written to: a result that nobody gets is a failure.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_WRONLY)
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: SIM115  # it lives as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def as_typed(arg: str) -> str:
    """Read an argument as UTF-8, as bao does, and not as the locale does; what is none gets surrogates."""
    return os.fsencode(arg).decode("utf-8", "surrogateescape")


def run(args: Sequence[str]) -> int:
    """Run one command line; give its exit code."""
    if len(args) == 1 and args[0] in ("-v", "-version", "--version"):
        args = ["version"]
    env, group = Env(), root()
    if not all(_is_utf8(arg) for arg in args) and args[:1] != [_COMPLETE]:
        env.err("an argument is not valid UTF-8")
        return Misuse.exit_code
    try:
        return _invoke(group, env, list(args))
    except Failure as error:
        if str(error):
            env.err(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        env.err("\ninterrupted" + (f"; {env.goes_on}" if env.goes_on else ""))
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except MemoryError:
        env.err("Error: there is not enough memory for this")
        return Failure.exit_code
    except RecursionError:
        env.err("Error: the data is nested too deeply to be shown")
        return Failure.exit_code
    except Exception as error:  # the outer edge: a bug of ours must not look like one of the user's
        return _bug(env, error)
    finally:
        env.close()


def _invoke(group: Group, env: Env, args: list[str]) -> int:
    if args[:1] == [_COMPLETE]:
        from vaultctl.cli import completion

        completion.answer(env, group, args[1:])
        return 0
    try:
        with group.make_context("vaultctl", args, obj=env) as ctx:
            group.invoke(ctx)
    except HelpWanted:
        env.out(_help(group, args))
    except FlagsFirst:
        env.err(_FLAGS_FIRST + _help(group, args).rstrip("\n"))
        return 1
    except UnknownCommand as error:
        env.err(_usage(error.ctx.command).rstrip("\n"))
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        env.err(error.format_message())
        return 1
    except VaultError as error:
        from vaultctl.cli import report

        report.report(env, error, env.doing)
        return error.exit_code
    return 0


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _help(group: Group, args: Sequence[str]) -> str:
    """Give the help of the deepest command that the words name."""
    command: click.Command = group
    for word in args:
        if word == "--" or not isinstance(command, Group) or (is_help(word) and command is not group):
            break
        if word.startswith("-"):
            continue
        found = command.get_command(click.Context(command), word)
        if found is None:
            break
        command = found
    return _usage(command)


def _usage(command: click.Command) -> str:
    from vaultctl.cli import usage

    return usage.usage_of(command)


def _bug(env: Env, error: Exception) -> int:
    """Say that something went wrong here; where, but none of the values, which may be secret."""
    if os.environ.get("VAULTCTL_DEBUG"):
        raise error
    if env.is_remote:
        env.err(f"Error: {env.address} answered what no Vault does, or this is a bug in vaultctl ({where(error)})")
    else:
        env.err(f"Error: this is a bug in vaultctl ({where(error)}); the state itself is whole")
    env.err("\nplease report it with the command that you ran; VAULTCTL_DEBUG=1 shows more")
    return 2
