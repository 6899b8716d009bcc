"""node-vault, the client of Node.js, on `vaultctl server -dev` and on a real OpenBao: the same comes of it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import normal
from support.bao import Bao

_HERE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with node-vault and what it needs, in the versions of `package-lock.json`."""
    if not (shutil.which("node") and shutil.which("npm")):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(_HERE, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            f"npm could not install node-vault: {done.stderr[-300:]}"
        )
    return folder


def test_node_vault_gets_the_same(installed, bao, ours):
    """Mounts, moves and reads give the same values and errors on both servers."""
    assert _life(installed, ours) == _life(installed, bao)


def _life(folder: Path, server: Bao) -> list[Any]:
    done = subprocess.run(
        ["node", "life.js"],
        check=True,
        capture_output=True,
        text=True,
        env={**server.env, "PATH": os.environ["PATH"]},
        cwd=folder,
    )
    return [normal.deep(json.loads(line)) for line in done.stdout.splitlines()]
