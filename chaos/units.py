"""Quantities as people write them: durations and sizes.

Inside the library a duration is always a float of seconds and a size an int of bytes. Text carries its unit
(`"300s"`, `"5MB"`); a bare number in a target file is refused, because nobody can tell 30 seconds from 30
milliseconds by looking at it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

__all__ = [
    "DURATION_UNITS",
    "SIZE_UNITS",
    "counted",
    "format_count",
    "format_duration",
    "format_long",
    "format_size",
    "parse_duration",
    "parse_size",
    "quantity_pattern",
]

DURATION_UNITS: dict[str, float] = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
SIZE_UNITS: dict[str, float] = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
_QUANTITY = re.compile(r"\s*(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[A-Za-z]+)\s*")


def parse_duration(text: object) -> float:
    """Seconds of a duration such as `"300s"`, `"50ms"`, `"5min"`. Raises ValueError that names the units."""
    return _parse(text, DURATION_UNITS, what="a duration", example='"30s" or "250ms"')


def parse_size(text: object) -> int:
    """Bytes of a size such as `"5MB"` (1000-based) or `"64KiB"` (1024-based). Raises ValueError."""
    return round(_parse(text, SIZE_UNITS, what="a size", example='"5MB" or "64KiB"'))


def format_duration(seconds: float) -> str:
    """The shortest text a person would write: `0.25` is `"250ms"`, `90` is `"90s"`, `7200` is `"2h"`."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    rounded = _three_digits(seconds)  # first, so that 999.9 ms becomes a second and not a thousand milliseconds
    if 0 < rounded < 0.001:
        return f"{rounded * 1e6:g}us"
    if 0 < rounded < 1:
        return f"{rounded * 1e3:g}ms"
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds / 3600:.0f}h"
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:.0f}min"
    return f"{rounded:g}s" if rounded < 1000 else f"{seconds:.0f}s"


def format_long(seconds: float) -> str:
    """Hours and minutes where there are any, for what lasts: `11537` is `"3h12min"`, `90` is `"90s"`."""
    if seconds < 120:
        return format_duration(seconds)
    hours, minutes = divmod(int(seconds) // 60, 60)
    return "".join(f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "min")) if count)


def format_count(count: float) -> str:
    """A mean number of things with three digits, and no exponent where a person would write none: `1010`."""
    return f"{_three_digits(count):.10g}"


def format_size(count: float) -> str:
    """Bytes as a person would write them, 1000-based: `5_000_000` is `"5MB"`."""
    if count < 0:
        return "-" + format_size(-count)
    rounded = _three_digits(count)
    for unit, factor in (("GB", 1000**3), ("MB", 1000**2), ("kB", 1000)):
        if rounded >= factor:
            return f"{_plain(rounded / factor)}{unit}"
    return f"{_plain(rounded)}B"


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def _plain(value: float) -> str:
    """Without an exponent, which nobody reads as a size."""
    return f"{value:.0f}" if value >= 1000 else f"{value:g}"


def quantity_pattern(units: Iterable[str]) -> str:
    """A regular expression for a number and one of the units, for schemas: what it matches is parsed."""
    return rf"^\s*[0-9]+(\.[0-9]+)?\s*({'|'.join(units)})\s*$"


def _parse(text: object, units: dict[str, float], *, what: str, example: str) -> float:
    allowed = ", ".join(units)
    if not isinstance(text, str):
        raise ValueError(f"{what} is written as text with its unit, such as {example}; found {text!r}")
    matched = _QUANTITY.fullmatch(text)
    if matched is None:
        raise ValueError(f"{what} is a number and a unit, such as {example}; found {text!r}")
    unit = matched["unit"]
    if unit not in units:
        raise ValueError(f"{what} has one of the units {allowed}; found {unit!r} in {text!r}")
    quantity = float(matched["number"]) * units[unit]
    if not math.isfinite(quantity):
        raise ValueError(f"{what} is finite; found {text[:20]!r} and so on")
    return quantity


def counted(number: int, one: str) -> str:
    """A number with its noun, for a sentence: `"1 hit"`, `"2 hits"`."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"
