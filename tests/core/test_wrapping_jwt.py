"""Wrapping tokens in the form of a JWT."""

import base64
import json
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
