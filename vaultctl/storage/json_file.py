"""The default backend: the state as one JSON file. The whole file is valid JSON, and so is each entry's line."""

import json
from typing import Any

from vaultctl.storage.header import Header, parse_json
from vaultctl.storage.text_file import TextFile
from vaultctl.storage.text_snapshot import Parts, end_of_name

_HEAD = b'{"vaultctl":'
_MAC = b'"mac":"'
_END = b'"}\n'
_BETWEEN = b'":"'

LARGE = 20_000
"""Above this many entries a write takes a tenth of a second, for it writes the whole file."""


class JsonSyntax:
    """Line one opens the object with the header; each entry is a line; the last line is the MAC.

    The names `vaultctl` and `mac` cannot clash with entries, whose names all hold a slash.
    """

    kind = "json"
    large = LARGE

    def split(self, data: bytes) -> Parts:
        """Take a file apart."""
        mac = data.rfind(b"\n" + _MAC) + 1
        if not data.startswith(_HEAD) or not mac or not data.endswith(_END):
            raise ValueError("not a state")
        begin = data.index(b"\n") + 1
        return Parts(data[: begin - 1], begin, mac, data[mac + len(_MAC) : -len(_END)].decode("ascii", "replace"))

    def rough_split(self, data: bytes) -> tuple[bytes, list[bytes]]:
        """Take what may be a damaged file apart."""
        head, *lines = data.split(b"\n")
        return head, lines

    def opening(self, head: bytes) -> bytes:
        """Write all that stands before the first entry."""
        return head + b"\n"

    def tail(self, tag: str) -> bytes:
        """Write the MAC."""
        return _MAC + tag.encode() + _END

    def write_head(self, header: Header) -> bytes:
        """Write the header."""
        return _HEAD + json.dumps(header.to_record(), separators=(",", ":")).encode() + b","

    def read_head(self, head: bytes) -> Any:
        """Read the header's record."""
        if not head.endswith(b"},"):
            raise ValueError("no header")
        return parse_json(head[len(_HEAD) : -1])

    def entry(self, name: str, text: str) -> bytes:
        """Write one entry's line."""
        return json.dumps(name, ensure_ascii=False).encode() + b':"' + text.encode() + b'",\n'

    def name_of(self, line: bytes) -> str:
        """Read the name in an entry's line; only a name with an escape in it needs a parser."""
        end = end_of_name(line, _BETWEEN)
        name = line[1:end]
        return str(parse_json(line[: end + 1])) if b"\\" in name else name.decode()

    def text_of(self, line: bytes) -> bytes:
        """Read the value in an entry's line."""
        begin = end_of_name(line, _BETWEEN) + len(_BETWEEN)
        if not line.endswith(b'",', begin):
            raise ValueError("not an entry")
        return line[begin:-2]


def json_file(path: str, **options: Any) -> TextFile:
    """Keep the state in a JSON file; the options are those of `TextFile`."""
    return TextFile(path, JsonSyntax(), **options)
