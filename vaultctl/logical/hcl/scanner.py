"""Words of HCL 1, and of its JSON form: kinds, texts, and where each stands.

Source: OpenBao 2.7, for what it takes, what it says of the rest, and where it says that it found it. An error does not
end the scan; whoever parses reports the last one. Positions count characters; what is read behind the end counts on.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

_PUNCTUATION = {
    "[": "LBRACK",
    "]": "RBRACK",
    "{": "LBRACE",
    "}": "RBRACE",
    ",": "COMMA",
}
_ONLY_HCL = {"=": "ASSIGN", "+": "ADD"}
_ONLY_JSON = {":": "COLON"}
_BLANK = frozenset(" \t\n\r")
_DECIMAL = frozenset("0123456789")
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_OCTAL = frozenset("01234567")
_EXPONENT = frozenset("eE")
_ESCAPES = frozenset('abfnrtv\\"')
_DIGITS_OF = {"x": 2, "u": 4, "U": 8}
_RESERVED = "\ue123"


class Token(NamedTuple):
    """One word: `text` as it was written, quotes and all. Lines and columns count from 1, the offset from 0."""

    kind: str
    text: str
    line: int
    column: int
    offset: int
    json: bool = False

    @property
    def at(self) -> str:
        """Say where it stands."""
        return f"{self.line}:{self.column}"


class Scanner:
    """Gives the words of a text, one after the other, and at the end EOF without end."""

    def __init__(self, text: str, *, json: bool = False) -> None:
        self.error = ""
        """What was wrong last, and where; empty for nothing."""

        self._text = text
        self._json = json
        self._next_index = 0
        self._last = 0
        """The index of the character that was read last; behind the end, one more for each attempt to read."""

        self._past = 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._marks = {**_PUNCTUATION, **(_ONLY_JSON if json else _ONLY_HCL)}

    def scan(self) -> Token:
        """Give the next word."""
        char = self._read()
        while char in _BLANK:
            char = self._read()
        start = self._last
        line, column = self._place(start)
        kind = self._rest_of(char)
        text = self._text[start : self._next_index]
        if kind == "IDENT" and text in ("true", "false"):
            kind = "BOOL"
        if self._json and kind == "IDENT":
            if text != "null":
                self._fail("illegal char")
            kind = "NULL" if text == "null" else "ILLEGAL"
        return Token(kind, text, line, column, start, self._json)

    def _rest_of(self, char: str) -> str:
        """Read on to the end of a word, and give its kind."""
        if not char:
            return "EOF"
        if _is_letter(char):
            self._identifier()
            return "IDENT"
        if char in _DECIMAL:
            return self._number(char)
        if char in self._marks:
            return self._marks[char]
        if char == '"':
            self._string()
            return "STRING"
        if char == ".":
            return self._period()
        if char == "-" and (self._peek() in _DECIMAL or not self._json):
            return self._number(self._read()) if self._peek() in _DECIMAL else "SUB"
        if not self._json and char in "#/":
            self._comment(char)
            return "COMMENT"
        if not self._json and char == "<":
            self._heredoc()
            return "HEREDOC"
        self._fail("illegal char: " + char if self._json and char not in "-" else "illegal char")
        return "ILLEGAL"

    def _read(self) -> str:
        """Take the next character; what cannot be taken, and the end, is the empty text."""
        if self._next_index >= len(self._text):
            self._last = len(self._text) + self._past
            self._past += 1
            return ""
        self._last = self._next_index
        self._next_index += 1
        char = self._text[self._last]
        if char == "\0":
            self._fail("unexpected null character (0x00)")
            return ""
        if char == _RESERVED:
            self._fail("unicode code point U+E123 reserved for internal use")
        elif "\ud800" <= char <= "\udfff":
            self._fail("illegal UTF-8 encoding")
        return char

    def _back(self, char: str) -> None:
        """Give a character back that was read; the end is not given back."""
        if char:
            self._next_index -= 1
            self._last -= 1

    def _peek(self) -> str:
        return self._text[self._next_index : self._next_index + 1]

    def _place(self, index: int) -> tuple[int, int]:
        line = bisect_right(self._lines, index)
        return line, index - self._lines[line - 1] + 1

    def _fail(self, problem: str) -> None:
        line, column = self._place(self._last)
        self.error = f"{'' if self._json else 'At '}{line}:{column}: {problem}"

    def _identifier(self) -> None:
        char = self._read()
        while _is_letter(char) or _is_digit(char) or char == "-" or (char == "." and not self._json):
            char = self._read()
        self._back(char)

    def _digits(self) -> str:
        """Read decimal digits, and give what stands behind them."""
        if self._peek() not in _DECIMAL:
            return self._peek()
        char = self._read()
        while char in _DECIMAL:
            char = self._read()
        self._back(char)
        return char

    def _number(self, char: str) -> str:
        if char == "0" and not self._json:
            return self._number_from_zero()
        start, past = self._last, self._past
        while char in _DECIMAL:
            char = self._read()
        self._back(char)
        kind = self._number_from(self._read())
        went_on = self._next_index != start + 1 or self._past != past  # the end of the text counts as more
        if kind == "NUMBER" and self._json and self._text[start] == "0" and went_on:
            self._fail("numbers cannot start with 0")
        return kind

    def _number_from_zero(self) -> str:
        char = self._read()
        if char in ("x", "X"):
            char = self._read()
            if char not in _HEXADECIMAL:
                self._fail("illegal hexadecimal number")
            while char in _HEXADECIMAL:
                char = self._read()
            self._back(char)
            return "NUMBER"
        no_octal = False
        while char in _DECIMAL:
            char = self._read()
            no_octal = no_octal or char in ("8", "9")
        if no_octal and char not in _EXPONENT and char != ".":
            self._fail("illegal octal number")
        return self._number_from(char)

    def _number_from(self, char: str) -> str:
        """Read what may follow a number's first digits."""
        if char == ".":
            char = self._digits()
            if char in _EXPONENT:
                self._read()
                self._exponent()
            return "FLOAT"
        if char in _EXPONENT:
            self._exponent()
            return "FLOAT"
        self._back(char)
        return "NUMBER"

    def _exponent(self) -> None:
        char = self._read()
        if char in ("-", "+"):
            char = self._read()
        if char in _DECIMAL:
            while char in _DECIMAL:
                char = self._read()
            self._back(char)

    def _period(self) -> str:
        if self._peek() not in _DECIMAL:
            return "PERIOD"
        if self._digits() in _EXPONENT:
            self._read()  # and no further: the exponent's digits are a word of their own
        return "FLOAT"

    def _string(self) -> None:
        """Read to the closing quote; what stands in `${…}` may hold quotes in HCL."""
        braces = 0
        while True:
            char = self._read()
            if not char or (char == "\n" and (braces == 0 or self._json)):
                self._fail("literal not terminated")
                return
            if char == '"' and (braces == 0 or self._json):
                return
            if braces == 0 and char == "$" and self._peek() == "{":
                braces = 1
                self._read()
            elif braces and char in "{}":
                braces += 1 if char == "{" else -1
            if char == "\\":
                self._escape()

    def _escape(self) -> None:
        char = self._read()
        if char in _ESCAPES:
            return
        if char in _OCTAL:
            self._escape_digits(char, _OCTAL, 3)
        elif char in _DIGITS_OF:
            self._escape_digits(self._read(), _HEXADECIMAL, _DIGITS_OF[char])
        else:
            self._fail("illegal char escape")

    def _escape_digits(self, char: str, digits: frozenset[str], wanted: int) -> None:
        found = 0
        while found < wanted and char in digits:
            char = self._read()
            if not char:
                break
            found += 1
        if found < wanted:
            self._fail("illegal char escape")
        if found or self._json:
            self._back(char)

    def _comment(self, char: str) -> None:
        if char == "/" and self._peek() != "*":
            if self._peek() != "/":
                self._fail("expected '/' for comment")
                return
            char = "#"
        if char == "#":
            while char and char != "\n":
                char = self._read()
            self._back(char)
            return
        self._read()
        before, char = "", self._read()
        while char and not (before == "*" and char == "/"):
            before, char = char, self._read()
        if not char:
            self._fail("comment not terminated")

    def _heredoc(self) -> None:
        if self._read() != "<":
            self._fail("heredoc expected second '<', didn't see it")
            return
        start = self._next_index
        char = self._read()
        if char == "-":
            char = self._read()
        while _is_letter(char) or _is_digit(char):
            char = self._read()
        if not char:
            self._fail("heredoc not terminated")
            return
        if char != "\n":
            self._fail("invalid characters in heredoc anchor")
            return
        anchor = self._text[start : self._last]
        if anchor in ("", "-"):
            self._fail("zero-length heredoc anchor")
            return
        self._to_anchor(anchor)

    def _to_anchor(self, anchor: str) -> None:
        """Read to the line that closes a heredoc. Source: OpenBao 2.7, where that line is as long as the anchor."""
        closing = re.compile(r"[\t\n\v\f\r ]*" + anchor.removeprefix("-") + r"\r*\Z")
        line = self._next_index
        while True:
            char = self._read()
            if not char:
                self._fail("heredoc not terminated")
                return
            if char == "\n":
                found = self._text[line : self._last]
                if len(found) >= len(anchor) and closing.match(found):
                    return
                line = self._next_index


def _is_letter(char: str) -> bool:
    return char == "_" or char.isalpha()


def _is_digit(char: str) -> bool:
    return char.isdecimal()
