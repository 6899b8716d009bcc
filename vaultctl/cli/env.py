"""The world around a command: streams, terminal, environment. Everything a command prints goes through here."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vaultctl.cli.failures import Failure, Misuse
from vaultctl.client.client import Client

if TYPE_CHECKING:
    from vaultctl.cli.github import Output
    from vaultctl.connect import Connection
    from vaultctl.connect.remote import RemoteConnection, RemoteFlags

_WIDTH = 76

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}


def visible(text: str) -> str:
    r"""Give a text for a terminal: what would steer it is escaped, as `\x1b`. Newlines and tabs stay."""
    return text if text.isprintable() else text.translate(_ESCAPED)


class Common:
    """The flags that every command has. `shows` is what is printed in the place of asking: curl, policy or ""."""

    def __init__(
        self,
        *,
        namespace: str | None,
        local: bool,
        lock_timeout: float | None,
        remote: Mapping[str, Any],
        shows: str = "",
        confirm: bool = False,
        wrap_ttl_s: float = 0,
    ) -> None:
        self.namespace = namespace
        self.local = local
        self.lock_timeout = lock_timeout
        self.remote = remote
        self.shows = shows
        self.confirm = confirm
        self.wrap_ttl_s = wrap_ttl_s


class Env:
    """Streams and environment, and the one connection of a run."""

    def __init__(self) -> None:
        self._connection: Connection | RemoteConnection | None = None
        self._common: Common | None = None
        self._said: set[str] = set()
        self.closing: list[Callable[[], None]] = []
        """Called at the end, whatever it is."""
        self.doing = ""
        """Begins the message when the door refuses."""
        self.usage = ""
        """The command's own words, as its help shows them."""
        self.github: Output | None = None
        """Where a value goes that is not printed."""
        self.rewrites = False
        """That the command reads what it will write again."""
        self.hints_at_token = True
        """That a refused token is the one in use, and it helps to know where that came from."""
        self.wraps = "shown"
        """What becomes of wrapped answers: see `command`."""
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
    def at_terminal(self) -> bool:
        """Tell whether stdout is a terminal, be it one that can do little."""
        return sys.stdout.isatty()

    @property
    def is_terminal(self) -> bool:
        """Tell whether people look at stdout."""
        return self.at_terminal and os.environ.get("TERM") != "dumb"

    @property
    def shows_progress(self) -> bool:
        """Tell whether a bar on stderr helps anybody."""
        wanted = not os.environ.get("CI") and not os.environ.get("GITHUB_ACTIONS")
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and wanted

    def out(self, text: str, *, needed: bool = True) -> None:
        """Print a result. Raises: Failure where stdout takes it not, unless it is not `needed`."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if needed:
                raise Failure(f"cannot write to stdout: {(error.strerror or '').lower()}") from None

    def check_stdout(self) -> None:
        """Find out before something is asked that can be had once whether anybody can get it. Raises: Misuse."""
        import fcntl
        import select

        try:
            fd = sys.stdout.fileno()
            is_open = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            is_read = not any(event & select.POLLERR for _, event in poll.poll(0))
        except OSError:  # no file of the system: it holds what it gets
            return
        if not (is_open and is_read):
            raise Misuse("stdout is closed: nothing was asked")

    def err(self, text: str) -> None:
        """Print a line that is not the result. That nobody reads it any more stops nothing.

        A remote may have worded it, and does not get at the terminal.
        """
        try:
            sys.stderr.write(visible(text) + "\n")
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

    def err_once(self, about: str, text: str) -> None:
        """Print such a line, unless one about the same was printed already."""
        if about not in self._said:
            self._said.add(about)
            self.err(text)

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

    @property
    def address(self) -> str:
        """Give what stands where messages show an address."""
        return self._connection.address if self._connection else "local:"

    @property
    def is_remote(self) -> bool:
        """Tell whether what is worked on is a remote Vault."""
        return bool(self._connection and self._connection.is_remote)

    @property
    def unseal_key(self) -> str:
        """Tell where the shares of a shamir seal are that the environment names, or ""."""
        return os.environ.get("VAULTCTL_UNSEAL_KEY", "")

    @property
    def namespace(self) -> str:
        """Give the namespace that is worked in, with a slash behind; "" for the root's."""
        named = self._namespace_named().strip("/")
        return f"{named}/" if named and named != "root" else ""

    def connect(self, common: Common, *, by_hand: bool = False, seal: str = "") -> "Connection | RemoteConnection":
        """Open the state, or find the remote. Raises: VaultError, Misuse.

        With `by_hand` no state is made by itself; one that is made over the door gets this seal, if one is named.
        """
        from vaultctl import connect

        if self._connection is None:
            self._common = common
            self._connection = connect.connect(
                {**os.environ, "VAULTCTL_SEAL": seal} if seal else os.environ,
                local_only=common.local,
                by_hand=by_hand,
                lock_timeout_s=common.lock_timeout,
                flags=_remote_flags(common),
                tell=self.err,
            )
            self.closing.append(self._connection.close)
        return self._connection

    def refuse_remote(self, common: Common, what: str = "this command works on the local state alone") -> None:
        """End a command that a remote has no use for. Raises: Misuse."""
        from vaultctl import connect

        address = connect.remote_address(os.environ, local_only=common.local, flags=_remote_flags(common))
        if address:
            raise Misuse(
                f"{what}, and the address is {address}\n\nsay -local or VAULTCTL_LOCAL=1 to mean the local state"
            )

    def client(self, common: Common) -> Client:
        """Open the state, and give the verbs over it. Raises: VaultError, Misuse."""
        connection = self.connect(common)
        # The engine in this process says itself what is wrong with a namespace.
        namespace = self.namespace if self.is_remote else self._namespace_named()
        wrap_ttl = self._wrap_ttl(common)
        if wrap_ttl and not common.shows:
            from vaultctl.cli.wrapped import WrappingClient

            return WrappingClient(
                connection, token=connection.token, namespace=namespace, wrap_ttl=wrap_ttl, shown=self.wraps == "shown"
            )
        if not common.shows:
            return Client(connection, token=connection.token, namespace=namespace)
        from vaultctl.cli.shown import ShowingClient

        return ShowingClient(
            connection,
            token=connection.token,
            namespace=namespace,
            kind=common.shows,
            base=connection.address if connection.is_remote else "$VAULT_ADDR",
            headers=connection.door.headers if connection.is_remote else common.remote["header"],
            usage=self.usage,
            rewrites=lambda: self.rewrites,
            wrap_ttl=wrap_ttl,
        )

    def _wrap_ttl(self, common: Common) -> str | float:
        """Give for how long answers are to be wrapped: seconds, or the words of the environment."""
        if self.wraps in ("not", "never", "look"):
            return ""
        return common.wrap_ttl_s or self.variable("WRAP_TTL") or ""

    def _namespace_named(self) -> str:
        """Give the namespace as flag or environment have it."""
        named = self._common.namespace if self._common else None
        return named if named is not None else self.variable("NAMESPACE") or ""

    def announce(self, common: Common) -> None:
        """Tell people at a terminal which remote is about to lose something; ask them with -confirm. Raises: Misuse."""
        if common.shows or not self.connect(common).is_remote:
            return
        place = f"{self.address}, namespace {self.namespace or 'root'}"
        if common.confirm and not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise Misuse("there is no terminal to ask on, and -confirm is given: nothing was done")
        if sys.stderr.isatty():
            self.err(f"vaultctl: on {place}")
        if common.confirm:
            sys.stderr.write("Go on? Only yes is taken for yes: ")
            sys.stderr.flush()
            if sys.stdin.readline().strip().lower() != "yes":
                raise Misuse("not confirmed: nothing was done")

    def close(self) -> None:
        """Let go of the state."""
        while self.closing:
            self.closing.pop()()


def _remote_flags(common: Common) -> "RemoteFlags | None":
    """Give the flags that say how a remote is reached, or None where none was given."""
    given: dict[str, Any] = {name: value for name, value in common.remote.items() if value or value is False}
    if not given:
        return None
    from vaultctl.connect.remote import RemoteFlags

    return RemoteFlags(**{"headers" if name == "header" else name: value for name, value in given.items()})
