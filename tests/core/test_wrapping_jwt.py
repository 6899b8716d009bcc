"""Wrapping tokens in the form of a JWT."""

import base64
import json
from functools import partial
from typing import Any

import pytest
from support.clock import Clock
from support.states import ROOT_TOKEN, make_core
from support.wrapping import (
    look_up,
    read,
    token_of,
    unwrap,
    verify,
    write,
)

from vaultctl.core.core import Core
from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Core:
    """A core whose time passes by that clock."""
    return make_core(Memory(), now_ns=clock)


def _jwt(core: Core, **data: Any) -> str:
    return token_of(
        core.handle(
            Request(
                Operation.UPDATE,
                "sys/wrapping/wrap",
                data=data,
                token=ROOT_TOKEN,
                wrap_ttl_s=60,
                wrap_format="jwt",
            )
        )
    )


def _decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_jwt_says_what_it_stands_for(core):
    """Header and claims are those that OpenBao gives; the token in it is one that opens the content."""
    header, claims, signature = _jwt(core, a="b").split(".")
    assert _decoded(header) == {"alg": "ES512", "typ": "JWT"}
    named = _decoded(claims)
    token = named.pop("jti")
    assert named == {
        "accessor": "",
        "addr": "",
        "exp": 1767225660,
        "iat": 1767225600,
        "nbf": 1767225595,
        "type": "wrapping",
    }
    assert len(base64.urlsafe_b64decode(signature + "==")) == 132
    assert unwrap(core, token) == {"a": "b"}


def test_a_jwt_opens_what_it_stands_for(core):
    """It is taken in the body, as the client's token, and by lookup, rewrap and verify; with nothing else."""
    token = _jwt(core, a="b")
    assert look_up(core, token)["creation_path"] == "sys/wrapping/wrap"
    assert verify(core, token)["state"] == "live"
    with pytest.raises(VaultError, match="permission denied"):
        read(core, "secret/data/x", by=token)
    assert unwrap(core, token) == {"a": "b"}
    assert write(core, "sys/wrapping/unwrap", _jwt(core, a="c")).data == {"a": "c"}
    assert unwrap(core, token_of(write(core, "sys/wrapping/rewrap", token=_jwt(core, a="d")))) == {"a": "d"}


def test_a_jwt_of_another_state_opens_nothing(core):
    """A signature that is not of this state's key is refused, and so is a JWT that says it needs none."""
    token = _jwt(core)
    other = make_core(Memory())
    _jwt(other)
    for where in (core, other):
        signed, _, signature = _jwt(where).rpartition(".")
        changed = f"{signed}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        with pytest.raises(VaultError, match="signature could not be validated"):
            look_up(where, changed)
        assert verify(where, changed) == {"state": "never-here"}
    with pytest.raises(VaultError, match="signature could not be validated"):
        look_up(other, token)
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    with pytest.raises(VaultError, match='unexpected signature algorithm "none"'):
        look_up(core, f"{none}.{token.split('.')[1]}.")


_UNPARSED = "could not be parsed: "
_UNVALIDATED = "signature could not be validated: "


def _b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("header", "claims", "signature", "why"),
    [
        ('{"alg":' + "[" * 5000, None, None, _UNPARSED),
        ('{"alg":"ES512","x":' + "[" * 5000 + "]" * 5000 + "}", None, None, _UNPARSED),
        (None, "[" * 20000, None, _UNVALIDATED),
        (None, "[1]", None, _UNVALIDATED),
        (None, "", None, _UNVALIDATED),
        (None, None, "!!!!{}", _UNPARSED + "illegal base64 data at input byte 0"),
        (None, None, "{}!!!!", _UNPARSED + "illegal base64 data at input byte 176"),
        (None, None, "{}==", _UNPARSED + "illegal base64 data at input byte 176"),
        (None, None, "a", _UNPARSED + "illegal base64 data at input byte 0"),
        (None, None, "", _UNVALIDATED),
        ('{"alg":null}', None, None, _UNPARSED + 'unexpected signature algorithm ""; expected ["ES512"]'),
        ('{"typ":"JWT"}', None, None, _UNPARSED + 'unexpected signature algorithm ""'),
        ('{"alg":1}', None, None, _UNPARSED + "failed to unmarshal algorithm: json: cannot unmarshal number into Go"),
        ('{"alg":["ES512"]}', None, None, _UNPARSED + "failed to unmarshal algorithm: json: cannot unmarshal array"),
        ('{"alg":"ES512","alg":"none"}', None, None, _UNPARSED + "json: duplicate key 'alg' in object"),
        ('{"alg":"ES512","crit":["x"]}', None, None, _UNVALIDATED + "go-jose/go-jose: unsupported critical header"),
        ('{"x', None, None, _UNPARSED + "unexpected end of JSON input"),
        (' {"alg":"ES512"}', None, None, _UNVALIDATED),
    ],
)
def test_what_only_looks_like_a_jwt(core, header, claims, signature, why):
    """What is no JWT is 403 with OpenBao's words, by the body, as the client's token, and never here for verify."""
    parts = _jwt(core).split(".")
    given = [
        parts[0] if header is None else _b64(header),
        parts[1] if claims is None else _b64(claims),
        parts[2] if signature is None else signature.format(parts[2]),
    ]
    text = ".".join(given)
    for path in ("sys/wrapping/lookup", "sys/wrapping/unwrap", "sys/wrapping/rewrap"):
        for asked in (partial(write, core, path, token=text), partial(write, core, path, text)):
            with pytest.raises(VaultError) as refused:
                asked()
            assert (refused.value.status, why in refused.value.errors[0]) == (403, True), refused.value
    assert verify(core, text) == {"state": "never-here"}


def test_a_rewrap_into_a_jwt(core):
    """A rewrap gives a JWT where that form is asked for with a TTL, and no token lives longer than the first one."""
    for asked_s, lives_s in ((60, 60), (600, 300), (0, 300)):
        token = token_of(write(core, "sys/wrapping/wrap", ttl_s=300, a="b"))
        answer = core.handle(
            Request(
                Operation.UPDATE,
                "sys/wrapping/rewrap",
                data={"token": token},
                token=ROOT_TOKEN,
                wrap_ttl_s=asked_s,
                wrap_format="jwt",
            )
        )
        assert answer.wrap_info is not None
        assert (answer.wrap_info["ttl"], token_of(answer).count(".")) == (lives_s, 2 if asked_s else 1)
        assert unwrap(core, token_of(answer)) == {"a": "b"}
