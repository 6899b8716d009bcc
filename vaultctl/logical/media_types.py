"""Media types, read as Go's `mime` reads them: what follows the type must be right, or nothing of it counts."""

import re

from vaultctl.logical.errors import InvalidRequest

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"({_WORD})?(?:(/)({_WORD})?)?")
_PARAMETER = re.compile(rf';[ \t]*({_WORD})[ \t]*=[ \t]*(?:{_WORD}|"(?:[^"\\]|\\.)*")[ \t]*')


def read(text: str) -> str:
    """Give the type without its parameters, in lower case. Raises: InvalidRequest, in Go's words."""
    full, semicolon, rest = text.partition(";")
    full = full.strip()
    _check_type(full)
    names: set[str] = set()
    rest = semicolon + rest  # a last semicolon is forgiven
    while rest.strip() not in ("", ";"):
        found = _PARAMETER.match(rest)
        if not found:
            raise InvalidRequest("mime: invalid media parameter")
        if found[1].lower() in names:
            raise InvalidRequest("mime: duplicate parameter name")
        names.add(found[1].lower())
        rest = rest[found.end() :]
    return full.lower()


def _check_type(full: str) -> None:
    found = _TYPE.match(full)
    if not found or not found[1]:
        raise InvalidRequest("mime: no media type")
    if not found[2] and found.end() < len(full):
        raise InvalidRequest("mime: expected slash after first token")
    if found[2] and not found[3]:
        raise InvalidRequest("mime: expected token after slash")
    if found.end() < len(full):
        raise InvalidRequest("mime: unexpected content after media subtype")
