"""Durations as Go and Vault write them. Every value here is in seconds."""

import time
from functools import lru_cache

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 100
_LONGEST_INTEGER = 16
_NANO = 1_000_000_000
_MAX_NS = 2**63 - 1


class DurationError(ValueError):
    """The text is no duration. The message is Go's own. Source: Go's time.ParseDuration."""


@lru_cache(maxsize=256)
def parse(text: str) -> float:
    """Read a Go duration such as "1h30m", "1.5h" or "500ms"; "1d" counts days, a bare number seconds.

    Raises: DurationError with Go's words.
    Source: OpenBao 2.7, parseutil: digits alone are seconds, a trailing "d" is days, the rest is Go's grammar.
    """
    if len(text) > _LONGEST:
        raise DurationError(f'time: invalid duration "{text[:_LONGEST]}…"')
    if _is_integer(text):
        return float(int(text))
    if text.endswith("d") and _is_integer(text[:-1]):
        return float(int(text[:-1]) * 86400)
    return _parse_go(text)


def _is_integer(text: str) -> bool:
    digits = text[1:] if text[:1] in ("-", "+") else text
    return digits.isascii() and digits.isdigit()


def _parse_go(text: str) -> float:
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    if not rest:
        raise DurationError(f'time: invalid duration "{text}"')
    total = 0.0
    while rest:
        number, rest = _split_while(rest, "0123456789.")
        if not any(c != "." for c in number) or number.count(".") > 1:
            raise DurationError(f'time: invalid duration "{text}"')
        unit, rest = _split_until(rest, "0123456789.")
        if not unit:
            raise DurationError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise DurationError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += float(number) * _UNITS[unit]
        if total * _NANO > _MAX_NS:
            raise DurationError(f'time: invalid duration "{text}"')
    return -total if text.startswith("-") else total


def _split_while(text: str, wanted: str) -> tuple[str, str]:
    end = next((i for i, c in enumerate(text) if c not in wanted), len(text))
    return text[:end], text[end:]


def _split_until(text: str, stop: str) -> tuple[str, str]:
    end = next((i for i, c in enumerate(text) if c in stop), len(text))
    return text[:end], text[end:]


def humanise(seconds: int) -> str:
    """Write seconds as the vault tables do: "768h", "1h30m", "5m", "0s"."""
    if seconds < 0:
        return "-" + humanise(-seconds)
    if seconds == 0:
        return "0s"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + (f"{rest}s" if rest else "")


def go_text(seconds: int) -> str:
    """Write seconds as Go does: "768h0m0s", "1m30s", "0s"."""
    if seconds < 0:
        return "-" + go_text(-seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"


_MOMENT = r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))"


def moment(text: str) -> float | None:
    """Read a moment in RFC 3339, or one that is a number of seconds; give seconds since the epoch, else None."""
    import re
    from calendar import monthrange, timegm

    if _is_integer(text) and len(text) < _LONGEST_INTEGER:
        return float(text)
    match = re.fullmatch(_MOMENT, text, re.ASCII)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[number]) for number in range(1, 7))
    away_h, away_min = int(match[9] or 0), int(match[10] or 0)
    is_date = year > 0 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    if not is_date or hour > 23 or minute > 59 or second > 59 or away_h > 23 or away_min > 59:
        return None
    away_s = (away_h * 3600 + away_min * 60) * (-1 if match[8] == "-" else 1)
    return timegm((year, month, day, hour, minute, second)) - away_s + float(match[7] or 0)


def rfc3339(unix_ns: int) -> str:
    """Write a moment (nanoseconds since the epoch) as Go does: UTC, no trailing zeros in the fraction."""
    whole, fraction = divmod(unix_ns, _NANO)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return _second(whole) + digits + "Z"


@lru_cache(maxsize=16)
def _second(unix_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix_s))
