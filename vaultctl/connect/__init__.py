"""The composition root: the one package that knows the concrete backends, seals and doors.

`settings` says which state is meant, `keys` where its key and the token are, `local` opens it or makes it on first use,
`maintenance` works on it as a whole. `remote` says how a remote Vault is reached; what one of the two needs is not
imported for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from vaultctl.logical.errors import NoState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from vaultctl.connect.remote import RemoteConnection, RemoteFlags
    from vaultctl.connect.server_config import ServerConfig
    from vaultctl.connect.settings import Settings
    from vaultctl.core.attempts import Attempts
    from vaultctl.core.core import Core
    from vaultctl.core.sealing import Keeper, Sealing
    from vaultctl.core.state import State
    from vaultctl.logical.request import Request
    from vaultctl.logical.response import Response

    _Result = TypeVar("_Result")

_CLUSTER_HINTS = ("TOKEN", "NAMESPACE", "CACERT")


class Connection:
    """A door on the local state, with the token to use on it and where that token came from.

    Where another command has moved the state to another backend meanwhile, it goes on there.
    """

    is_remote: Literal[False] = False
    address = "local:"
    """Stands where a server's address does: the engine in this process has none."""

    def __init__(
        self,
        core: Core,
        reopen: Callable[[], Core | None],
        token: str,
        token_source: str,
        *,
        store_token: Callable[[str], None],
        renewing: Callable[[], None] = lambda: None,
        closing: Callable[[], None] = lambda: None,
        awaits_init: bool = False,
    ) -> None:
        """`store_token` keeps another token for the commands that follow. It raises StateError.

        `renewing` renews what the seal is asked with, in time; `closing` lets go of what it is reached by.

        With `awaits_init` there is no state yet, and how that stands, and how it is made, is answered all the same.
        """
        self._core = core
        self._awaits_init = awaits_init
        self.store_token = store_token
        self._reopen = reopen
        self._renewing = renewing
        self._closing = closing
        self.token = token
        self.token_source = token_source

    @property
    def storage_kind(self) -> str:
        """Give the name of the backend: json, toml, sqlite."""
        return self._core.state.backend.kind

    def handle(self, request: Request, /) -> Response:
        """Answer one request. Raises: VaultError."""
        if self._awaits_init:
            return self._before_init(request)
        return self._follow(lambda core: core.handle(request))

    def _before_init(self, request: Request) -> Response:
        """Answer one request while there is no state yet, or where somebody made it meanwhile. Raises: VaultError."""
        if not self._core.state.backend.exists():
            return self._core.without_keys(request)
        self._awaits_init = False
        return self.handle(request)

    def init_seen(self) -> None:
        """Note that whoever made the state has seen its keys. Raises: StateUnavailable."""
        self._core.host.sealing.seen()

    def init_unseen(self) -> str:
        """Say how to start over, where nobody has seen the keys of the state that was made; else nothing."""
        return self._core.host.sealing.unseen()

    def answer_at_once(self, request: Request) -> Response | None:
        """Answer a read that waits for nobody; give None for any other request. Raises: VaultError."""
        if self._awaits_init:
            return None
        return self._follow(lambda core: core.answer_at_once(request))

    def advance(self, seconds: float) -> bool:
        """Work on stored jobs for so many seconds; tell whether any is left. Raises: StateError."""
        if self._awaits_init:
            return False
        return self._follow(lambda core: core.advance(seconds))

    def tick(self, seconds: float) -> bool:
        """Renew tokens, look at the seals, and work on stored jobs for so long; tell whether any is left.

        Raises: StateError.
        """
        self._renewing()
        if not self._awaits_init:
            self._follow(lambda core: core.look_at_seals())
        return self.advance(seconds)

    def pending(self) -> Mapping[str, Any] | None:
        """Tell of the stored job that is worked on next: phase, done, total. Raises: StateError."""
        return self._follow(lambda core: core.pending())

    def close(self) -> None:
        """Let go of the state."""
        self._core.close()
        self._closing()

    def _follow(self, ask: Callable[[Core], _Result]) -> _Result:
        while True:
            try:
                return ask(self._core)
            except NoState:  # nothing was done: it is safe to ask again
                moved = self._reopen()
                if moved is None:
                    raise
                self._core = moved  # the old one is not closed: another thread of a server may be in it still


def connect(
    environ: Mapping[str, str],
    *,
    local_only: bool = False,
    makes: bool = True,
    by_hand: bool = False,
    lock_timeout_s: float | None = None,
    flags: RemoteFlags | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Connection | RemoteConnection:
    """Give the door that is meant: a remote where there is an address, else the local state. Raises: VaultError.

    With `by_hand` no local state is made by itself, and one can be made over the door.
    """
    if not _means_local(environ, local_only=local_only):
        address = _address(environ, flags)
        if address:
            from vaultctl.connect import remote

            return remote.connect(environ, address, flags or remote.NO_FLAGS)
        _check_local(environ, tell)
    return connect_local(environ, makes=makes, by_hand=by_hand, lock_timeout_s=lock_timeout_s, tell=tell)


def remote_address(environ: Mapping[str, str], *, local_only: bool = False, flags: RemoteFlags | None = None) -> str:
    """Give the address of the remote that is meant, or "" where it is the local state."""
    return "" if _means_local(environ, local_only=local_only) else _address(environ, flags)


def connect_local(
    environ: Mapping[str, str],
    *,
    makes: bool = True,
    by_hand: bool = False,
    lock_timeout_s: float | None = None,
    tell: Callable[[str], None] = lambda _line: None,
    config: ServerConfig | None = None,
) -> Connection:
    """Open the local state, and where there is none make it, unless told not to. Raises: StateError.

    With the `config` of a server, others than the state's owner ask, who may do what it lets them. With `by_hand`, or
    where the settings name a seal that people open, a state is made over the door alone.
    """
    from vaultctl.connect import keys, local
    from vaultctl.connect.settings import read_settings

    keeper = _keeper_in_memory() if config is not None else None
    settings = local.find_settings(environ, lock_timeout_s)
    wraps = not (config and config.disable_sealwrap)
    state = local.open_state(settings, environ, tell, keeper, wraps=wraps)
    is_there = state.backend.exists()
    by_hand = by_hand or settings.seal not in ("", "static") or (config is not None and config.no_init)
    if makes and not by_hand and not is_there:
        with local.making(settings.data_dir, settings.lock_timeout_s):
            # A migration may have moved the state since the settings were read: they are read again under its lock.
            settings = read_settings(environ, lock_timeout_s)
            state = local.open_state(settings, environ, tell, keeper, wraps=wraps)
            if not state.backend.exists():
                local.make_state(state, settings, environ, tell)
    core_over = _core_maker(settings, environ, tell, config, keeper, may_make=by_hand)

    def reopen() -> Core | None:
        found = local.find_settings(environ, lock_timeout_s)
        found.take_over(settings)
        state = local.open_state(found, environ, tell, keeper, wraps=wraps)
        return core_over(state) if state.backend.exists() else None

    def store_token(token: str) -> None:
        keys.store_token(settings, token)

    token, source = keys.find_token(settings, environ)
    return Connection(
        core_over(state),
        reopen,
        token,
        source,
        store_token=store_token,
        renewing=lambda: keys.renew_tokens(settings),
        closing=lambda: keys.close_seals(settings),
        awaits_init=by_hand and not is_there,
    )


def _core_maker(
    settings: Settings,
    environ: Mapping[str, str],
    tell: Callable[[str], None],
    config: ServerConfig | None,
    keeper: Callable[[], Keeper] | None,
    *,
    may_make: bool,
) -> Callable[[State], Core]:
    """Give what makes the engine over a state: for its owner, or for whoever asks a server of this `config`."""
    from vaultctl.core.auditing import OWNER
    from vaultctl.core.core import Core

    rules, unauthenticated = (OWNER, None) if config is None else (config.audit_rules, config.unauthenticated)

    def sealing() -> Sealing:
        from vaultctl.connect import initialise, unsealing

        kept = keeper() if keeper else unsealing.runtime_folder(settings, environ)
        return initialise.sealing(environ, settings, tell, kept, serves=config is not None, may_make=may_make)

    def attempts() -> Attempts:
        from vaultctl.connect.attempts import AttemptFiles

        return AttemptFiles(environ, settings.lock_timeout_s)

    def core_over(state: State) -> Core:
        return Core(
            state,
            audit_rules=rules,
            sealing=sealing,
            attempts=attempts if config is None else None,
            unauthenticated=unauthenticated,
            wrapping_history_s=settings.wrapping_history_s,
            asks_seals=config is None,
        )

    return core_over


def _keeper_in_memory() -> Callable[[], Keeper]:
    """Give what keeps the keys of a server; it is made when it is first needed."""
    kept: list[Keeper] = []

    def keeper() -> Keeper:
        if not kept:
            from vaultctl.core.sealing import InMemory

            kept.append(InMemory())
        return kept[0]

    return keeper


def _means_local(environ: Mapping[str, str], *, local_only: bool) -> bool:
    return local_only or _is_on(environ.get("VAULTCTL_LOCAL", ""))


def _address(environ: Mapping[str, str], flags: RemoteFlags | None) -> str:
    """Give the address, or "". Source: OpenBao 2.7: an agent's address comes before any other."""
    agent = (flags.agent_address if flags else "") or variable(environ, "AGENT_ADDR")
    return agent or (flags.address if flags else "") or variable(environ, "ADDR")


def variable(environ: Mapping[str, str], name: str) -> str:
    """Give BAO_<name>, else VAULT_<name>, else ""."""
    value = environ.get("BAO_" + name)
    return value if value is not None else environ.get("VAULT_" + name, "")


def _check_local(environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
    """Make sure that nobody works on the local state who means a cluster. Raises: SettingError."""
    meant = [x + y for x in ("BAO_", "VAULT_") for y in _CLUSTER_HINTS if environ.get(x + y)]
    if not meant:
        return
    if _is_on(environ.get("VAULTCTL_REQUIRE_ADDR", "")):
        from vaultctl.connect.settings import SettingError

        raise SettingError(f"{meant[0]} is set, and VAULT_ADDR is not", hint="set VAULT_ADDR, or say -local")
    tell(f"vaultctl: {meant[0]} is set: working on the local state all the same (VAULT_ADDR is not set)")


def _is_on(value: str) -> bool:
    return value.lower() not in ("", "0", "f", "false")
