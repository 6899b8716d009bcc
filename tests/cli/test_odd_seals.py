"""Seals that are elsewhere and not as they should be: nothing is ever put under one that does not give it back."""

import json

import pytest
from support import elsewhere, softhsm
from support.answering import answering, says

from vaultctl.logical.request import Operation

POLICY = 'path "transit/{}/vaultctl" {{ capabilities = ["update", "create"] }}\n'


@pytest.fixture
def used(here):
    """The program with a secret on a seal-wrapped mount."""
    here("secrets", "enable", "-seal-wrap", "-path=w", "kv")
    assert here("kv", "put", "w/a", "key=1").code == 0
    return here


def one_way(settings, label: str, *, encrypts: bool = True) -> None:
    """Make a key in a token that may encrypt and not decrypt, or the other way round."""
    import pkcs11

    may = {pkcs11.Attribute.ENCRYPT: encrypts, pkcs11.Attribute.DECRYPT: not encrypts}
    with (
        pkcs11.lib(settings.lib)
        .get_token(token_label=settings.token_label)
        .open(user_pin=settings.pin, rw=True) as session
    ):
        session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True, template=may)


@pytest.fixture
def token(hsm_store):
    """A token with a good key, and one that only encrypts."""
    token = softhsm.make_token(hsm_store, softhsm.library())
    hsm = token.hsm()
    hsm.generate(elsewhere.KEY_LABEL)
    hsm.close()
    one_way(token.settings, "one-way")
    one_way(token.settings, "other-way", encrypts=False)
    return token


def is_whole(program) -> bool:
    """Tell whether the state is there, under the static seal, with its secret."""
    told = json.loads(program("status", "-format=json").out)
    return (told["type"], program("kv", "get", "-field=key", "w/a").out) == ("static", "1")


def named(monkeypatch, environ: dict[str, str]) -> None:
    """Put what names a seal into the environment."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("label", "verb"), [("one-way", "decrypt"), ("other-way", "encrypt")])
def test_a_key_of_a_token_that_lacks_a_right_is_not_gone_over_to(used, token, monkeypatch, label, verb):
    """What it wrapped could never be read again: the command says which key, and which right."""
    named(monkeypatch, elsewhere.of_hsm(token, label))
    ran = used("operator", "seal-migrate", "-to=pkcs11")
    message = f"the key {label} of the token {token.settings.token_label} may not {verb}: CKA_{verb.upper()} is not"
    assert (ran.code, message in ran.err, "bug in vaultctl" in ran.err) == (2, True, False), ran.err
    assert is_whole(used)


def test_a_key_that_does_not_decrypt_is_not_rotated_to(used, token, monkeypatch):
    """Neither is a rotation done: the state stays under the key that it has."""
    named(monkeypatch, elsewhere.of_hsm(token))
    assert used("operator", "seal-migrate", "-to=pkcs11").code == 0
    ran = used("operator", "seal-rotate-key", "-key-label=one-way")
    assert (ran.code, "the pkcs11 seal does not open what it wrapped just now" in ran.err) == (2, True), ran.err
    assert "may not decrypt" in ran.err
    told = json.loads(used("sealwrap", "status", "-format=json").out)
    assert [each["key_id"] for each in told["seals"]["backends"]] == [elsewhere.KEY_LABEL]
    assert used("kv", "get", "-field=key", "w/a").out == "1"


def test_no_state_is_made_under_a_key_that_does_not_decrypt(fresh, token, monkeypatch):
    """`operator init` makes nothing, and makes it under a good key afterwards."""
    named(monkeypatch, elsewhere.of_hsm(token, "one-way"))
    ran = fresh("operator", "init", "-seal=pkcs11")
    assert (ran.code, ran.out, "may not decrypt" in ran.err) == (2, "", True), ran.err
    assert fresh("operator", "init", "-status").code == 2
    monkeypatch.setenv("BAO_HSM_KEY_LABEL", elsewhere.KEY_LABEL)
    assert fresh("operator", "init", "-seal=pkcs11").code == 0


def test_a_transit_token_that_only_encrypts_is_refused(used, bao, tmp_path, monkeypatch):
    """The right that is missing is named, the state stays as it is, and with that right it goes over."""
    named(monkeypatch, elsewhere.of_transit(bao, tmp_path / "token"))
    bao.ask(Operation.UPDATE, "sys/policies/acl/half", {"policy": POLICY.format("encrypt")})
    made = bao.ask(Operation.UPDATE, "auth/token/create", {"policies": ["half"]})
    elsewhere.put_token(tmp_path / "token", made.auth["client_token"])
    ran = used("operator", "seal-migrate", "-to=transit")
    assert (ran.code, "does not open what it wrapped just now, and nothing was changed" in ran.err) == (2, True)
    assert "it was refused transit/decrypt/vaultctl" in ran.err
    assert is_whole(used)
    both = POLICY.format("encrypt") + POLICY.format("decrypt")
    bao.ask(Operation.UPDATE, "sys/policies/acl/half", {"policy": both})
    assert used("operator", "seal-migrate", "-to=transit").code == 0
    assert used("kv", "get", "-field=key", "w/a").out == "1"


def test_a_transit_server_that_keeps_nothing_is_refused(used, monkeypatch):
    """One that says it encrypted, and gives back something else, gets no root key."""

    def reply(text: str) -> bytes:
        field = {"plaintext": "AAAA"} if "/decrypt/" in text else {"ciphertext": "vault:v1:AAAA"}
        return says(200, json.dumps({"request_id": "r", "data": field}))

    with answering(reply) as server:
        named(monkeypatch, of_server(server.address))
        ran = used("operator", "seal-migrate", "-to=transit")
    assert (ran.code, "what it gave back is something else" in ran.err) == (2, True), ran.err
    assert is_whole(used)


def of_server(address: str) -> dict[str, str]:
    """Name a key of a transit engine at an address."""
    return {
        "BAO_TRANSIT_SEAL_ADDR": address,
        "BAO_TRANSIT_SEAL_KEY_NAME": "vaultctl",
        "BAO_TRANSIT_SEAL_TOKEN": "a-token",
    }


# --- names of keys ---


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("L" * 256, "is longer than 255 bytes"),
        ("ä" * 128, "is longer than 255 bytes"),
        ("a\nb", "cannot be shown"),
        ("a\x1b[1mb", "cannot be shown"),
    ],
)
def test_a_label_that_cannot_be_stored_or_shown_makes_no_key(used, token, monkeypatch, label, message):
    """It is refused before the token is asked for anything, wherever it is said."""
    import pkcs11

    named(monkeypatch, elsewhere.of_hsm(token))
    by_flag = used("operator", "seal-migrate", "-to=pkcs11", f"-key-label={label}", "-generate")
    monkeypatch.setenv("BAO_HSM_KEY_LABEL", label)
    by_setting = used("operator", "seal-migrate", "-to=pkcs11", "-generate")
    for ran in (by_flag, by_setting):
        assert (ran.code, message in ran.err, ran.err.count("\n") < 4) == (1, True, True), ran.err
    settings = token.settings
    with pkcs11.lib(settings.lib).get_token(token_label=settings.token_label).open(user_pin=settings.pin) as session:
        assert len(list(session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY}))) == 3
    assert is_whole(used)


def test_the_longest_label_is_taken(used, token, monkeypatch):
    """255 bytes find room in what the seal wraps."""
    named(monkeypatch, elsewhere.of_hsm(token, "L" * 255))
    assert used("operator", "seal-migrate", "-to=pkcs11", "-generate").code == 0
    assert used("kv", "get", "-field=key", "w/a").out == "1"


@pytest.mark.parametrize(("name", "message"), [("k" * 256, "is longer than"), ("a\nb", "cannot be shown")])
def test_a_name_of_a_transit_key_that_cannot_be_is_refused(used, monkeypatch, name, message):
    """Nobody is asked."""
    with answering(says(500)) as server:
        named(monkeypatch, {**of_server(server.address), "BAO_TRANSIT_SEAL_KEY_NAME": name})
        ran = used("operator", "seal-migrate", "-to=transit")
        assert server.asked == []
    assert (ran.code, "the key_name of the seal" in ran.err, message in ran.err) == (1, True, True), ran.err


# --- a transit key that is not there ---


@pytest.mark.parametrize("makes", [False, True])
def test_a_mistyped_name_of_a_transit_key_makes_no_key(fresh, bao, tmp_path, monkeypatch, makes):
    """It is not taken for a new key, though the token may make one: the command says how one is made."""
    if not makes:
        fresh("secrets", "list")
    named(monkeypatch, {**elsewhere.of_transit(bao, tmp_path / "token"), "BAO_TRANSIT_SEAL_KEY_NAME": "vautlctl"})
    words = ["init", "-seal=transit"] if makes else ["seal-migrate", "-to=transit"]
    ran = fresh("operator", *words)
    assert (ran.code, f"there is no transit key vautlctl at {bao.address}" in ran.err) == (2, True), ran.err
    assert "make it with: bao write -f transit/keys/vautlctl" in ran.err
    assert bao.ask(Operation.LIST, "transit/keys").data == {"keys": ["vaultctl"]}
    bao.ask(Operation.UPDATE, "transit/keys/vautlctl")
    assert fresh("operator", *words).code == 0


def test_a_key_that_may_not_be_looked_at_is_taken_and_that_is_said(used, bao, tmp_path, monkeypatch):
    """With the rights that the seal needs and no more, the command goes on."""
    named(monkeypatch, elsewhere.of_transit(bao, tmp_path / "token"))
    both = POLICY.format("encrypt") + POLICY.format("decrypt")
    bao.ask(Operation.UPDATE, "sys/policies/acl/both", {"policy": both})
    made = bao.ask(Operation.UPDATE, "auth/token/create", {"policies": ["both"]})
    elsewhere.put_token(tmp_path / "token", made.auth["client_token"])
    ran = used("operator", "seal-migrate", "-to=transit")
    assert (ran.code, "whether there is a key transit/keys/vaultctl is not known" in ran.err) == (0, True), ran.err
    assert used("kv", "get", "-field=key", "w/a").out == "1"


# --- what no transit engine answers ---

ODD = {
    "text": {"data": "text"},
    "list": {"data": ["text"]},
    "number": {"data": 5},
    "none": {"data": None},
    "no field": {"data": {}},
    "no text": {"data": {"ciphertext": 5, "plaintext": 5}},
    "no base64": {"data": {"ciphertext": "vault:v1:!!!", "plaintext": "!!!"}},
    "short base64": {"data": {"ciphertext": "vault:v1:AAAAA", "plaintext": "AAAAA"}},
    "empty": {"data": {"ciphertext": "vault:v1:", "plaintext": ""}},
    "other digits": {"data": {"ciphertext": "vault:v²:AAAA", "plaintext": "é☃"}},
    "arabic digits": {"data": {"ciphertext": "vault:v١:AAAA", "plaintext": "\ud83d"}},
    "many digits": {"data": {"ciphertext": f"vault:v{'1' * 5000}:AAAA", "plaintext": "A" * 5000}},
    "no letters": {"data": {"ciphertext": "vault:v1:é☃", "plaintext": "==="}},
    "no version": {"data": {"ciphertext": "vault:", "plaintext": "\n"}},
    "a version of nothing": {"data": {"ciphertext": "vault:v0:AAAA", "plaintext": "AAAA"}},
}


def odd_answer(kind: str) -> bytes:
    """Give the whole answer."""
    return says(200, json.dumps({"request_id": "r", "lease_id": "", **ODD[kind]}))


@pytest.mark.parametrize("kind", ODD)
def test_what_no_transit_engine_answers_to_a_migration_is_said(used, monkeypatch, kind):
    """No traceback, no bug report: where it was asked, and that this is not what was to be answered."""
    with answering(odd_answer(kind)) as server:
        named(monkeypatch, of_server(server.address))
        ran = used("operator", "seal-migrate", "-to=transit")
        address = server.address
    assert (ran.code, "bug in vaultctl" in ran.err) == (2, False), ran.err
    assert f"what answers at {address} for the transit seal's key vaultctl did not give" in ran.err or (
        "does not open what it wrapped just now" in ran.err
    )
    assert is_whole(used)


@pytest.mark.parametrize("kind", ODD)
def test_what_no_transit_engine_answers_to_an_open_state_is_said(used, bao, tmp_path, monkeypatch, kind):
    """A state that is under a real key, with something else in the engine's place: reads and writes say so."""
    real = elsewhere.of_transit(bao, tmp_path / "token")
    named(monkeypatch, real)
    assert used("operator", "seal-migrate", "-to=transit").code == 0
    with answering(odd_answer(kind)) as server:
        monkeypatch.setenv("BAO_TRANSIT_SEAL_ADDR", server.address)
        for words in (["kv", "get", "w/a"], ["kv", "put", "w/a", "key=2"], ["operator", "seal-rotate-key"]):
            ran = used(*words)
            assert (ran.code, "bug in vaultctl" in ran.err) == (2, False), ran.err
            assert "did not give a" in ran.err or "core/seal/root-key does not decrypt" in ran.err
    monkeypatch.setenv("BAO_TRANSIT_SEAL_ADDR", real["BAO_TRANSIT_SEAL_ADDR"])
    assert used("kv", "get", "-field=key", "w/a").out == "1"
