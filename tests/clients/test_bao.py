"""The real `bao` command line, given to `vaultctl server -dev` and to its own server."""

import pytest
from support import compared
from support.lines import Line, line
from support.program import Ran
from support.same_lines import SCRIPTS

_NOT_ASKED = {"forms of flags", "no such command", "tokens"}
"""Of these scripts a server sees little or nothing."""

LINES = {
    **{name: lines for name, lines in SCRIPTS.items() if name not in _NOT_ASKED},
    "what tells of the server": [
        line("status -format=json -field=sealed"),
        line("status -format=yaml -field=initialized"),
        line("version-history", different="running-version"),
        line("version-history -format=json", different="running-version"),
        line("version-history extra", different="running-version"),
        line("operator init", different="dev-seal"),
        line("operator init -status"),
        line("read sys/init"),
        line("read -format=json sys/leader"),
        line("read sys/health", different="own-program"),
        line("read sys/health standbyok=x"),
        line("list sys/version-history", different="running-version"),
        line("path-help sys/mounts/secret/tune", different="help-texts"),
        line("path-help secret/data/a", different="help-texts"),
        line("path-help secret", different="help-texts"),
        line("path-help sys/nosuch"),
        line("read -namespace=nosuch secret/data/a"),
        line("secrets list -namespace=nosuch"),
        line("secrets list -namespace=root"),
        line("read nosuch/sys/mounts"),
    ],
    "in both directions": [
        line("secrets enable -path=a -version=1 kv"),
        line("secrets enable -path=b -version=2 kv"),
        line("kv put a/x k=v"),
        line("kv put b/x k=v"),
        line("secrets move a b"),
        line("secrets move a c/d"),
        line("secrets move b a"),
        line("kv get c/d/x"),
        line("kv get a/x"),
        line("kv get b/x"),
        line("write sys/remount from=c/d to=/e/"),
        line("list e"),
        line("secrets tune -description=moved e"),
        line("secrets list -format=json"),
        line("secrets list -detailed"),
        line("secrets disable a"),
        line("secrets disable e"),
        line("secrets list"),
    ],
}

_SERVERS = {
    "cubbyhole-refusals",
    "dev-seal",
    "exact-numbers",
    "help-texts",
    "own-program",
    "paths-as-typed",
    "raw-format",
    "running-version",
    "seal-without-shares",
    "tune-sys-order",
}
"""The differences that are the server's; the command line is one and the same. Raw bytes come in an order of chance."""


@pytest.mark.parametrize("name", LINES)
def test_each_line_comes_out_as_on_its_own_server(name, by_bao, ours):
    """Exit code, stdout and stderr are the same, but for what the server says otherwise by name."""
    theirs = [_compared(line, ran) for line, ran in zip(LINES[name], by_bao(name, LINES[name]), strict=True)]
    came = [_compared(line, ours.run(*line.args, stdin=line.stdin, env=dict(line.env))) for line in LINES[name]]
    assert came == theirs


def _compared(line: Line, ran: Ran) -> tuple[object, ...]:
    return (line.args, ran.code) if line.different in _SERVERS else compared.whole(line, ran)
