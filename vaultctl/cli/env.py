"""The world around a command: streams, terminal, environment. Everything a command prints goes through here."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vaultctl.cli.failures import Failure, Misuse
from vaultctl.client.client import Client

if TYPE_CHECKING:
    from vaultctl.connect import Connection

_WIDTH = 76


class Common:
    """The flags that every command has."""

    def __init__(self, *, namespace: str | None, local: bool, lock_timeout: float | None) -> None:
        self.namespace = namespace
        self.local = local
        self.lock_timeout = lock_timeout


class Env:
    """Streams and environment, and the one connection of a run."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self.closing: list[Callable[[], None]] = []
        """Called at the end, whatever it is."""
        self.doing = ""
        """Begins the message when the door refuses."""
        self.goes_on = ""
        """Says what goes on after an interruption."""

    @property
    def token_source(self) -> str:
        """Tell where the token came from."""
        return self._connection.token_source if self._connection else ""

    @property
    def has_token(self) -> bool:
        """Tell whether there was a token at all."""
        return bool(self._connection and self._connection.token)

    @property
    def is_terminal(self) -> bool:
        """Tell whether people look at stdout."""
        return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def shows_progress(self) -> bool:
        """Tell whether a bar on stderr helps anybody."""
        wanted = not os.environ.get("CI") and not os.environ.get("GITHUB_ACTIONS")
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and wanted

    def out(self, text: str) -> None:
        """Print a result. Raises: Failure where stdout takes no more."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Failure(f"cannot write to stdout: {(error.strerror or '').lower()}") from None

    def err(self, text: str) -> None:
        """Print a line that is not the result. That nobody reads it any more stops nothing."""
        try:
            sys.stderr.write(text + "\n")
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

    def warn(self, warnings: Sequence[str]) -> None:
        """Print what an answer warns of. Source: OpenBao 2.7's wording and width."""
        if not warnings:
            return
        from vaultctl.cli.wrap import wrap

        self.err("WARNING! The following warnings were returned from OpenBao:\n")
        for warning in warnings:
            self.err("\n".join("  " + line for line in wrap("* " + warning, _WIDTH)) + "\n")

    def variable(self, name: str) -> str | None:
        """Give BAO_<name>, else VAULT_<name>. A BAO_ variable that is set and empty hides the other."""
        value = os.environ.get("BAO_" + name)
        return value if value is not None else os.environ.get("VAULT_" + name)

    def connect(self, common: Common) -> "Connection":
        """Open the state. Raises: VaultError, Misuse."""
        from vaultctl import connect

        if self._connection is None:
            self._connection = connect.connect(
                os.environ, local_only=common.local, lock_timeout_s=common.lock_timeout, tell=self.err
            )
            self.closing.append(self._connection.close)
        return self._connection

    def client(self, common: Common) -> Client:
        """Open the state, and give the verbs over it. Raises: VaultError, Misuse."""
        if self.variable("WRAP_TTL"):
            raise Misuse("VAULT_WRAP_TTL is set, and response wrapping is not part of this version of vaultctl")
        connection = self.connect(common)
        namespace = common.namespace if common.namespace is not None else self.variable("NAMESPACE") or ""
        return Client(connection, token=connection.token, namespace=namespace)

    def close(self) -> None:
        """Let go of the state."""
        while self.closing:
            self.closing.pop()()
