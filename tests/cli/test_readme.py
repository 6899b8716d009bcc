"""The tour of README.md: what it shows is what its commands print, in their order, in a new home."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BY_CHANCE = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
    (r"(cubbyhole|identity|kv|system)_[0-9a-f]{8}", r"\1_<hex>"),
    (r"\d{4}-\d\d-\d\dT[0-9:]{8}(\.\d+)?Z", "<time>"),
    (r" {2,}", "  "),  # columns are as wide as the times in them, and those have no zeros at their end
    (r"at /\S+/state\.json", "at <state>"),
)


def test_the_tour_is_what_the_commands_print(vaultctl):
    """Each command of the two minutes is run by a shell; ids, accessors, times and the home are others each time."""
    program = Path(sys.executable).with_name("vaultctl")
    assert program.exists()
    env = {**vaultctl.env, "PATH": os.pathsep.join([str(program.parent), os.environ["PATH"]])}
    shown = [block for block in _blocks() if "$ vaultctl" in block or "| vaultctl" in block]
    printed = ["\n".join(f"$ {line}\n{_run(line, env)}".rstrip() for line in _commands(block)) for block in shown]
    assert len(shown) > 5
    assert [_settled(block) for block in printed] == [_settled(block) for block in shown]


def _blocks() -> list[str]:
    """Give the examples of the tour, without their indent."""
    tour = (ROOT / "README.md").read_text().partition("## Two minutes\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", tour, re.MULTILINE)
    return [re.sub("^    ", "", block, flags=re.MULTILINE).rstrip() for block in found]


def _commands(block: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def _run(line: str, env: dict[str, str]) -> str:
    done = subprocess.run(["bash", "-c", line], check=True, env=env, capture_output=True, text=True)
    return done.stderr + done.stdout


def _settled(text: str) -> str:
    for pattern, name in _BY_CHANCE:
        text = re.sub(pattern, name, text)
    return text
