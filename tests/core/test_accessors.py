"""Accessors: each leads to its own token, on every backend, and to nothing else; nothing in a state tells one."""

import os
import re
import string

import pytest
from support.places import Place
from support.states import ROOT_TOKEN, make_core, open_core

from vaultctl.core import tokens
from vaultctl.core.accessors import Accessors
from vaultctl.core.core import Core
from vaultctl.crypto.aead import BLOCK_B, Blocks, derive
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

MANY = 2000


@pytest.fixture
def core() -> Core:
    """A core with the namespaces n1/ and n2/."""
    core = make_core(Memory())
    for namespace in ("n1", "n2"):
        core.handle(Request(Operation.UPDATE, f"sys/namespaces/{namespace}", token=ROOT_TOKEN))
    return core


def make(core: Core, namespace: str = "", **data: object) -> tuple[str, str]:
    """Make a token; give its text and its accessor."""
    data = {"policies": ["default"], **data}
    auth = core.handle(Request(Operation.UPDATE, "auth/token/create", namespace, data, token=ROOT_TOKEN)).auth
    assert auth is not None
    return auth["client_token"], auth["accessor"]


def find(core: Core, accessor: str, namespace: str = "") -> str:
    """Give the name of the token with an accessor. Raises: InvalidRequest."""
    asked = Request(Operation.UPDATE, "auth/token/lookup-accessor", namespace, {"accessor": accessor})
    return str(core.handle(asked._replace(token=ROOT_TOKEN)).data["display_name"])


def test_accessors_are_letters_and_digits_and_lead_back():
    """Each hash has an accessor of its own, of 24 letters and digits, which gives the half that names it."""
    made = Accessors(os.urandom(32))
    hashes = [bytes(32).hex(), "ff" * 32, *(os.urandom(32).hex() for _ in range(MANY))]
    found = {made.of(id_hash): id_hash for id_hash in hashes}
    assert len(found) == len(hashes)
    assert all(re.fullmatch("[A-Za-z0-9]{24}", accessor) for accessor in found)
    assert [made.begin_of(accessor) for accessor in found] == [id_hash[:32] for id_hash in hashes]


def test_all_values_of_a_byte_are_spelled():
    """Whatever bytes a hash becomes have a spelling that leads back: each byte, in each place of the accessor."""
    made = Accessors(bytes(32))
    blocks = [made._blocks.decrypt(bytes([byte]) * BLOCK_B).hex() for byte in range(256)]
    assert [made.begin_of(made.of(block)) for block in blocks] == blocks


def test_an_accessor_is_spelled_as_documented():
    """The letters are those that docs/state-format.md draws."""
    salt, id_hash = bytes(range(32)), "0123456789abcdef" * 4
    block = Blocks(derive(salt, "vaultctl accessors")).encrypt(bytes.fromhex(id_hash)[:16])
    values = [byte % 62 for byte in block] + [block[at] // 62 * 5 + block[at + 8] // 62 for at in range(8)]
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits
    assert Accessors(salt).of(id_hash) == "".join(letters[value] for value in values)


def test_a_hash_tells_its_accessor_to_nobody_without_the_salt():
    """Another salt gives another accessor of the same hash, and does not lead back."""
    id_hash = os.urandom(32).hex()
    ours, others = Accessors(os.urandom(32)), Accessors(os.urandom(32))
    assert ours.of(id_hash) != others.of(id_hash)
    assert others.begin_of(ours.of(id_hash)) != id_hash[:32]


def test_every_token_is_found_by_its_accessor(place: Place):
    """On each backend, and in another process, an accessor gives the token that it is of."""
    core = make_core(place.open())
    made = {make(core, display_name=f"n{number}")[1]: f"token-n{number}" for number in range(20)}
    core.close()
    core = open_core(place.open())
    assert {accessor: find(core, accessor) for accessor in made} == made
    listed = core.handle(Request(Operation.LIST, "auth/token/accessors", token=ROOT_TOKEN)).data["keys"]
    assert set(made) < set(listed)
    core.close()


def test_root_and_wrapping_tokens_have_accessors(core):
    """Whatever makes a token, it is found by its accessor."""
    listed = core.handle(Request(Operation.LIST, "auth/token/accessors", token=ROOT_TOKEN)).data["keys"]
    wrap = Request(Operation.UPDATE, "sys/wrapping/wrap", data={"k": "v"}, token=ROOT_TOKEN, wrap_ttl_s=60)
    wrapped = core.handle(wrap).wrap_info
    assert [find(core, accessor) for accessor in (*listed, wrapped["accessor"])] == ["token"] * 2
    now_listed = core.handle(Request(Operation.LIST, "auth/token/accessors", token=ROOT_TOKEN)).data["keys"]
    assert sorted(now_listed) == sorted([*listed, wrapped["accessor"]])


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "nonsense",
        lambda accessor: accessor[:-1],
        lambda accessor: accessor + "A",
        lambda accessor: accessor[:-1] + "/",
        lambda accessor: accessor[:-1] + "é",
        lambda accessor: accessor[:-1] + "\u0661",
        lambda accessor: accessor[:-1] + "\udc80",
        lambda accessor: accessor.swapcase(),
        lambda accessor: accessor[::-1],
        lambda accessor: accessor[:16] + "9" * 8,
        lambda _: "9" * 24,
        lambda _: "A" * 24,
        lambda accessor: accessor + ".",
        lambda accessor: accessor + ".root",
        lambda accessor: " " + accessor,
    ],
)
def test_what_is_no_accessor_is_refused(core, change):
    """A text that is not letter by letter the accessor of a token is invalid."""
    _, accessor = make(core)
    with pytest.raises(InvalidRequest, match="invalid accessor"):
        find(core, change(accessor))
    assert find(core, accessor) == "token"


def test_an_accessor_with_another_namespaces_end_is_none(core):
    """The end that names the namespace is part of an accessor, and none leads to a token elsewhere."""
    ours, theirs = make(core, "n1")[1], make(core, "n2")[1]
    (begin, _, mine), (_, _, other) = ours.partition("."), theirs.partition(".")
    assert find(core, f"{begin}.{mine}", "n1") == "token"
    for end, namespace, why in (
        (f".{other}", "n2", "invalid accessor"),
        (f".{other}", "n1", "different namespace"),
        (f".{mine}", "n2", "different namespace"),
        ("", "n1", "different namespace"),
        ("", "", "invalid accessor"),
        (f".{mine}.{mine}", "n1", "different namespace"),
    ):
        with pytest.raises(InvalidRequest, match=why):
            find(core, begin + end, namespace)


def test_an_accessor_leads_to_nothing_once_its_token_is_gone(core):
    """A token that was revoked has no accessor any more; made again under the same text it has the same one."""
    text, accessor = make(core, id="chosen-by-somebody")
    core.handle(Request(Operation.UPDATE, "auth/token/revoke", data={"token": text}, token=ROOT_TOKEN))
    with pytest.raises(InvalidRequest, match="invalid accessor"):
        find(core, accessor)
    assert make(core, id="chosen-by-somebody") == (text, accessor)
    assert find(core, accessor) == "token"


def test_no_accessor_has_a_row_or_is_told_by_one(place: Place):
    """A token is its record and what lists it: nothing is stored under an accessor, and no file tells one."""
    core = make_core(place.open())
    _, accessor = make(core, ttl="1h")
    with core.state.reader() as view:
        below = list(view.below(tokens.TABLE))
    assert {name.split("/")[2] for name in below} == {"salt", "id", "mount", "child", "expiry"}
    core.close()
    for path in place.folder.iterdir():
        assert accessor.encode() not in path.read_bytes()
