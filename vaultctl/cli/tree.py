"""The command tree. A command's module is imported when it is called; names and short helps are here.

`vaultctl secrets enable` is `vaultctl/cli/commands/secrets/enable.py`.
"""

from importlib import import_module
from typing import TypeAlias

import click

from vaultctl.cli.go_flags import HelpWanted

Tree: TypeAlias = dict[str, "str | tuple[str, Tree]"]

TREE: Tree = {
    "audit": (
        "Manage audit devices",
        {
            "disable": "Disable an audit device",
            "enable": "Enable an audit device",
            "list": "List the audit devices that are enabled",
        },
    ),
    "auth": (
        "Manage auth methods",
        {
            "disable": "Disable an auth method",
            "enable": "Enable an auth method",
            "help": "Explain how to log in with an auth method",
            "list": "List the auth methods that are enabled",
            "move": "Move an auth method to another path",
            "tune": "Change the configuration of an auth method",
        },
    ),
    "completion": "Print a shell's completion script",
    "delete": "Delete what is at a path",
    "kv": (
        "Work with key-value secrets",
        {
            "delete": "Delete the newest version of a secret, or others",
            "destroy": "Remove versions of a secret for good",
            "enable-versioning": "Make a mount of version 1 one of version 2",
            "get": "Read a secret",
            "list": "List secrets",
            "metadata": (
                "Work with what is known of a secret",
                {
                    "delete": "Remove a secret with all its versions",
                    "get": "Read the settings and versions of a secret",
                    "patch": "Change settings of a secret, and keep other custom metadata",
                    "put": "Change settings of a secret",
                },
            ),
            "patch": "Change some keys of a secret",
            "put": "Write a secret",
            "rollback": "Make an older version of a secret the newest",
            "scan": "List secrets in all folders",
            "undelete": "Bring deleted versions of a secret back",
        },
    ),
    "lease": (
        "Work with what was given out on a lease",
        {
            "lookup": "Show what is known of a lease",
            "renew": "Give a lease a new end",
            "revoke": "Revoke a lease, or all below a path",
        },
    ),
    "list": "List what is below a path",
    "login": "Log in, and keep the token",
    "mounts": (
        "Manage mounts of secrets engines",
        {
            "disable": "Disable a secrets engine",
            "enable": "Enable a secrets engine",
            "list": "List the secrets engines that are enabled",
            "read": "Show a secrets engine",
            "tune": "Change the configuration of a secrets engine",
        },
    ),
    "namespace": (
        "Manage namespaces",
        {
            "create": "Create a namespace",
            "delete": "Delete a namespace",
            "list": "List the namespaces in this one",
            "lock": "Lock the API of a namespace",
            "lookup": "Show a namespace",
            "patch": "Change the custom metadata of a namespace",
            "scan": "List the namespaces in this one, however deep",
            "unlock": "Unlock the API of a namespace",
        },
    ),
    "operator": (
        "Look after the state itself",
        {
            "check": "Verify the whole state",
            "generate-root": "Make a root token, with the key shares of several people",
            "init": "Make a state by hand, and its keys",
            "key-status": "Show which key encrypts",
            "migrate": "Move the state to another storage backend",
            "rekey": "Make new key shares, without a token",
            "rotate": "Replace the key that encrypts",
            "rotate-keys": "Make new key shares",
            "seal": "Seal the state: all keys are dropped",
            "seal-migrate": "Put the state under another type of seal",
            "seal-rotate-key": "Give the seal a new key, and rewrap what it wraps",
            "snapshot": (
                "Save and restore the state",
                {
                    "restore": "Put a saved state in the place of this one",
                    "save": "Save the state to a file",
                },
            ),
            "unseal": "Unseal the state, by a share of its key",
        },
    ),
    "patch": "Change part of what is at a path",
    "path-help": "Explain a path of the API",
    "policy": (
        "Manage policies",
        {
            "delete": "Delete a policy",
            "fmt": "Lay out a policy's file",
            "list": "List the policies",
            "read": "Print a policy",
            "write": "Write a policy from a file",
        },
    ),
    "print": ("Print what vaultctl uses", {"token": "Print the token in use"}),
    "read": "Read what is at a path",
    "remount": (
        "Move mounts, and follow moves",
        {
            "list": "List the moves that were made here",
            "start": "Begin to move a mount",
            "status": "Tell how a move stands",
            "watch": "Follow a move to its end",
        },
    ),
    "scan": "List what is below a path, in all folders",
    "sealwrap": (
        "Follow what the seal wraps",
        {
            "rewrap": "Bring all seal-wrapped entries to the seal's current key",
            "status": "Show what the seal wraps, and how a rewrap stands",
        },
    ),
    "secrets": (
        "Manage secrets engines",
        {
            "disable": "Disable a secrets engine",
            "enable": "Enable a secrets engine",
            "list": "List the secrets engines that are enabled",
            "move": "Move a secrets engine to another path",
            "tune": "Change the configuration of a secrets engine",
        },
    ),
    "server": "Serve the API over HTTP",
    "status": "Show how the state is sealed",
    "token": (
        "Work with tokens",
        {
            "capabilities": "Print what a token may do at a path",
            "create": "Make a new token",
            "lookup": "Show what is known of a token",
            "renew": "Give a token a new end",
            "revoke": "Revoke a token and all that descend from it",
        },
    ),
    "unwrap": "Unwrap what a wrapping token stands for",
    "version": "Print the version",
    "wrapping": (
        "Wrap secrets, and look after wrapping tokens",
        {
            "keep": "Give a stored wrapping token a new life in time",
            "lookup": "Show what is known of a wrapping token",
            "rewrap": "Wrap what a wrapping token stands for anew",
            "unwrap": "Unwrap what a wrapping token stands for",
            "verify": "Check a wrapping token before it is used",
            "wrap": "Wrap data",
        },
    ),
    "write": "Write data to a path",
}


class Group(click.Group):
    """A group whose commands are imported on use."""

    def __init__(self, words: tuple[str, ...], short_help: str, tree: Tree) -> None:
        super().__init__(words[-1] if words else "vaultctl", short_help=short_help, add_help_option=False)
        self.words = words
        self.tree = tree
        self.no_args_is_help = False
        self.invoke_without_command = True

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names, sorted."""
        return sorted(self.tree)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = self.tree.get(cmd_name)
        if entry is None:
            return None
        words = (*self.words, cmd_name)
        if isinstance(entry, tuple):
            return Group(words, entry[0], entry[1])
        module = import_module("vaultctl.cli.commands." + ".".join(word.replace("-", "_") for word in words))
        found: click.Command = module.COMMAND
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the command that the first word names. Raises: UnknownCommand, HelpWanted."""
        words = [word for word in args if not word.startswith("-")]
        if any(is_help(word) for word in args) and (is_help(args[0]) or not words or words[0] not in self.tree):
            raise HelpWanted(ctx)
        if not args or args[0] not in self.tree:
            known = not self.words and bool(words) and words[0] in self.tree
            raise FlagsFirst if known else UnknownCommand(ctx)
        ctx.args = args
        return args

    def invoke(self, ctx: click.Context) -> None:
        """Run the command that the first word names."""
        name, *rest = ctx.args
        command = self.get_command(ctx, name)
        if command is None:
            raise UnknownCommand(ctx)
        with command.make_context(name, rest, parent=ctx) as inner:
            command.invoke(inner)


class UnknownCommand(Exception):
    """No such command; the context is that of the group that was asked."""

    def __init__(self, ctx: click.Context) -> None:
        super().__init__()
        self.ctx = ctx
        self.exit_code = 1 if ctx.parent else 127


class FlagsFirst(Exception):
    """There are flags in front of the first command."""


def is_help(word: str) -> bool:
    """Tell whether a word asks for help."""
    return word in ("-h", "-help", "--help", "--h")


def root() -> Group:
    """Give the whole tree."""
    return Group((), "The life of Vault secrets engines, without a server", TREE)
