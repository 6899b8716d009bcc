"""Where the root key of an unsealed shamir state is without a daemon: `$XDG_RUNTIME_DIR/vaultctl/<cluster id>`.

That folder is in memory (tmpfs), and goes when its owner logs out of the machine. Nowhere else is a key ever put: where
there is no such folder, unsealing is refused. A key that is of an older epoch than the state's header is removed.
"""

from __future__ import annotations

import binascii
import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vaultctl.core.sealing import Progress
from vaultctl.logical.errors import StateUnavailable
from vaultctl.logical.json_text import base64_text
from vaultctl.storage import files, leftovers
from vaultctl.storage.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.storage.header import Header

_MEMORY = frozenset({"tmpfs", "ramfs"})
_MOUNTS = "/proc/self/mountinfo"
_SHARES = ".shares"
_CHOICES = (
    "name the shares for each command with VAULTCTL_UNSEAL_KEY (file:PATH or fd:NUMBER, a share a line),"
    " or run 'vaultctl server' and unseal that: it keeps the key in its memory"
)


class RuntimeFolder:
    """Keeps keys and shares in files of the runtime folder, each the owner's alone."""

    def __init__(self, environ: Mapping[str, str], lock_timeout_s: float) -> None:
        self._base = environ.get("XDG_RUNTIME_DIR", "")
        self._folder = os.path.join(self._base, "vaultctl")
        self._lock_timeout_s = lock_timeout_s

    def check(self) -> None:
        """Make sure that a key can be kept here. Raises: StateUnavailable."""
        reason = self.why_not()
        if reason:
            raise StateUnavailable(f"there is no place to keep the key of this state in: {reason}", hint=_CHOICES)

    def root_key(self, header: Header, /) -> bytes | None:
        """Give the root key; where all that are here are of older epochs, they are removed."""
        kept = self._keys(header.cluster_id)
        if kept and max(kept) < header.epoch:
            self.remove(header.cluster_id)
        found = kept.get(header.epoch)
        if isinstance(found, dict):  # one of a commit that never came is of another unseal key
            found = found.get("root_key") if found.get("key_id") == header.seal.get("key_id") else None
        return _bytes(found)

    def keep(self, header: Header, root_key: bytes, /) -> None:
        """Keep the root key, and that of the epoch before until it is over. Raises: StateUnavailable."""
        self.check()
        kept = {epoch: key for epoch, key in self._keys(header.cluster_id).items() if epoch == header.epoch - 1}
        keys = {**kept, header.epoch: {"key_id": header.seal.get("key_id"), "root_key": base64_text(root_key)}}
        self.write(header.cluster_id, {str(epoch): key for epoch, key in keys.items()})

    def _keys(self, cluster_id: str) -> dict[int, object]:
        """Give the root keys that are kept, by their epochs."""
        return {int(epoch): key for epoch, key in (self.read(cluster_id) or {}).items() if epoch.isdigit()}

    def drop(self, cluster_id: str, /) -> None:
        """Forget the root key, and the shares. Raises: StateUnavailable."""
        self.remove(cluster_id)
        self.reset(cluster_id)

    def progress(self, header: Header, /) -> Progress:
        """Give the shares that were entered."""
        kept = self.read(header.cluster_id + _SHARES) or {}
        shares = [share for text in kept.get("shares", ()) if (share := _bytes(text))]
        return Progress(str(kept.get("nonce", "")), tuple(shares)) if shares else Progress()

    def enter(self, header: Header, share: bytes, nonce: str, /) -> Progress:
        """Add a share. Raises: StateUnavailable."""
        self.check()
        with FileLock(os.path.join(self._folder, "lock"), timeout_s=self._lock_timeout_s):
            before = self.progress(header)
            if share in before.shares:
                return before
            progress = Progress(before.nonce or nonce, (*before.shares, share))
            shares = [base64_text(each) for each in progress.shares]
            self.write(header.cluster_id + _SHARES, {"nonce": progress.nonce, "shares": shares})
            return progress

    def reset(self, cluster_id: str, /) -> None:
        """Forget the shares. Raises: StateUnavailable."""
        self.remove(cluster_id + _SHARES)

    def why_not(self) -> str:
        """Say what is wrong with the folder, or nothing; it is made where there is none."""
        if not os.path.isabs(self._base):
            return "XDG_RUNTIME_DIR names no folder"
        try:
            reason = _private(self._base) or _in_memory(self._base)
            if reason:
                return reason
            with suppress(FileExistsError):
                os.mkdir(self._folder, 0o700)
            return _private(self._folder) or _in_memory(self._folder)
        except OSError as error:
            return f"{self._folder}: {(error.strerror or '').lower()}"

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name.replace("/", "_"))

    def read(self, name: str) -> dict[str, Any] | None:
        """Read a file of ours; what is not as we write it is as if it were not there."""
        if not self._base or _is_unfit(self._base) or _is_unfit(self._folder):
            return None
        try:
            kept = json.loads(files.read_private(self._path(name)))
        except (OSError, ValueError):
            return None
        return kept if isinstance(kept, dict) else None

    def names(self, begin: str) -> list[str]:
        """Name the files of ours that begin so."""
        try:
            return sorted(name for name in os.listdir(self._folder) if name.startswith(begin)) if self._base else []
        except OSError:
            return []

    def write(self, name: str, record: Mapping[str, Any]) -> None:
        """Write a file of ours, the owner's alone. Raises: StateUnavailable."""
        path = self._path(name)
        data = json.dumps(record).encode()
        os.close(files.replace_durably(files.Files(), path, data, unlocked=True))

    def remove(self, name: str) -> None:
        """Remove a file of ours, if it is there. Raises: StateUnavailable."""
        if os.path.isabs(self._base):
            with suppress(NotADirectoryError):
                _unlink(self._path(name))
                leftovers.sweep(self._path(name), young_s=0)  # they hold keys


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise
    except OSError as error:
        raise files.unavailable(error, f"remove {path}") from None


def _private(folder: str) -> str:
    """Say why a folder is not its owner's alone, or nothing. Raises: OSError."""
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode):
        return f"{folder} is no folder"
    if status.st_uid != os.geteuid():
        return f"{folder} belongs to user id {status.st_uid}"
    mode = stat.S_IMODE(status.st_mode)
    return "" if mode == 0o700 else f"{folder} is not its owner's alone (mode {mode:o})"


def _is_unfit(folder: str) -> bool:
    try:
        return bool(_private(folder))
    except OSError:
        return True


def _in_memory(folder: str) -> str:
    """Say why a folder is not in memory, or nothing. Raises: OSError."""
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        kinds = _kinds_of(_MOUNTS, number)
    except OSError:
        return f"it cannot be told whether {folder} is in memory"
    return "" if kinds and kinds <= _MEMORY else f"{folder} is on a disk ({', '.join(sorted(kinds)) or 'unknown'})"


def _kinds_of(mounts: str, number: str) -> set[str]:
    """Give the types of the file systems that have this device number."""
    with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
        lines = [line.split() for line in file]
    return {words[words.index("-") + 1] for words in lines if len(words) > 6 and words[2] == number}


def _bytes(text: object) -> bytes | None:
    try:
        return binascii.a2b_base64(text) if isinstance(text, str) else None
    except ValueError:
        return None
