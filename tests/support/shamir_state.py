"""A local shamir state: how it is made and unsealed by command lines."""

import json
from typing import NamedTuple


class Made(NamedTuple):
    """What `operator init` gave."""

    shares: list[str]
    root_token: str


def init(program, *flags: str) -> Made:
    """Make a state by hand; give its shares, in base64, and its root token."""
    ran = program("operator", "init", "-format=json", *flags)
    assert ran.code == 0, ran.err
    made = json.loads(ran.out)
    return Made(made["unseal_keys_b64"] or made["recovery_keys_b64"] or [], made["root_token"])


def unseal(program, made: Made, number: int) -> dict[str, object]:
    """Enter so many shares; give the status that the last one came to."""
    status: dict[str, object] = {}
    for share in made.shares[:number]:
        ran = program("operator", "unseal", "-format=json", share)
        assert ran.code == 0, ran.err
        status = json.loads(ran.out)
    return status
