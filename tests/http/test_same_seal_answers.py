"""What seals and unseals, asked in ways that nobody means: answered as by a real OpenBao beside it, in each state."""

import http.client
import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from support.shamir_bao import shamir_bao

MERGE_PATCH = "application/merge-patch+json"
_OTHERS = re.compile(
    r'"(request_id|nonce|otp|version|commit_date|cluster_name|cluster_id|server_time_utc|storage_type)":'
    r'("[^"]*"|\d+|null)'
)
_NONCE = re.compile(r'\\"[0-9a-f-]{36}\\"')

UNSEAL_BODIES = [
    *("", "null", "{", "[]", '"x"', "5", "true"),
    *('{"KEY":"00"}', '{"RESET":true}', '{"reset":"x"}', '{"key":null}', '{"key":"zz"}', '{"key":"00"}', '{"key":"0"}'),
    *(
        '{"key":5}',
        '{"key":1.5}',
        '{"key":1e3}',
        '{"key":true}',
        '{"key":[]}',
        '{"key":{}}',
        '{"migrate":true,"key":"00"}',
    ),
    *(f'{{"Key":"{"00" * size}"}}' for size in (15, 17, 32, 33, 34, 40)),
    f'{{"migrate":true,"key":"{"00" * 32}"}}',
]
INIT_BODIES = [
    *("[]", '"x"', "5", "null", '{"SECRET_SHARES":0}', '{"Secret_Shares":5,"secret_threshold":6}'),
    '{"secret_shares":99999999999999999999,"secret_threshold":1}',
    *('{"secret_shares":1.5}', '{"secret_shares":1e2}', '{"secret_shares":"1"}'),
    *(
        f'{{"secret_shares":1,"secret_threshold":1,"pgp_keys":{keys}}}'
        for keys in ("[5]", '[""]', '["x"]', '"x"', "[{}]")
    ),
]
VERBS = ["GET", "PUT", "DELETE", "PATCH", "HEAD"]
PATHS = [
    *("sys/step-down", "sys/leader", "sys/rekey/init", "sys/rekey/update", "sys/rekey/verify"),
    *("sys/generate-root/attempt", "sys/generate-root/update", "sys/rotate/root/verify"),
]
SHARE = f'"key":"{"00" * 32}"'


class Case(NamedTuple):
    """One request."""

    method: str
    path: str
    body: str | None = None
    content_type: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        """Name it."""
        return f"{self.method} {self.path} {(self.body or '')[:40]} {self.content_type} {self.namespace}"


ANYTIME = [
    *(Case("PUT", "sys/unseal", body) for body in UNSEAL_BODIES),
    *(Case("PUT", "sys/init", body) for body in INIT_BODIES),
    *(Case(verb, path, "{}" if verb in ("PUT", "PATCH") else None) for path in PATHS for verb in VERBS),
    *(Case("PATCH", path, "{}", kind) for path in ("sys/step-down", "sys/unseal") for kind in ("", "a/b", MERGE_PATCH)),
    *(Case(verb, "sys/rekey-recovery-key/init", "{}") for verb in ("GET", "PUT", "DELETE")),
    *(Case("PATCH", "sys/seal", "{}", kind) for kind in ("", "a/b")),
]
UNSEALED = [
    *(Case("PUT", "sys/rotate/config", f'{{"max_operations":"{value}"}}') for value in ("1e6", "x")),
    Case("GET", "sys/rotate/root/verify"),
    Case("PUT", "sys/rotate/root/verify", f'{{{SHARE},"nonce":"x"}}'),
    Case("PUT", "sys/generate-root-token/update", f'{{{SHARE},"nonce":"x"}}'),
    Case("PUT", "sys/generate-root-token/attempt", "{}"),
    Case("PUT", "sys/generate-root-token/update", f'{{{SHARE},"nonce":"x"}}'),
    *(
        Case("PUT", "sys/generate-root-token/update", body)
        for body in ('{"key":"zz","nonce":"x"}', "{}", '{"key":"zz"}')
    ),
    Case("DELETE", "sys/generate-root-token/attempt"),
    Case("PUT", "sys/generate-root-token/attempt", '{"pgp_key":"x"}'),
    Case("PUT", "sys/rekey/init", '{"secret_shares":"x"}'),
    Case("PUT", "sys/rekey/update", '{"key":[]}'),
    Case("PUT", "sys/generate-root/update", '{"key":[]}'),
]
OF_SHARES = [
    *(
        f"rekey{kind}{rest}"
        for kind in ("", "-recovery-key")
        for rest in ("", "/init", "/update", "/verify", "/backup")
    ),
    *("rekeys", "rekey/recovery-key-backup", "generate-root", "generate-root/attempt", "generate-root/update"),
    *("generate-root-token/attempt", "generate-root-token/update", "generate-recovery-token/update"),
    *(f"rotate/{which}{rest}" for which in ("root", "recovery") for rest in ("", "/update", "/verify", "/backup")),
    *("raw/x", "metrics", "in-flight-req", "pprof/cmdline", "decode-token"),
]
OF_A_SEAL = ("sys/rotate/", "sys/generate-root-token/")
IN_SYS_ALONE = [
    Case(verb, f"sys/{path}", namespace=named)
    for named in ("", "n1", "nope", "root")
    for path in OF_SHARES
    for verb in ("GET", "DELETE", "HEAD", "LIST", "SCAN", "OPTIONS", "TRACE")
    if not (verb == "OPTIONS" and named in ("", "nope"))  # odd-requests
    and not (
        path.startswith("rekey-recovery-key/") and verb in ("HEAD", "GET", "DELETE") and not named
    )  # verbs-of-shares
    and not (path in ("metrics", "in-flight-req", "pprof/cmdline", "raw/x") and not named)
]
"""The verbs that nobody means, with and without the name of a namespace."""

Ask = Callable[[Case], tuple[int, object]]


def asking(port: int, token: str = "") -> Ask:
    """Give what sends a case to a server, and gives the status and the body, without what differs by itself."""

    def ask(case: Case) -> tuple[int, object]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"X-Vault-Token": token} if token else {}
        if case.content_type:
            headers["Content-Type"] = case.content_type
        if case.namespace:
            headers["X-Vault-Namespace"] = case.namespace
        body = None if case.body is None else case.body.encode()
        connection.request(case.method, f"/v1/{case.path}", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode().strip()
        connection.close()
        text = _NONCE.sub("NONCE", _OTHERS.sub(r'"\1":"X"', text))
        return answer.status, json.loads(text) if text.startswith("{") else text

    return ask


def made(port: int) -> tuple[str, str]:
    """Make a server's state, of one share; give that and the root token."""
    status, told = asking(port)(Case("PUT", "sys/init", '{"secret_shares":1,"secret_threshold":1}'))
    assert status == 200
    assert isinstance(told, dict)
    return told["keys"][0], told["root_token"]


def unlike(bao: Ask, ours: Ask, cases: list[Case]) -> list[str]:
    """Give what is answered otherwise, but for the status that is `root-token-shares`."""
    pairs = [(case, _as_ours(case, *bao(case)), ours(case)) for case in cases]
    return [f"{case}\n  bao {theirs}\n  we  {own}" for case, theirs, own in pairs if theirs != own]


def _as_ours(case: Case, status: int, told: object) -> tuple[int, object]:
    return 400 if case.path == "sys/generate-root-token/update" and status == 500 else status, told


@pytest.fixture
def both(tmp_path, serve) -> Iterator[tuple[int, int]]:
    """The ports of a real OpenBao and of a server of ours, neither initialised."""
    with shamir_bao(tmp_path) as bao:
        yield bao.port, serve("-no-init").port


def test_odd_questions_are_answered_as_openbao_does(both, await_that):
    """Before there is a state, while it is sealed, and then; without a token and with root's."""
    assert unlike(asking(both[0]), asking(both[1]), ANYTIME) == []
    keys = [made(port) for port in both]
    bao, ours = (asking(port, root) for port, (_, root) in zip(both, keys, strict=True))
    assert unlike(bao, ours, ANYTIME) == []
    for port, (share, _) in zip(both, keys, strict=True):
        assert asking(port)(Case("PUT", "sys/unseal", f'{{"key":"{share}"}}'))[0] == 200
    await_that(lambda: bao(Case("GET", "sys/mounts"))[0] == 200)
    assert unlike(asking(both[0]), asking(both[1]), ANYTIME) == []
    assert unlike(bao, ours, [*ANYTIME, *UNSEALED]) == []


def test_any_verb_in_any_namespace(both, await_that):
    """The paths of shares refuse other verbs, and namespaces, as OpenBao does: without a token, with root's, sealed."""
    of_the_header = [case for case in IN_SYS_ALONE if case.method != "OPTIONS"]
    assert unlike(asking(both[0]), asking(both[1]), of_the_header) == []
    keys = [made(port) for port in both]
    for port, (share, _) in zip(both, keys, strict=True):
        assert asking(port)(Case("PUT", "sys/unseal", f'{{"key":"{share}"}}'))[0] == 200
    bao, ours = (asking(port, root) for port, (_, root) in zip(both, keys, strict=True))
    await_that(lambda: bao(Case("GET", "sys/mounts"))[0] == 200)
    for ask in (bao, ours):
        assert ask(Case("PUT", "sys/namespaces/n1", "{}"))[0] == 200
    assert unlike(asking(both[0]), asking(both[1]), IN_SYS_ALONE) == []
    inside = [case for case in IN_SYS_ALONE if case.namespace == "n1" and case.path.startswith(OF_A_SEAL)]
    assert unlike(bao, ours, [case for case in IN_SYS_ALONE if case not in inside]) == []
    assert {ours(case)[0] for case in inside} == {400, 404, 405}  # no-namespace-seals
