"""The transit seal: a key of another Vault's transit engine, which never gives it away.

What it wraps is encrypted over there, bound to its name by that engine's associated data. Which Vault, and the token
for it, come from whoever runs vaultctl, never from the state. Source: OpenBao's transit seal, for what is set.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.crypto.seals.blob import KEY_ID_MAX_B, body_of, head_of
from vaultctl.logical.errors import IntegrityError, InvalidRequest, SealKeyError, SealUnavailable, VaultError
from vaultctl.logical.json_text import base64_text
from vaultctl.logical.request import Operation, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.logical.door import Door

_RIGHTS = "the token of the seal needs update on {mount}encrypt/{key} and {mount}decrypt/{key}; it was refused {path}"


_IS_IT = "is a transit engine mounted at {mount} there, and does nothing in between change what it answers?"
_VERSION = re.compile(r"vault:v([1-9][0-9]{0,8}):")
NAME_MAX_B = KEY_ID_MAX_B - len(":v123456789")
"""So long may a key's name be, that its id finds room in what it wraps."""


class TransitKey(NamedTuple):
    """A key of a transit engine behind a door; `find_token` gives the token for it. `address` is for messages."""

    door: Door
    find_token: Callable[[], str]
    mount: str
    name: str
    namespace: str = ""
    address: str = ""

    def __repr__(self) -> str:
        """Show where the key is."""
        return f"TransitKey({self.mount}{self.name})"

    def close(self) -> None:
        """End the connections to that Vault."""
        close = getattr(self.door, "close", None)
        if close is not None:
            close()

    def ask(self, verb: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask the engine. Raises: InvalidRequest where it refuses what it was given, SealUnavailable."""
        where = f"the transit seal's key {self.mount}keys/{self.name}"
        path = f"{self.mount}{verb}/{self.name}" if verb != "rotate" else f"{self.mount}keys/{self.name}/rotate"
        request = Request(Operation.UPDATE, path, namespace=self.namespace, data=data, token=self.find_token())
        try:
            data_of: object = self.door.handle(request).data or {}
        except InvalidRequest:
            raise
        except VaultError as error:
            hint = _RIGHTS.format(mount=self.mount, key=self.name, path=path) if error.status == 403 else error.hint
            raise SealUnavailable(f"{where} cannot be used: {'; '.join(error.errors)}", hint=hint) from None
        if not isinstance(data_of, dict):
            raise self.odd("an answer with data")
        return data_of

    def text(self, verb: str, data: Mapping[str, Any], field: str) -> str:
        """Ask the engine, and give one text of its answer. Raises: InvalidRequest, SealUnavailable."""
        found = self.ask(verb, data).get(field)
        if not isinstance(found, str):
            raise self.odd(f"a {field}")
        return found

    def odd(self, wanted: str) -> SealUnavailable:
        """Say that an answer is not one of a transit engine."""
        return SealUnavailable(
            f"what answers at {self.address or self.mount} for the transit seal's key {self.name} did not give {wanted}"
            " as a transit engine does",
            hint=_IS_IT.format(mount=self.mount),
        )

    def is_there(self) -> bool | None:
        """Tell whether there is such a key; None where the token may not look. Raises: SealUnavailable."""
        path = f"{self.mount}keys/{self.name}"
        try:
            self.door.handle(Request(Operation.READ, path, namespace=self.namespace, token=self.find_token()))
        except VaultError as error:
            if error.status in (403, 404):
                return None if error.status == 403 else False
            raise SealUnavailable(
                f"the transit seal's key {path} cannot be looked at: {'; '.join(error.errors)}", hint=error.hint
            ) from None
        return True

    def newest(self) -> int:
        """Give the key's newest version. Raises: SealUnavailable, SealKeyError."""
        try:
            ciphertext = self.text("encrypt", {"plaintext": base64_text(b"vaultctl")}, "ciphertext")
        except InvalidRequest as error:
            raise _cannot_encrypt(error) from None
        found = _VERSION.match(ciphertext)
        if not found:
            raise self.odd("a ciphertext")
        return int(found[1])

    def rotate(self) -> int:
        """Make a new version, and give its number. Raises: SealUnavailable, SealKeyError."""
        try:
            self.ask("rotate", {})
        except InvalidRequest as error:
            raise SealKeyError(f"the transit seal's key does not rotate: {'; '.join(error.errors)}") from None
        return self.newest()


class TransitSeal:
    """One version of one key; whatever came after it over there, this is the one that wraps."""

    kind = "transit"
    is_auto = True

    def __init__(self, key: TransitKey, version: int) -> None:
        self.key = key
        self._version = version
        self.key_id = key_id(key.name, version)
        self._prefix = f"vault:v{version}:"

    def __repr__(self) -> str:
        """Show the key's id."""
        return f"TransitSeal({self.key_id})"

    def describe(self) -> Mapping[str, Any]:
        """Give what the header says of this seal."""
        return {"type": self.kind, "key_id": self.key_id}

    def wrap(self, name: str, plain: bytes, /) -> bytes:
        """Encrypt, bound to the name and the key's id. Raises: SealUnavailable, SealKeyError."""
        head = head_of(self.key_id)
        bound = base64_text(head + name.encode())
        given = {"plaintext": base64_text(plain), "associated_data": bound, "key_version": self._version}
        try:
            wrapped = self.key.text("encrypt", given, "ciphertext")
        except InvalidRequest as error:
            raise _cannot_encrypt(error) from None
        if not wrapped.startswith(self._prefix):
            raise SealUnavailable(f"the transit seal did not encrypt with version {self._version} of its key")
        body = _bytes(wrapped.removeprefix(self._prefix))
        if not body:
            raise self.key.odd("a ciphertext")
        return head + body

    def unwrap(self, name: str, blob: bytes, /) -> bytes:
        """Decrypt. Raises: IntegrityError, SealUnavailable."""
        head, body = body_of(name, blob, self.key_id)
        # Kept as bytes: base64 has several spellings of the same, and a changed byte must not be one of them.
        ciphertext = self._prefix + base64_text(body)
        given = {"ciphertext": ciphertext, "associated_data": base64_text(head + name.encode())}
        try:
            plain = _bytes(self.key.text("decrypt", given, "plaintext"))
        except InvalidRequest as error:
            raise IntegrityError(
                f"the transit seal does not decrypt the entry {name}: {'; '.join(error.errors)}",
                hint="either the entry was changed, or its version of the key is no more in use over there",
            ) from None
        if plain is None:
            raise self.key.odd("a plaintext")
        return plain


def key_id(name: str, version: int) -> str:
    """Give the id of a version of a key."""
    return f"{name}:v{version}"


def version_of(id_: str) -> int:
    """Give the version that an id names. Raises: SealKeyError."""
    found = _VERSION.fullmatch(f"vault:{id_.rpartition(':')[2]}:")
    if not found:
        raise SealKeyError(f"the state names the transit key {id_!r}, which has no version")
    return int(found[1])


def _cannot_encrypt(error: VaultError) -> SealKeyError:
    return SealKeyError(f"the transit seal cannot encrypt: {'; '.join(error.errors)}")


def _bytes(text: str) -> bytes | None:
    """Read base64, or give None where it is none."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
