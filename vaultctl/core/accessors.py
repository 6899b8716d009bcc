"""Accessors: what a token is named by where the token itself is not to be shown.

An accessor is the first half of the token's salted hash, encrypted under a key that comes of the salt. So no index is
needed to find the token by it, and yet nobody can tell it from the names in a state or from a lease's id, where the
hash stands in clear. Of the token it tells nothing, for the hash does not; only a token whose text somebody chose, and
that is made again, has the accessor that it had before.
"""

from vaultctl.core import tokens
from vaultctl.core.letters import LETTER_OF, LETTERS
from vaultctl.core.mounts import suffix_of
from vaultctl.core.tokens import BY_ID, Token
from vaultctl.crypto.aead import BLOCK_B, Blocks, derive
from vaultctl.logical.storage import Reading

_BASE = len(LETTERS)
_TOPS = 256 // _BASE + 1
"""A byte is a letter and one of so many tops. The tops of two bytes, eight bytes apart, are one letter more."""

_LENGTH = BLOCK_B + BLOCK_B // 2
"""24, as OpenBao's accessors have before what names the namespace."""

_TOP_OF = bytes(byte // _BASE for byte in range(256))
_VALUE_OF = bytes(LETTERS.find(byte) % 256 for byte in range(256))
_NO_LETTER = 255


def accessor_of(storage: Reading, id_hash: str, namespace: str) -> str:
    """Give the accessor of the token with a hash, which ends in the name of its namespace."""
    return _accessors(storage).of(id_hash) + suffix_of(namespace)


def find(storage: Reading, accessor: str, now_s: float) -> Token | None:
    """Look a token up by its accessor, in whatever namespace; one that has expired counts as absent."""
    begin = _accessors(storage).begin_of(accessor)
    names = storage.list(BY_ID, after=begin, limit=1) if begin else ()
    found = tokens.load(storage, names[0]) if names else None
    return found if found and found.accessor == accessor and tokens.is_alive(storage, found, now_s) else None


class Accessors:
    """The accessors of one state."""

    def __init__(self, salt: bytes) -> None:
        """Take what the tokens are hashed with."""
        self._blocks = Blocks(derive(salt, "vaultctl accessors"))

    def __repr__(self) -> str:
        """Show nothing."""
        return "Accessors()"

    def of(self, id_hash: str) -> str:
        """Give the accessor of the token with a hash, in hexadecimal digits: 24 letters and digits."""
        block = self._blocks.encrypt(bytes.fromhex(id_hash[: 2 * BLOCK_B]))
        tops = block.translate(_TOP_OF)
        half = BLOCK_B // 2  # no byte of the sum overflows into the next one
        pairs = int.from_bytes(tops[:half], "big") * _TOPS + int.from_bytes(tops[half:], "big")
        return (block + pairs.to_bytes(half, "big")).translate(LETTER_OF).decode()

    def begin_of(self, accessor: str) -> str:
        """Give what the hash begins with of the token that alone can have the accessor, or "" where there is none."""
        values = accessor.partition(".")[0].encode("utf-8", "surrogatepass").translate(_VALUE_OF)
        if len(values) != _LENGTH or _NO_LETTER in values:
            return ""
        pairs = values[BLOCK_B:]
        tops = [pair // _TOPS for pair in pairs] + [pair % _TOPS for pair in pairs]
        each = [top * _BASE + letter for top, letter in zip(tops, values[:BLOCK_B], strict=True)]
        return "" if max(each) >= 256 else self._blocks.decrypt(bytes(each)).hex()


def _accessors(storage: Reading) -> Accessors:
    return tokens.salted(storage, Accessors, "accessors")
