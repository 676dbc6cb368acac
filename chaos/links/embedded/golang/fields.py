"""Puts JSON values into named, typed fields, as Go's encoding/json does into a struct.

Keys match in any case; unknown ones are ignored; the last of several wins; `null` leaves a field as it is.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chaos.links.embedded.golang.scanner import JsonError, Members, Number

__all__ = [
    "BOOL",
    "FLOAT32",
    "INT",
    "INT64",
    "STRING",
    "Field",
    "GoType",
    "decode",
    "decode_list",
    "nested_object",
    "to_float32",
]


@dataclass(frozen=True, slots=True)
class GoType:
    """A type a field may have: its name in Go, and the Python type its values have here."""

    name: str
    python: type


STRING = GoType("string", str)
BOOL = GoType("bool", bool)
INT64 = GoType("int64", int)
INT = GoType("int", int)
FLOAT32 = GoType("float32", float)


def nested_object(name: str) -> GoType:
    """A struct within a struct: its members are decoded by a call of its own."""
    return GoType(name, Members)


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its JSON key, its type, and what Go calls it in an error (`Proxy.name`)."""

    key: str
    type: GoType
    label: str


_INTEGER = re.compile(r"-?[0-9]+")  # of at most 20 characters, as many as the smallest int64 has


def decode(value: object, fields: Iterable[Field], *, struct_name: str) -> dict[str, Any]:
    """The fields that `value` sets. Raises JsonError, also if it is neither an object nor null."""
    if value is None:
        return {}
    if not isinstance(value, Members):
        raise _wrong_type(value, struct_name)
    by_key = {field.key.casefold(): field for field in fields}
    decoded: dict[str, Any] = {}
    for key, member in value.pairs:
        field = by_key.get(key.casefold())
        if field is not None and member is not None:
            decoded[field.key] = _convert(member, field)
    return decoded


def decode_list(value: object, *, type_name: str) -> list[object]:
    """The members of an array; none of `null`. Raises JsonError if it is neither."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong_type(value, type_name)
    return value


def to_float32(number: float) -> float:
    """The nearest single-precision number. Raises OverflowError."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _convert(value: object, field: Field) -> object:
    wanted = field.type.python
    if isinstance(value, Number):
        if wanted is int or wanted is float:
            return _number(value, field)
    elif wanted is str and isinstance(value, str):
        # Half of a surrogate pair is no character.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    elif type(value) is wanted:  # a bool is an int to isinstance
        return value
    raise _mismatch(_kind(value), field)


def _number(literal: Number, field: Field) -> int | float:
    if field.type is FLOAT32:
        try:
            number = to_float32(float(literal))
        except OverflowError:
            raise _mismatch(f"number {literal}", field) from None
        if math.isinf(number):
            raise _mismatch(f"number {literal}", field)
        return number
    if len(literal) > 20 or not _INTEGER.fullmatch(literal) or not -(2**63) <= int(literal) < 2**63:
        raise _mismatch(f"number {literal}", field)
    return int(literal)


def _wrong_type(value: object, type_name: str) -> JsonError:
    return JsonError(f"json: cannot unmarshal {_kind(value)} into Go value of type {type_name}")


def _mismatch(what: str, field: Field) -> JsonError:
    return JsonError(f"json: cannot unmarshal {what} into Go struct field {field.label} of type {field.type.name}")


def _kind(value: object) -> str:
    if isinstance(value, Number):
        return "number"
    names = {bool: "bool", str: "string", list: "array", Members: "object"}
    return names[type(value)]
