"""The pkcs11 seal: an AES key that stays in a hardware security module.

What it wraps is encrypted by the module, with AES-GCM. The library that speaks to the module is a program, and the PIN
opens it: both come from whoever runs vaultctl, never from the state. Source: OpenBao's pkcs11 seal, for what is set.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from vaultctl.crypto.aead import NONCE_B, TAG_B
from vaultctl.crypto.barrier import damaged
from vaultctl.crypto.seals.blob import body_of, head_of
from vaultctl.logical.errors import SealKeyError, SealKeyGone, SealUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pkcs11

    from vaultctl.crypto.aead import Random

    Key = Any
    """A secret key; its class gets encrypt and decrypt only once the token says that the key may."""

_Result = TypeVar("_Result")
_KEY_BITS = 256
_TAG_BITS = 8 * TAG_B
_MISSING = "operator seal-migrate and operator seal-rotate-key have the token make a new key with -generate"
_BACK = "once it is back, ask again: nothing was changed"


class HsmSettings(NamedTuple):
    """Which token of which library. One of token label, slot and serial is enough; what is given must all match."""

    lib: str
    pin: str
    token_label: str = ""
    slot: str = ""
    serial: str = ""

    def __repr__(self) -> str:
        """Show where the token is, never its PIN."""
        return f"HsmSettings({self.lib}, {self.shown})"

    @property
    def shown(self) -> str:
        """Give what the token is called by."""
        return self.token_label or self.serial or self.slot


class Hsm:
    """One token, logged in to when it is first needed. A session takes one operation at a time."""

    def __init__(self, settings: HsmSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._session: pkcs11.Session | None = None
        self._keys: dict[str, Key] = {}

    @property
    def shown(self) -> str:
        """Give what the token is called by."""
        return self._settings.shown

    def encrypt(self, label: str, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
        """Encrypt with a key of the token; the tag stands behind. Raises: SealUnavailable, SealKeyError."""
        with self._lock:
            return self._twice(lambda: _encrypted(self._key_that(label, "encrypt"), nonce, plain, bound))

    def decrypt(self, label: str, nonce: bytes, body: bytes, bound: bytes) -> bytes | None:
        """Decrypt; give None where the bytes, or what they are bound to, changed.

        Modules have no one error for that: it is told from a module that is gone by asking for something else.
        Raises: SealUnavailable, SealKeyError.
        """

        def decrypted() -> bytes | None:
            key = self._key_that(label, "decrypt")
            try:
                return bytes(key.decrypt(body, **_gcm(nonce, bound)))
            except _errors():
                self._ask_else(key, nonce, bound)
                return None

        with self._lock:
            return self._twice(decrypted)

    def generate(self, label: str) -> None:
        """Make a key that never leaves the token. Raises: SealUnavailable, SealKeyError where one has that label."""
        from pkcs11 import Attribute, KeyType

        def made() -> None:
            with self._open(writing=True) as session:
                if list(session.get_objects({Attribute.LABEL: label})):
                    raise SealKeyError(f"the token {self._settings.shown} has a key {label} already")
                stays = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
                session.generate_key(KeyType.AES, _KEY_BITS, label=label, store=True, template=stays)

        with self._lock:
            self._drop()
            self._twice(made)
            self._drop()

    def close(self) -> None:
        """Log out."""
        with self._lock:
            self._drop()

    def _twice(self, use: Callable[[], _Result]) -> _Result:
        """Use the token; where it fails, begin anew with the library, once. Raises: SealUnavailable."""
        library = _library(self._settings.lib)
        errors = _errors()
        try:
            return use()
        except errors:
            self._drop()
        try:
            library.reinitialize()
            return use()
        except errors as error:
            self._drop()
            raise _unavailable(self._settings, error) from None

    def _ask_else(self, key: Key, nonce: bytes, bound: bytes) -> None:
        """Have the token do something else with a key. Raises: PKCS11Error, of the library, where it is gone."""
        from pkcs11 import Attribute

        if hasattr(key, "encrypt"):
            _encrypted(key, nonce, b"", bound)
        else:
            key[Attribute.KEY_TYPE]

    def _key_that(self, label: str, verb: str) -> Key:
        """Give a key that may encrypt, or decrypt. Raises: SealKeyError, PKCS11Error of the library."""
        key = self._key(label)
        if not hasattr(key, verb):
            raise SealKeyError(
                f"the key {label} of the token {self._settings.shown} may not {verb}: CKA_{verb.upper()} is not set",
                hint="take another key of the token; " + _MISSING,
            )
        return key

    def _key(self, label: str) -> Key:
        if label not in self._keys:
            from pkcs11 import KeyType, MultipleObjectsReturned, NoSuchKey, ObjectClass

            if self._session is None:
                self._session = self._open()
            shown = f"the token {self._settings.shown} has"
            try:
                self._keys[label] = self._session.get_key(ObjectClass.SECRET_KEY, KeyType.AES, label=label)
            except NoSuchKey:
                raise SealKeyGone(f"{shown} no AES key with the label {label}", hint=_MISSING) from None
            except MultipleObjectsReturned:
                raise SealKeyError(f"{shown} several AES keys with the label {label}") from None
        return self._keys[label]

    def _open(self, *, writing: bool = False) -> pkcs11.Session:
        """Log in. Raises: SealKeyError where the token does not want this PIN, SealUnavailable."""
        from pkcs11 import PinIncorrect, PinLocked, UserAlreadyLoggedIn

        token = self._token()
        try:
            return token.open(user_pin=self._settings.pin, rw=writing)
        except UserAlreadyLoggedIn:  # one login is good for the whole process
            return token.open(rw=writing)
        except (PinIncorrect, PinLocked) as error:
            raise SealKeyError(
                f"the token {self._settings.shown} refused the PIN: {type(error).__name__}",
                hint="a token locks itself after some wrong ones; see BAO_HSM_PIN, or pin in the config file",
            ) from None

    def _token(self) -> pkcs11.Token:
        """Find the token. Raises: NoSuchToken, of the library, which sees new tokens only when it begins anew."""
        from pkcs11 import NoSuchToken

        for slot in _library(self._settings.lib).get_slots(token_present=True):
            token: pkcs11.Token = slot.get_token()
            if _is_wanted(self._settings, slot.slot_id, token):
                return token
        raise NoSuchToken(f"{self._settings.lib} has none of that label, slot or serial")

    def _drop(self) -> None:
        session, self._session = self._session, None
        self._keys.clear()
        if session is not None:
            try:
                session.close()
            except _errors():
                pass  # it is gone already


class Pkcs11Seal:
    """One key of a token; its label is its id."""

    kind = "pkcs11"
    is_auto = True

    def __init__(self, hsm: Hsm, key_label: str, random: Random) -> None:
        self.hsm = hsm
        self.key_id = key_label
        self._random = random

    def __repr__(self) -> str:
        """Show the key's label."""
        return f"Pkcs11Seal({self.key_id})"

    def describe(self) -> Mapping[str, Any]:
        """Give what the header says of this seal."""
        return {"type": self.kind, "key_id": self.key_id}

    def wrap(self, name: str, plain: bytes, /) -> bytes:
        """Encrypt, bound to the name and the key's id. Raises: SealUnavailable, SealKeyError."""
        head, nonce = head_of(self.key_id), self._random(NONCE_B)
        return head + nonce + self.hsm.encrypt(self.key_id, nonce, plain, head + name.encode())

    def unwrap(self, name: str, blob: bytes, /) -> bytes:
        """Decrypt. Raises: IntegrityError, SealUnavailable, SealKeyError."""
        head, body = body_of(name, blob, self.key_id)
        if len(body) < NONCE_B + TAG_B:
            raise damaged(name)
        plain = self.hsm.decrypt(self.key_id, body[:NONCE_B], body[NONCE_B:], head + name.encode())
        if plain is None:
            raise damaged(name)
        return plain


def _encrypted(key: Key, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
    return bytes(key.encrypt(plain, **_gcm(nonce, bound)))


def _gcm(nonce: bytes, bound: bytes) -> dict[str, Any]:
    from pkcs11 import GCMParams, Mechanism

    return {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, bound, _TAG_BITS)}


def _is_wanted(wanted: HsmSettings, slot_id: int, token: pkcs11.Token) -> bool:
    serial = token.serial.decode("utf-8", "replace").strip()
    return (
        wanted.token_label in ("", token.label)
        and wanted.serial in ("", serial)
        and wanted.slot.lower() in ("", str(slot_id), hex(slot_id))
    )


def _library(path: str) -> Any:
    """Load the library. Raises: SealKeyError."""
    try:
        import pkcs11
    except ImportError:
        raise SealKeyError(
            "the pkcs11 seal needs the package python-pkcs11",
            hint="install it: pip install 'vaultctl-cli[pkcs11]'",
        ) from None
    try:
        return pkcs11.lib(path)
    except pkcs11.PKCS11Error as error:
        raise SealUnavailable(f"cannot load the PKCS #11 library {path}: {_said(error)}") from None


def _errors() -> type[Exception]:
    """Give what the library raises."""
    from pkcs11 import PKCS11Error

    return PKCS11Error


def _unavailable(settings: HsmSettings, error: Exception) -> SealUnavailable:
    return SealUnavailable(f"the token {settings.shown} does not answer: {_said(error)}", hint=_BACK)


def _said(error: Exception) -> str:
    """Give what the library says, or the name of its error where it says nothing."""
    return str(error) or type(error).__name__
