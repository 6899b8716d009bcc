"""The state as one TOML file: for small states that people read."""

import json
import tomllib
from typing import Any

import tomli_w

from vaultctl.storage.header import Header, parse_json
from vaultctl.storage.text_file import TextFile
from vaultctl.storage.text_snapshot import Parts, end_of_name

_ENTRIES = b"\n[entries]\n"
_MAC = b'[integrity]\nmac = "'
_END = b'"\n'
_BETWEEN = b'" = "'

LARGE = 1000
"""Above this many entries another backend serves better."""


class TomlSyntax:
    """The tables `[vaultctl]` (the header), `[entries]` (one a line) and `[integrity]` (the MAC)."""

    kind = "toml"
    large = LARGE

    def split(self, data: bytes) -> Parts:
        """Take a file apart."""
        entries = data.find(_ENTRIES)
        mac = data.rfind(b"\n" + _MAC) + 1
        if entries < 0 or not mac or not data.endswith(_END):
            raise ValueError("not a state")
        begin = entries + len(_ENTRIES)
        tag = data[mac + len(_MAC) : -len(_END)].decode("ascii", "replace")
        return Parts(data[:entries], begin, max(mac, begin), tag)

    def rough_split(self, data: bytes) -> tuple[bytes, list[bytes]]:
        """Take what may be a damaged file apart."""
        head, _, body = data.partition(_ENTRIES)
        return head, [line for line in body.split(b"\n") if not line.startswith((b"[integrity]", b"mac = "))]

    def opening(self, head: bytes) -> bytes:
        """Write all that stands before the first entry."""
        return head + _ENTRIES

    def tail(self, tag: str) -> bytes:
        """Write the MAC."""
        return _MAC + tag.encode() + _END

    def write_head(self, header: Header) -> bytes:
        """Write the header."""
        return tomli_w.dumps({"vaultctl": header.to_record()}).encode()

    def read_head(self, head: bytes) -> Any:
        """Read the header's record."""
        try:
            return tomllib.loads(head.decode()).get("vaultctl")
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def entry(self, name: str, text: str) -> bytes:
        """Write one entry's line. TOML's basic strings take JSON's escapes, and want DEL escaped too."""
        quoted = json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
        return f'{quoted} = "{text}"\n'.encode()

    def name_of(self, line: bytes) -> str:
        """Read the name in an entry's line."""
        end = end_of_name(line, _BETWEEN)
        return str(parse_json(line[: end + 1]))

    def text_of(self, line: bytes) -> bytes:
        """Read the value in an entry's line."""
        begin = end_of_name(line, _BETWEEN) + len(_BETWEEN)
        if not line.endswith(b'"', begin):
            raise ValueError("not an entry")
        return line[begin:-1]


def toml_file(path: str, **options: Any) -> TextFile:
    """Keep the state in a TOML file; the options are those of `TextFile`."""
    return TextFile(path, TomlSyntax(), **options)
