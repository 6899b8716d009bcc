"""GnuPG, as those have it for whom something is encrypted."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MISSING = "GnuPG is not installed, and nobody else can decrypt what was encrypted for people: apt install gnupg"


class Gpg:
    """A key ring of its own in a folder, without passphrases."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._env = {**os.environ, "GNUPGHOME": str(folder)}
        self._folder = folder

    def key(self, name: str) -> str:
        """Make a key; give its public part in base64."""
        self._run("--quick-gen-key", f"{name} <{name}@example.org>", "future-default", "default", "never")
        return base64.b64encode(self._run("--export", f"{name}@example.org")).decode()

    def armoured(self, name: str) -> str:
        """Give the public part of a key as people send it around."""
        return self._run("--armor", "--export", f"{name}@example.org").decode()

    def fingerprint(self, name: str) -> str:
        """Give the fingerprint of a key in small hex."""
        lines = self._run("--with-colons", "--fingerprint", f"{name}@example.org").decode().splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr:")).lower()

    def decrypt(self, data: bytes) -> bytes:
        """Decrypt what was encrypted for a key of ours."""
        (self._folder / "message").write_bytes(data)
        return self._run("--decrypt", str(self._folder / "message"))

    def _run(self, *args: str) -> bytes:
        argv = [self._program, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", *args]
        return subprocess.run(argv, check=True, env=self._env, capture_output=True).stdout


@contextmanager
def gpg(folder: Path) -> Iterator[Gpg]:
    """Give a key ring, and end the agent that GnuPG starts for it."""
    program = shutil.which("gpg")
    if program is None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    folder.chmod(0o700)
    made = Gpg(program, folder)
    try:
        yield made
    finally:
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=False, env=made._env)
