"""A local state that is made by hand: `operator init`, and `POST sys/init` on a server that waits for it.

The commit of the state is the last thing that is done. Before it a mark is put beside it, `<state>.init`, which goes
once its shares and root token were shown: where the mark is left, nobody may have seen them.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from vaultctl.connect import keys, local
from vaultctl.connect.settings import read_settings
from vaultctl.core import initialise
from vaultctl.core.sealing import Sealing
from vaultctl.crypto.seals.shamir import ShamirSeal
from vaultctl.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.connect.settings import Settings
    from vaultctl.core.sealing import Keeper, Made, Plan
    from vaultctl.core.state import State
    from vaultctl.crypto.seals.seal import Seal

UNSEEN = ".init"
"""Ends the name of the mark."""


class LocalMaker:
    """Makes the state that the settings mean, under the seal that they name: shamir, where they name none."""

    def __init__(self, environ: Mapping[str, str], settings: Settings, tell: Callable[[str], None], *, serves: bool):
        self.kind = settings.seal or ShamirSeal.kind
        self._environ = environ
        self._settings = settings
        self._tell = tell
        self._serves = serves

    def make(self, plan: Plan, /) -> Made | None:
        """Make it, unless somebody did so first. Raises: StateError."""
        timeout_s = self._settings.lock_timeout_s
        with local.making(self._settings.data_dir, timeout_s):
            self._settings = settings = read_settings(self._environ, timeout_s)
            state = local.open_state(settings, self._environ, self._tell)
            try:
                return None if state.backend.exists() else self._make(state, settings, plan)
            finally:
                state.backend.close()
                keys.close_seals(settings)

    def _make(self, state: State, settings: Settings, plan: Plan) -> Made | None:
        local.check_makable(settings)
        _mark(settings)
        try:
            made = self._make_under(state, settings, plan)
        except BaseException:
            if not state.backend.exists():
                self.seen()
            raise
        if self._serves and self.kind != ShamirSeal.kind:  # nobody will come to unseal it
            self.seen()
        self._tell(f"vaultctl: made an encrypted state at {settings.path}, sealed by {self.kind}")
        return made

    def _make_under(self, state: State, settings: Settings, plan: Plan) -> Made | None:
        now_s = int(time.time())
        if self.kind == ShamirSeal.kind:
            return initialise.under_shamir(state, plan, os.urandom, now_s)
        local.make_once(settings, local.MAKING, b"")
        made = initialise.under_auto(
            state, _new_seal(self.kind, settings, self._environ, self._tell), plan, os.urandom, now_s
        )
        files.Files().remove(os.path.join(settings.data_dir, local.MAKING))
        return made

    def seen(self) -> None:
        """Take the mark away: somebody has the shares, and the token. Raises: StateUnavailable."""
        files.remove(files.Files(), self._settings.path + UNSEEN)

    def unseen(self) -> str:
        """Say what to do where the mark is there, or nothing."""
        path = self._settings.path
        if not os.path.lexists(path + UNSEEN):
            return ""
        return (
            f"the keys of the state at {path} were not shown to their end: if nobody has them and its root token,"
            f" nothing is in it yet, so start over: remove {path}, and run vaultctl operator init again"
        )


def _new_seal(
    kind: str, settings: Settings, environ: Mapping[str, str], tell: Callable[[str], None]
) -> Callable[[], Seal]:
    """Give what finds the seal of a new state, where it is one that opens by itself."""
    if kind == "static":
        return lambda: local.new_static_seal(settings, environ)
    from vaultctl.connect.seals import Elsewhere

    return lambda: Elsewhere(settings, environ).first(kind, tell)


def _mark(settings: Settings) -> None:
    made = local.now().encode() + b"\n"
    os.close(files.replace_durably(files.Files(), settings.path + UNSEEN, made))


def sealing(
    environ: Mapping[str, str],
    settings: Settings,
    tell: Callable[[str], None],
    keeper: Keeper,
    *,
    serves: bool,
    may_make: bool,
) -> Sealing:
    """Give what unsealing takes, and making a state, for the local one."""
    maker = LocalMaker(environ, settings, tell, serves=serves)
    return Sealing(keeper, not serves, maker if may_make else None, maker.unseen, maker.seen)
