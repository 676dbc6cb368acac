"""Writes JSON as Go's encoding/json does: compact, in the order given, HTML characters escaped."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence

__all__ = ["to_json"]

_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def to_json(value: object) -> str:
    """None, bool, int, float (taken for a float32), str, and mappings and sequences of them."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)
    if isinstance(value, float):
        return _float32(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{to_json(str(key))}:{to_json(member)}" for key, member in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(to_json(member) for member in value) + "]"
    return json.dumps(value)


def _float32(number: float) -> str:
    """The shortest decimal that means this single-precision number; an exponent only for the very large and small."""
    packed = struct.pack("f", number)
    shortest = next(
        text for text in (f"{number:.{digits}e}" for digits in range(9)) if struct.pack("f", float(text)) == packed
    )
    mantissa, _, exponent = shortest.partition("e")
    if number == 0 or -6 <= int(exponent) < 21:
        plain = f"{float(shortest):.{max(0, len(mantissa.partition('.')[2]) - int(exponent))}f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    sign = "-" if exponent.startswith("-") else "+"
    return f"{mantissa}e{sign}{exponent[1:].lstrip('0')}"
