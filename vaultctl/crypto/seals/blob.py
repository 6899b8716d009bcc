"""What a seal wrapped, as it lies in the state: kind, key id, and what is the seal's own. See docs/state-format.md."""

from vaultctl.crypto.barrier import SEALED, damaged
from vaultctl.logical.errors import SealKeyError

KEY_ID_MAX_B = 255


def head_of(key_id: str) -> bytes:
    """Give what a blob of this key begins with. Raises: SealKeyError where the id finds no room in it."""
    spelt = key_id.encode()
    if len(spelt) > KEY_ID_MAX_B:
        raise SealKeyError(f"the id of a seal's key has at most {KEY_ID_MAX_B} bytes, and {key_id[:40]!r}… has more")
    return bytes([SEALED, len(spelt)]) + spelt


def body_of(name: str, blob: bytes, key_id: str) -> tuple[bytes, bytes]:
    """Give the head and what is behind it. Raises: IntegrityError where another key wrapped it."""
    head = head_of(key_id)
    if blob[: len(head)] != head:
        raise damaged(name)
    return head, blob[len(head) :]


def key_id_of(blob: bytes) -> str:
    """Give the id of the key that wrapped this, or "" where no seal did."""
    if blob[:1] != bytes([SEALED]) or len(blob) < 2 or len(blob) < 2 + blob[1]:
        return ""
    return blob[2 : 2 + blob[1]].decode("utf-8", "replace")
