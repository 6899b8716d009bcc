"""What is taken for a share of the unseal key: the same texts as a real OpenBao takes, refused in the same words."""

import base64
import json

import pytest
from support.bao import await_that
from support.shamir_bao import shamir_bao
from support.sockets import ask

_NEVER = {"XDG_RUNTIME_DIR": "/nosuch"}
"""A server keeps its keys in memory: it needs no runtime folder."""

_SHARE = bytes.fromhex("0e04c1e964141db4d45a3935485b5cd1001fcb6d54137ac74e195ec965ee4bf8b8")
_HEX = _SHARE.hex()
_B64 = base64.b64encode(_SHARE).decode()
_B64_32 = base64.b64encode(_SHARE[:32]).decode()
_B64_31 = base64.b64encode(_SHARE[:31]).decode()

_TEXTS = (
    _HEX, _HEX.upper(), _HEX[:9].upper() + _HEX[9:],
    f" {_HEX}", f"{_HEX[:2]} {_HEX[2:]}", f"{_HEX}\n", f"{_HEX}\r\n", f"{_HEX}\t", f"{_HEX[:4]}\n{_HEX[4:]}",
    _HEX[:-1], f"0x{_HEX}",
    *(_HEX[:chars] for chars in range(2, 36, 2)), _HEX[:64], *((_HEX * 2)[:chars] for chars in range(68, 78, 2)),
    _B64, _B64.lower(), f"{_B64}\n", f"\n{_B64}", f"{_B64[:10]}\r\n{_B64[10:]}", f"{_B64[:10]}\r{_B64[10:]}",
    f"{_B64[:8]} {_B64[8:]}", f" {_B64}", f"{_B64}\t", f"{_B64}\v", f"-{_B64[1:]}", f"_{_B64[1:]}",
    _B64_32, _B64_32.rstrip("="), f"{_B64_32}=", f"{_B64_32}AAAA", f"{_B64_32[:-2]}B=", f"{_B64_32[:-2]}=",
    _B64_31, _B64_31[:-1], _B64_31.rstrip("="), f"{_B64_31[:-1]}\n=", f"{_B64}=", f"{_B64}==", f"{_B64}====",
    base64.b64encode(_SHARE[:15]).decode(), base64.b64encode(_SHARE[:16]).decode(),
    base64.b64encode(_SHARE + b"x").decode(),
    "", " ", "\n", "=", "==", "===", "====", "A===", "\0" * 44, "é" * 22, "٣" * 66, "１" * 66, "no share!",
)  # fmt: skip


@pytest.fixture
def ours(serve):
    """A server of ours that is sealed under two of three shares, as a function that asks it."""
    server = serve("-no-init", env=_NEVER)

    def ask(method, path, body):
        got = server.ask(method, path, json.dumps(body).encode())
        return got.status, json.loads(got.body or b"{}")

    made = ask("PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2})[1]
    server.token = made["root_token"]
    return ask, made["keys"]


def test_the_same_texts_are_shares_for_unsealing(ours, tmp_path):
    """Hex and base64 in every spelling: what is taken counts as one share, the rest is refused in the same words."""
    ask, _ = ours
    with shamir_bao(tmp_path) as bao:
        bao.ask("PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2})
        for text in _TEXTS:
            assert _entered(ask, text) == _entered(bao.ask, text), repr(text)


def test_the_same_texts_are_shares_for_a_root_token(ours, tmp_path):
    """There blanks around a share are cut off; the status of a refusal is `root-token-shares`."""
    ask, keys = ours
    for key in keys[:2]:
        ask("PUT", "sys/unseal", {"key": key})
    with shamir_bao(tmp_path) as bao:
        bao.initialise(3, 2)
        for text in (_HEX, f" {_HEX}\n", _B64, f"{_B64}\n", f"\t{_B64}", f"{_B64[:10]}\n{_B64[10:]}",
                     f"{_B64}====", f"{_HEX[:2]} {_HEX[2:]}", _HEX * 2, "no share!", "ab" * 8, "abcd"):  # fmt: skip
            status, errors = _for_a_token(bao.ask, text)
            assert _for_a_token(ask, text) == (400 if status == 500 else status, errors), repr(text)


def _entered(ask, text):
    """Enter one share, and give the status with how far that came, or why it is refused."""
    ask("PUT", "sys/unseal", {"reset": True})
    status, answer = ask("PUT", "sys/unseal", {"key": text})
    return status, answer.get("errors"), answer.get("progress")


def _for_a_token(ask, text):
    ask("DELETE", "sys/generate-root-token/attempt", {})
    status, answer = ask("PUT", "sys/generate-root-token/attempt", {})
    assert status == 200, answer
    status, answer = ask("PUT", "sys/generate-root-token/update", {"key": text, "nonce": answer["data"]["nonce"]})
    return status, answer.get("errors")


_BODIES = (None, b"", b"{", b"junk", b"[]", b"null", b"1", b'"x"', b"{}x", b'{"a":1}', b"\xff")
_FORM = "application/x-www-form-urlencoded"


def test_junk_bodies_have_the_same_statuses(serve, tmp_path):
    """Of sys/seal, sys/unseal, sys/rotate and sys/init, as JSON and as a form, by root, by nobody, and when sealed."""
    server = serve("-no-init", env=_NEVER)
    with shamir_bao(tmp_path) as bao:
        ours, theirs = (_statuses(port) for port in (server.port, bao.port))
    assert [one for one in zip(ours, theirs, strict=True) if one[0] != one[1]] == []
    assert {status for *_, status in ours} == {204, 400, 403}


def _statuses(port):
    made = ask(port, "PUT", "/v1/sys/init", b'{"secret_shares": 1, "secret_threshold": 1}').json
    share = json.dumps({"key": made["keys"][0]}).encode()
    root = {"X-Vault-Token": made["root_token"]}
    found = []
    for kind in ({}, {"Content-Type": _FORM}):
        for body in _BODIES:
            for token in (root, {}, {"X-Vault-Token": "bad"}):
                ask(port, "PUT", "/v1/sys/unseal", share)
                await_that(lambda: ask(port, "GET", "/v1/sys/mounts", None, root).status == 200)
                for path in ("sys/unseal", "sys/rotate", "sys/init", "sys/seal", "sys/seal", "sys/unseal"):
                    status = ask(port, "POST", f"/v1/{path}", body, {**kind, **token}).status
                    found.append((path, body, bool(kind), token == root, status))
    return found
