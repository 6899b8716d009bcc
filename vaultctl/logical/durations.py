"""Durations as Go and Vault write them. Every value here is in seconds."""

import re
import time
from functools import lru_cache

_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6}
_UNITS_NS |= {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_LONGEST = 4096
_LONGEST_INTEGER = 20
_NANO = 1_000_000_000
_DAY_NS = 86400 * _NANO
_LIMIT = 2**63
_OVERFLOW = "multiplication of durations resulted in overflow, one operand may be too large"


class DurationError(ValueError):
    """The text is no duration. The message is Go's own. Source: Go's time.ParseDuration."""


def parse(text: str) -> float:
    """Read a Go duration such as "1h30m", "1.5h" or "500ms"; "1d" counts days, a bare number seconds.

    None is longer than 64 bits of nanoseconds have room for. Raises: DurationError with Go's words.
    Source: OpenBao 2.7, parseutil: digits alone are seconds, a trailing "d" is days, the rest is Go's grammar.
    """
    return _parse_ns(text) / _NANO


def stored(text: str) -> float:
    """Read a duration that was found to be good when it was stored.

    Former versions took longer ones than Go has room for: such a one is the longest that there is.
    """
    try:
        return parse(text)
    except DurationError:
        return (-_LIMIT if text.startswith("-") else _LIMIT - 1) / _NANO


def whole(text: str) -> int:
    """Read a duration in whole seconds: what is below one second is dropped, as in the fields of OpenBao's endpoints.

    Raises: DurationError with Go's words.
    """
    nanoseconds = _parse_ns(text)
    return nanoseconds // _NANO if nanoseconds >= 0 else -(-nanoseconds // _NANO)


@lru_cache(maxsize=256)
def _parse_ns(text: str) -> int:
    if len(text) > _LONGEST:
        raise DurationError(f"time: invalid duration {_quoted(text[:_LONGEST] + '…')}")
    number = _integer(text)
    if number is not None and -_LIMIT <= number < _LIMIT:
        return _times(number, _NANO)
    if not text.endswith("d"):
        return _parse_go(text)
    days = _integer(text[:-1])
    if days is None or not -_LIMIT <= days < _LIMIT:
        from vaultctl.logical.go_text import quoted

        problem = "invalid syntax" if days is None else "value out of range"
        raise DurationError(f"strconv.ParseInt: parsing {quoted(text[:-1])}: {problem}")
    return _times(days, _DAY_NS)


def _integer(text: str) -> int | None:
    digits = text[1:] if text[:1] in ("-", "+") else text
    return int(text) if digits.isascii() and digits.isdigit() else None


def _times(number: int, unit_ns: int) -> int:
    if not -_LIMIT <= number * unit_ns < _LIMIT:
        raise DurationError(_OVERFLOW)
    return number * unit_ns


_PART = r"(\d*)(?:\.(\d*))?([^.\d]*)"


def _parse_go(text: str) -> int:
    is_negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise DurationError(f"time: invalid duration {_quoted(text)}")
    total_ns = 0
    while rest:
        part = re.match(_PART, rest, re.ASCII)
        before, fraction, unit = part.groups("") if part else ("", "", "")
        total_ns += _part_ns(text, before, fraction, unit)
        if total_ns > _LIMIT:
            raise DurationError(f"time: invalid duration {_quoted(text)}")
        rest = rest[part.end() :] if part else ""
    if total_ns == _LIMIT and not is_negative:
        raise DurationError(f"time: invalid duration {_quoted(text)}")
    return -total_ns if is_negative else total_ns


def _part_ns(text: str, before: str, fraction: str, unit: str) -> int:
    if (not before and not fraction) or int(before or 0) > _LIMIT:
        raise DurationError(f"time: invalid duration {_quoted(text)}")
    if not unit:
        raise DurationError(f"time: missing unit in duration {_quoted(text)}")
    if unit not in _UNITS_NS:
        raise DurationError(f"time: unknown unit {_quoted(unit)} in duration {_quoted(text)}")
    scale: int = 10 ** len(fraction)
    return int(before or 0) * _UNITS_NS[unit] + int(fraction or 0) * _UNITS_NS[unit] // scale


def _quoted(text: str) -> str:
    """Quote a text as Go's package time does, which knows no characters, but bytes."""
    return '"' + "".join(map(_QUOTED.get, text.encode(errors="surrogatepass"))) + '"'  # type: ignore[arg-type]


_QUOTED = {byte: f"\\x{byte:02x}" if not 0x20 <= byte < 0x80 else chr(byte) for byte in range(256)}
_QUOTED |= {ord('"'): '\\"', ord("\\"): "\\\\"}


def humanise(seconds: int) -> str:
    """Write seconds as the vault tables do: "768h", "1h30m", "5m", "0s"."""
    if seconds < 0:
        return "-" + humanise(-seconds)
    if seconds == 0:
        return "0s"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + (f"{rest}s" if rest else "")


def go_text(seconds: float) -> str:
    """Write seconds as Go does: "768h0m0s", "1m30s", "1.5s", "500ms", "0s"."""
    if seconds < 0:
        return "-" + go_text(-seconds)
    whole_s = int(seconds)
    nanoseconds = round((seconds - whole_s) * _NANO)
    if nanoseconds and not whole_s:
        return _below_a_second(nanoseconds)
    hours, rest = divmod(whole_s, 3600)
    minutes, rest = divmod(rest, 60)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}{fraction}s"


def _below_a_second(nanoseconds: int) -> str:
    for unit, digits in (("ms", 6), ("µs", 3)):
        whole, rest = divmod(nanoseconds, 10**digits)
        if whole:
            return f"{whole}" + f".{rest:0{digits}d}".rstrip("0").rstrip(".") + unit
    return f"{nanoseconds}ns"


_LAST_NS = 253_402_300_800 * _NANO - 1
"""The end of the year 9999."""

_MOMENT = r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))"


NO_MOMENT_NS = -62_135_596_800 * _NANO
"""The beginning of the first year, which to Go is no moment at all."""


def moment(text: str) -> float | None:
    """Read a moment in RFC 3339, or one that is a number of seconds; give seconds since the epoch, else None."""
    found = moment_ns(text)
    return None if found is None else found / _NANO


def moment_ns(text: str) -> int | None:
    """Read a moment as above; give nanoseconds since the epoch, else None."""
    from calendar import monthrange, timegm

    number = _integer(text) if len(text) <= _LONGEST_INTEGER else None
    if number is not None and -_LIMIT <= number < _LIMIT:
        return number * _NANO
    match = re.fullmatch(_MOMENT, text, re.ASCII)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[number]) for number in range(1, 7))
    away_h, away_min = int(match[9] or 0), int(match[10] or 0)
    leap, too_late_s = (year, 0) if year else (400, 146_097 * 86400)  # Python knows no year 0
    if not 1 <= month <= 12 or not 1 <= day <= monthrange(leap, month)[1]:
        return None
    if hour > 23 or minute > 59 or second > 59 or away_h > 23 or away_min > 59:
        return None
    away_s = (away_h * 3600 + away_min * 60) * (-1 if match[8] == "-" else 1)
    whole_s = timegm((leap, month, day, hour, minute, second)) - too_late_s - away_s
    return whole_s * _NANO + int((match[7] or ".")[1:10].ljust(9, "0"))


def rfc3339(unix_ns: int) -> str:
    """Write a moment (nanoseconds since the epoch) as Go does: UTC, no trailing zeros in the fraction.

    What former versions stored of later years than four digits have room for is the last moment of those.
    """
    whole, fraction = divmod(min(unix_ns, _LAST_NS), _NANO)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return _second(whole) + digits + "Z"


@lru_cache(maxsize=16)
def _second(unix_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix_s))
