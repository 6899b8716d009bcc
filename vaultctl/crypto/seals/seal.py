"""What every seal offers."""

from collections.abc import Mapping
from typing import Any, Protocol


class Seal(Protocol):
    """A keeper of the root key."""

    @property
    def kind(self) -> str:
        """Its type, as `status` shows it."""
        ...

    @property
    def is_auto(self) -> bool:
        """Tell whether it opens without people; only then it wraps entries other than keys."""
        ...

    @property
    def key_id(self) -> str:
        """The key that wraps now."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Give what the state's header says of the seal: no secret."""
        ...

    def wrap(self, name: str, plain: bytes, /) -> bytes:
        """Encrypt, bound to the entry's name and the key's id."""
        ...

    def unwrap(self, name: str, blob: bytes, /) -> bytes:
        """Decrypt. Raises: IntegrityError where the bytes changed, or another key wrapped them."""
        ...
