"""What the real `bao` prints on a new server of its own: asked once in a run, whichever process asks first."""

import fcntl
import json
from collections.abc import Sequence
from pathlib import Path

from support.bao import Bao
from support.lines import Line
from support.program import Ran


class ByBao:
    """Answers to scripts, kept in a folder that the processes of one run share."""

    def __init__(self, bao: Bao, folder: Path) -> None:
        self._bao = bao
        self._folder = folder

    def __call__(self, name: str, lines: Sequence[Line]) -> list[Ran]:
        """Give what came of each line of a script; scripts of one name are one and the same."""
        kept = self._folder / f"{name}.json"
        with open(kept.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                self._bao.reset()
                ran = [self._bao.run(*line.args, stdin=line.stdin, env=dict(line.env)) for line in lines]
                kept.write_text(json.dumps(ran))
        return [Ran(*ran) for ran in json.loads(kept.read_text())]
