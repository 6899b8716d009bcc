"""The program itself, run as a child process or in this one, and what came of it."""

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from vaultctl.cli import main


class Ran(NamedTuple):
    """How a run ended, and what it printed."""

    code: int
    out: str
    err: str


class Program:
    """Runs vaultctl as a child, with an empty home and a data folder of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "state"
        self.env = {"HOME": str(home), "PATH": os.environ["PATH"], "VAULTCTL_DATA_DIR": str(self.data)}

    def __call__(self, *args: str | bytes, stdin: bytes = b"", env: Mapping[str, str] = {}, **options: object) -> Ran:
        """Run one command line to its end."""
        done = subprocess.run(
            self.argv(*args),
            check=False,
            input=stdin,
            env={**self.env, **env},
            capture_output=True,
            cwd=self.home,
            **options,
        )
        return Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def start(
        self, *args: str, env: Mapping[str, str] = {}, terminal: int = subprocess.PIPE, **options: object
    ) -> subprocess.Popen[str]:
        """Start one command line; whoever asked for it waits for its end. `terminal` is a descriptor for stdout."""
        return subprocess.Popen(
            self.argv(*args),
            env={**self.env, **env},
            stdout=terminal,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.home,
            **options,
        )

    def argv(self, *args: str | bytes) -> list[str | bytes]:
        """Give the whole command line."""
        return [sys.executable, "-m", "vaultctl", *args]


class Here:
    """Runs command lines in this process, which is quicker; its streams are files, as in a pipe."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.data = home / "state"
        self._patch = patch
        for name in list(os.environ):
            if name.startswith(("VAULT", "BAO")):
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("VAULTCTL_DATA_DIR", str(self.data))
        patch.chdir(home)

    def __call__(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] = {}) -> Ran:
        """Run one command line to its end."""
        streams = {name: io.TextIOWrapper(io.BytesIO(), errors="replace") for name in ("stdout", "stderr")}
        streams["stdin"] = io.TextIOWrapper(io.BytesIO(stdin))
        with self._patch.context() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            for name, value in env.items():
                patch.setenv(name, value)
            code = main.run(args)
        return Ran(code, _text(streams["stdout"]), _text(streams["stderr"]))

    def used(self) -> "Here":
        """Give the program after its first use, so that stderr says nothing of it any more."""
        self("secrets", "list")
        return self


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
