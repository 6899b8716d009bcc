"""A hardware security module in software: SoftHSM2, with tokens of its own for each test.

The library reads its configuration once in a process, and so do all that share it: the tests of a worker use one store
of tokens, and tell them apart by their labels.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from vaultctl.crypto.seals.pkcs11 import Hsm, HsmSettings

PIN = "4711"
_LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
_numbers = count(1)


class Token(NamedTuple):
    """A token of a store of its own; `environ` is what a process needs to find it."""

    settings: HsmSettings
    store: Path
    environ: dict[str, str]

    def hsm(self) -> Hsm:
        """Give the token, not logged in to."""
        return Hsm(self.settings)

    def outliving(self) -> Callable[[], None]:
        """Give what makes this token outlive a process that was killed, as one of hardware does.

        SoftHSM writes the token's file in place at each login: a kill in between leaves it empty.
        """
        folder = next(path for path in self.store.iterdir() if self._label_of(path) == self.settings.token_label)
        file = folder / "token.object"
        whole = file.read_bytes()

        def outlive() -> None:
            if not file.stat().st_size:
                file.write_bytes(whole)

        return outlive

    @staticmethod
    def _label_of(folder: Path) -> str:
        found = re.search(rb"vaultctl-\d+-\d+", (folder / "token.object").read_bytes())
        return found[0].decode() if found else ""

    @contextmanager
    def pulled_out(self) -> Iterator[None]:
        """Take the module away for as long as the context lasts."""
        away = self.store.with_name(self.store.name + ".away")
        self.store.rename(away)
        self.store.mkdir()
        try:
            yield
        finally:
            self.store.rmdir()
            away.rename(self.store)


def library() -> str:
    """Find SoftHSM's library, or end the test: a CI run must have it, a developer need not."""
    found = next((path for path in _LIBRARIES if os.path.exists(path)), "")
    if found and shutil.which("softhsm2-util"):
        return found
    message = "SoftHSM2 is not installed, and the pkcs11 seal cannot be tested: apt install softhsm2"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(message)
    pytest.skip(message)


def make_token(folder: Path, lib: str) -> Token:
    """Make a token; the folder is where SoftHSM of this process keeps its own, too."""
    store, config, label = folder / "tokens", folder / "softhsm2.conf", f"vaultctl-{os.getpid()}-{next(_numbers)}"
    store.mkdir(exist_ok=True)
    config.write_text(f"directories.tokendir = {store}\nobjectstore.backend = file\nlog.level = ERROR\n")
    environ = {"SOFTHSM2_CONF": str(config)}
    words = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN]
    subprocess.run(words, check=True, capture_output=True, env={**os.environ, **environ})
    return Token(HsmSettings(lib, PIN, token_label=label), store, environ)


def remove_key(environ: Mapping[str, str], label: str) -> None:
    """Remove a key from a token, for good."""
    import pkcs11

    token = pkcs11.lib(environ["BAO_HSM_LIB"]).get_token(token_label=environ["BAO_HSM_TOKEN_LABEL"])
    with token.open(rw=True) as session:  # this process is logged in already
        for key in list(session.get_objects({pkcs11.Attribute.LABEL: label})):
            key.destroy()
