"""Nothing that is secret is shown by a repr, an error, or the bytes of a state's files."""

import binascii
import os

import pytest
from support.places import ON_DISK, Place
from support.states import ROOT_TOKEN, SEAL_KEY, make_core

from vaultctl.core import tokens
from vaultctl.crypto.aead import Cipher
from vaultctl.crypto.barrier import Barrier
from vaultctl.crypto.keyring import new_keyring
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.logical.errors import BadToken, InvalidRequest, PermissionDenied
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Lease, Response
from vaultctl.storage.memory import Memory

CANARY = "canary-7f3a9c51"
KEY = b"canary-7f3a9c51-canary-7f3a9c51!"


def _fixed(length: int) -> bytes:
    return KEY[:length]


def _token() -> tokens.Token:
    core = make_core(Memory())
    with core.state.writer() as transaction:
        return tokens.create(
            transaction,
            CANARY,
            policies=(CANARY,),
            path="auth/token/create",
            display_name="shown",
            creation_time_s=0,
        )


SHOWN = {
    "request": Request(
        Operation.UPDATE,
        "secret/data/app",
        data={"data": {CANARY: CANARY}},
        query={CANARY: CANARY},
        headers={"Authorization": CANARY},
        token=CANARY,
        request_id="an-id",
    ),
    "response": Response(
        200,
        data={CANARY: CANARY},
        auth={"client_token": CANARY},
        lease=Lease(1, CANARY),
        wrap_info={"token": CANARY},
        warnings=(CANARY,),
        raw={CANARY: CANARY},
        headers={"Location": CANARY},
        request_id="an-id",
    ),
    "token": _token(),
    "keyring": new_keyring(_fixed, "2026-01-01T00:00:00Z"),
    "term": new_keyring(_fixed, "2026-01-01T00:00:00Z").terms[1],
    "barrier": Barrier(new_keyring(_fixed, "2026-01-01T00:00:00Z"), os.urandom),
    "seal": StaticSeal(KEY, os.urandom),
    "cipher": Cipher(KEY, os.urandom),
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_a_repr_shows_no_secret(shown: object):
    """However a request, an answer, a token or a key is turned into text, the text holds none of it."""
    texts = [repr(shown), str(shown), f"{shown}", repr([shown]), repr({"it": (shown,)})]
    assert [text for text in texts if CANARY in text or repr(KEY)[2:-1] in text or KEY.hex() in text] == []


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Request(Operation.READ, "secret/data/app", token=CANARY), BadToken),
        (Request(Operation.UPDATE, "secret/data/app", data={CANARY: CANARY}, token=ROOT_TOKEN), InvalidRequest),
        (Request(Operation.UPDATE, "secret/data/app", data={"data": CANARY}, token=ROOT_TOKEN), InvalidRequest),
        (Request(Operation.UPDATE, "secret/data/app", data={"data": [[CANARY]]}, token=ROOT_TOKEN), InvalidRequest),
        (
            Request(
                Operation.UPDATE, "secret/data/app", data={"data": {}, "options": {"cas": CANARY}}, token=ROOT_TOKEN
            ),
            InvalidRequest,
        ),
    ],
    ids=["token", "no-data", "text", "list", "cas"],
)
def test_an_error_shows_no_secret(request_: Request, error: type[Exception]):
    """A refusal names what is wrong, never what was sent."""
    with pytest.raises(error) as caught:
        make_core(Memory()).handle(request_)
    assert CANARY not in "".join([str(caught.value), repr(caught.value), *caught.value.errors])


def test_a_refusal_of_a_right_shows_no_secret():
    """A token without rights is refused without being shown."""
    assert CANARY not in repr(PermissionDenied())


@pytest.mark.parametrize("kind", ON_DISK)
def test_the_files_of_a_state_hold_no_plain_text(tmp_path, kind: str):
    """Values, tokens, accessors, descriptions, options, configuration and keys are nowhere in a state's files."""
    place = Place(kind, tmp_path)
    core = make_core(place.open())
    _plant(core)
    core.close()
    assert _found(place, _secrets(core)) == []


def test_the_log_of_a_database_holds_no_plain_text(tmp_path):
    """The files beside a database that is open hold none of it either."""
    place = Place("sqlite", tmp_path)
    core = make_core(place.open())
    _plant(core)
    assert (tmp_path / "state.sqlite-wal").stat().st_size > 0
    assert _found(place, _secrets(core)) == []


def _plant(core) -> None:
    for path, data in {
        "secret/data/app": {"data": {"key-" + CANARY: "value-" + CANARY}},
        "sys/mounts/other": {
            "type": "kv",
            "description": "description-" + CANARY,
            "options": {"option-" + CANARY: "1"},
            "config": {"audit_non_hmac_request_keys": ["config-" + CANARY]},
        },
        "other/app": {"key": "other-" + CANARY},
    }.items():
        core.handle(Request(Operation.UPDATE, path, data=data, token=ROOT_TOKEN))
    for wrap_format in ("", "jwt"):
        core.handle(
            Request(
                Operation.UPDATE,
                "sys/wrapping/wrap",
                data={"wrapped-" + CANARY: CANARY},
                token=ROOT_TOKEN,
                wrap_ttl_s=60,
                wrap_format=wrap_format,
            )
        )
    with core.state.writer() as transaction:
        tokens.create(
            transaction,
            "s." + CANARY,
            policies=("policy-" + CANARY,),
            path="auth/token/create",
            display_name="name-" + CANARY,
            creation_time_s=0,
        )
        transaction.commit()


def _secrets(core) -> list[bytes]:
    """Give what must not be there, each as it is and in the spellings that a file may use."""
    with core.state.reader() as view:
        keys = [term.key for term in core.state.keys_of(view.snapshot).barrier.keyring.terms.values()]
    plain = [CANARY.encode(), ROOT_TOKEN.encode(), SEAL_KEY, *keys]
    return [
        spelling for secret in plain for spelling in (secret, binascii.b2a_base64(secret)[:-3], secret.hex().encode())
    ]


def _found(place: Place, secrets: list[bytes]) -> list[tuple[str, bytes]]:
    files = {path.name: path.read_bytes() for path in place.folder.iterdir()}
    assert files[place.path.name] != b""
    return [(name, secret) for name, data in files.items() for secret in secrets if secret in data]
