"""What can come next on a command line: commands, flags, and names from the live state.

The shells' scripts ask with the hidden command `__complete WORDS…`, of which the last word is the one under the cursor.
Completion never makes a state, never waits for more than a second, and never prints an error.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import click

from vaultctl.cli.env import Env
from vaultctl.cli.go_flags import Flag, GoCommand, is_switch
from vaultctl.cli.tree import Group
from vaultctl.client import sys
from vaultctl.client.client import Client

PATIENCE_S = 1.0


class Candidate(NamedTuple):
    """A word that can stand there, and what it is. One that ends in / or = can go on."""

    word: str
    text: str = ""


def answer(env: Env, root: Group, words: Sequence[str]) -> None:
    """Print the candidates for the last word, a line each: the word, a tab, what it is."""
    before = signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        with suppress(Exception):  # an error of whatever kind is no candidate
            found = candidates(root, words or [""], lambda: _client(env))
            env.out("".join(f"{word}\t{_shown(text)}\n" for word, text in found if word.isprintable()))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _shown(text: str) -> str:
    """Give a text without what would end its line, or steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _client(env: Env) -> Client:
    """Open the state that is there. Raises: StateError."""
    from vaultctl.connect import connect

    connection = connect(os.environ, makes=False, lock_timeout_s=0)
    env.closing.append(connection.close)
    return Client(connection, token=connection.token, namespace=env.variable("NAMESPACE") or "")


def candidates(root: Group, words: Sequence[str], client: Callable[[], Client]) -> list[Candidate]:
    """Give what the last word can be."""
    *before, current = words
    command, rest = _descend(root, before)
    if isinstance(command, Group):
        entries = [(name, entry[0] if isinstance(entry, tuple) else entry) for name, entry in command.tree.items()]
        return [Candidate(name, text) for name, text in sorted(entries) if name.startswith(current)]
    return _below_leaf(command, rest, current, client) if isinstance(command, GoCommand) else []


def _descend(root: Group, words: Sequence[str]) -> tuple[click.Command | None, list[str]]:
    """Find the command that the words name; give it, and the words behind its name."""
    command: click.Command | None = root
    rest = list(words)
    while rest and isinstance(command, Group):
        command = command.get_command(click.Context(command), rest.pop(0))
    return command, rest


def _below_leaf(
    command: GoCommand, before: Sequence[str], current: str, client: Callable[[], Client]
) -> list[Candidate]:
    options = command.options()
    ended, awaiting, positionals = _read(options, before)
    if awaiting:
        return _values(awaiting, current, client)
    name, equals, value = current.lstrip("-").partition("=")
    if current.startswith("-") and not ended:
        if not equals:
            return [found for found in _flags(command) if found.word.startswith(_one_dash(current))]
        known = options.get(name)
        prefix = current[: len(current) - len(value)]
        return [found._replace(word=prefix + found.word) for found in _values(known, value, client)] if known else []
    if positionals < len(command.completes):
        return _of_kind(command.completes[positionals], current, client)
    return []


def _one_dash(word: str) -> str:
    return word[1:] if word.startswith("--") else word


def _read(options: Mapping[str, click.Option], words: Sequence[str]) -> tuple[bool, click.Option | None, int]:
    """Tell whether flags have ended, which flag waits for its value, and how many positionals there were."""
    awaiting: click.Option | None = None
    positionals = 0
    for number, word in enumerate(words):
        if awaiting:
            awaiting = None
        elif word == "--":
            return True, None, positionals + len(words) - number - 1
        elif word.startswith("-") and word != "-":
            option = options.get(word.lstrip("-"))
            awaiting = option if option and not is_switch(option) else None
        else:
            positionals += 1
    return False, awaiting, positionals


def _flags(command: GoCommand) -> Iterator[Candidate]:
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            yield Candidate(param.opts[0] + ("" if is_switch(param) else "="), param.help or "")


def _values(option: click.Option, current: str, client: Callable[[], Client]) -> list[Candidate]:
    """Give values of a flag; of a list with commas the last item is completed."""
    kind = option.completes if isinstance(option, Flag) else ""
    done, comma, last = current.rpartition(",")
    if not comma:
        return _of_kind(kind, current, client)
    return [found._replace(word=f"{done},{found.word}") for found in _of_kind(kind, last, client)]


def _of_kind(kind: str, current: str, client: Callable[[], Client]) -> list[Candidate]:
    if kind in _FIXED:
        found = [Candidate(word) for word in _FIXED[kind]]
    elif kind in _LIVE:
        found = _LIVE[kind](client(), current)
    else:
        found = []
    return [candidate for candidate in found if candidate.word.startswith(current)]


def _mounts(client: Client, _current: str) -> list[Candidate]:
    mounts = sys.list_mounts(client).data or {}
    return [Candidate(path, mount["description"] or mount["type"]) for path, mount in sorted(mounts.items())]


def _auth_mounts(client: Client, _current: str) -> list[Candidate]:
    from vaultctl.client import auth

    mounts = auth.list_methods(client).data or {}
    return [Candidate(path, mount["description"] or mount["type"]) for path, mount in sorted(mounts.items())]


def _auth_paths(client: Client, current: str) -> list[Candidate]:
    return [found._replace(word=f"auth/{found.word}") for found in _auth_mounts(client, current)]


def _method_types(_client: Client, _current: str) -> list[Candidate]:
    from vaultctl.connect.local import method_types

    return [Candidate(type_) for type_ in method_types()]


def _namespaces(client: Client, _current: str) -> list[Candidate]:
    from vaultctl.client import namespaces

    return [Candidate(path) for path in sorted(namespaces.list_them(client, "LIST"))]


def _enabled_types(client: Client, _current: str) -> list[Candidate]:
    mounts = sys.list_mounts(client).data or {}
    return [Candidate(type_) for type_ in sorted({mount["type"] for mount in mounts.values()})]


def _engine_types(_client: Client, _current: str) -> list[Candidate]:
    from vaultctl.connect.local import engine_types

    return [Candidate(type_) for type_ in engine_types()]


def _moves(client: Client, _current: str) -> list[Candidate]:
    moves = reversed(sys.moves(client).items())  # the newest is the one that people mean
    return [Candidate(id_, f"{it['source_mount']} to {it['target_mount']}, {it['status']}") for id_, it in moves]


def _policies(client: Client, _current: str) -> list[Candidate]:
    from vaultctl.client import policies

    return [Candidate(name) for name in policies.names(client)]


def _leases(client: Client, current: str) -> list[Candidate]:
    """Give what is leased in the folder that was typed."""
    from vaultctl.client import leases

    folder = current[: current.rfind("/") + 1]
    return [Candidate(folder + name) for name in leases.names(client, folder)]


def _secrets(client: Client, current: str) -> list[Candidate]:
    """Give the kv mounts, and below one of them what is in the folder that was typed."""
    from vaultctl.client import kv

    mounts = sys.list_mounts(client).data or {}
    folder = current[: current.rfind("/") + 1]
    if not any(folder.startswith(path) for path, mount in mounts.items() if mount["type"] == "kv"):
        return [Candidate(path, mount["description"]) for path, mount in mounts.items() if mount["type"] == "kv"]
    listed = client.find("LIST", kv.locate(client, folder).api_path("metadata"))
    return [Candidate(folder + key) for key in (listed.data or {}).get("keys", [])] if listed else []


def _audit_devices(client: Client, _current: str) -> list[Candidate]:
    from vaultctl.client import audit

    found = audit.devices(client)
    return [Candidate(path, found[path]["description"] or found[path]["type"]) for path in sorted(found)]


_FIXED: Mapping[str, Sequence[str]] = {
    "audit type": ("file", "socket", "syslog"),
    "backend": ("json", "sqlite", "toml"),
    "format": ("json", "table", "yaml"),
    "token type": ("batch", "default-batch", "default-service", "service"),
    "shell": ("bash", "fish", "zsh"),
    "visibility": ("hidden", "unauth"),
}
_LIVE: Mapping[str, Callable[[Client, str], list[Candidate]]] = {
    "audit device": _audit_devices,
    "auth mount": _auth_mounts,
    "auth path": _auth_paths,
    "enabled type": _enabled_types,
    "engine type": _engine_types,
    "lease": _leases,
    "migration": _moves,
    "method type": _method_types,
    "mount": _mounts,
    "namespace": _namespaces,
    "policy": _policies,
    "secret": _secrets,
}
KINDS = frozenset(_FIXED) | frozenset(_LIVE)
"""What flags and positionals may name as what completes them."""
