"""`vaultctl audit`, beside the real `bao` on one server, and on the local state."""

import json
import re

import pytest

LINES = [
    ("audit", "list"),
    ("audit", "list", "-format=json"),
    ("audit", "enable", "-description=a device", "file", "file_path=${log}", "mode=0640"),
    ("audit", "enable", "-path=x/y", "-local", "file", "file_path=discard"),
    ("audit", "list"),
    ("audit", "list", "-detailed"),
    ("audit", "list", "-format=json"),
    ("audit", "list", "-detailed", "-format=yaml"),
    ("audit", "enable", "file", "file_path=${log}"),
    ("audit", "enable", "file"),
    ("audit", "enable", "nosuch"),
    ("audit", "enable", "-path=s", "socket"),
    ("audit", "enable", "-path=f", "file", "word"),
    ("audit", "enable"),
    ("audit", "list", "word"),
    ("audit", "disable"),
    ("audit", "disable", "a", "b"),
    ("audit", "disable", "x/y/"),
    ("audit", "disable", "nosuch"),
    ("audit", "disable", "file"),
    ("audit", "list"),
]


def _shown(ran):
    return ran.code, _options_in_order(ran.out), ran.err.rstrip("\n")


def _options_in_order(text):
    """The same text with each device's options sorted: the real program prints them as Go walks a map, by chance."""
    return re.sub(r"\w+=\S+(?: \w+=\S+)+", lambda options: " ".join(sorted(options[0].split())), text)


def test_both_programs_say_the_same_on_a_server(audited_bao, here, tmp_path):
    """On one real server bao and vaultctl give the same exit codes, stdout and stderr."""
    shown = []
    for run in (audited_bao.run, lambda *words: here(*words, env=audited_bao.env)):
        lines = [[word.replace("${log}", str(tmp_path / "log")) for word in line] for line in LINES]
        shown.append([(line, *_shown(run(*line))) for line in lines])
    for theirs, ours in zip(*shown, strict=True):
        assert theirs == ours


def test_the_owner_of_a_state_enables_devices(here, tmp_path):
    """On the local state the whole life of a device works, and its path is shown as it is everywhere."""
    assert here("audit", "list", "-format=json").out == "{}\n"
    made = here("audit", "enable", "-format=json", "-path=mine", "file", "file_path=audit.log")
    assert json.loads(made.out) == {"path": "mine/", "type": "file", "result": "created"}
    shown = json.loads(here("audit", "list", "-format=json").out)
    assert shown["mine/"]["options"] == {"file_path": str(here.home / "audit.log")}
    assert json.loads(here("audit", "disable", "-format=json", "mine").out) == {"path": "mine/", "result": "disabled"}
    assert here("audit", "list").code == 2


@pytest.mark.parametrize(("word", "found"), [("enable", ["file", "socket", "syslog"]), ("disable", ["f/"])])
def test_types_and_devices_are_completed(here, word, found):
    """After enable come the types of devices, after disable the devices that are enabled."""
    here("audit", "enable", "-path=f", "file", "file_path=discard")
    completed = here("__complete", "audit", word, "").out
    assert [line.split("\t")[0] for line in completed.splitlines() if line] == found
