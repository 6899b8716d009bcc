"""How one device writes values: strings as HMACs under its own salt, all else as it is. Pure.

A value and its HMAC go together on one device for ever, so that what is suspected can be looked for; two devices have
nothing in common. Source: OpenBao 2.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.crypto.aead import hmac_sha256

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vaultctl.core.audit.options import Form

HASHED = "hmac-sha256:"


class Ink:
    """What a device does with secrets, accessors and data."""

    def __init__(self, salt: bytes, form: Form) -> None:
        self._salt = salt
        self._form = form

    def hashed(self, text: str) -> str:
        """Give a text's HMAC."""
        return HASHED + hmac_sha256(self._salt, text.encode("utf-8", "surrogatepass")).hex()

    def secret(self, text: str) -> str:
        """Write a token; none at all stays none."""
        return text if self._form.is_raw or not text else self.hashed(text)

    def accessor(self, text: str) -> str:
        """Write an accessor."""
        return self.secret(text) if self._form.hashes_accessors else text

    def data(self, value: Any, plain: Collection[str] = ()) -> Any:
        """Write data. Strings directly below a key that is `plain`, and those of a list below it, stay as they are."""
        return value if self._form.is_raw else self._data(value, plain, is_plain=False)

    def listing(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give a listing's data, of which only the numbers count where the device elides it."""
        if not self._form.elides_lists:
            return data
        return {
            name: len(value)
            if (name == "keys" and isinstance(value, list | tuple)) or (name == "key_info" and isinstance(value, dict))
            else value
            for name, value in data.items()
        }

    def _data(self, value: Any, plain: Collection[str], *, is_plain: bool) -> Any:
        if isinstance(value, str):
            return value if is_plain else self.hashed(value)
        if isinstance(value, list | tuple):
            return [self._data(item, plain, is_plain=is_plain) for item in value]
        if hasattr(value, "items"):
            return {key: self._data(item, plain, is_plain=key in plain) for key, item in value.items()}
        return value
