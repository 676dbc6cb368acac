"""Reads the first JSON value of some bytes, with Go's error messages.

In two passes, like Go: the first finds where the value ends, or what is wrong with it; the second builds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from chaos.links.embedded.golang.quoting import quote_byte

__all__ = ["MAX_DEPTH", "JsonError", "Members", "Number", "scan"]

MAX_DEPTH = 500
"""Levels of nesting. Go accepts 10,000; Python's own decoder, which does the second pass, gives up below 1,000."""


class JsonError(Exception):
    """Not JSON, or not what was expected; `str()` is Go's message."""


class Number(str):
    """A number as it was written: whether it fits is for the field to say."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Members:
    """An object's members in order, duplicates and all."""

    pairs: list[tuple[str, object]]


_Step: TypeAlias = "Callable[[], _Step | None]"

_SPACE = re.compile(rb"[ \t\r\n]*")
_DIGITS = re.compile(rb"[0-9]+")
_INTEGER = re.compile(rb"0|[1-9][0-9]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX = re.compile(rb"[0-9a-fA-F]{0,4}")
_LITERALS = {b"t": b"true", b"f": b"false", b"n": b"null"}


def scan(text: bytes) -> object:
    """The first value in `text`: None, bool, str, Number, list or Members. What follows is not looked at.

    Raises JsonError; its message is `EOF` if there is no value at all.
    """
    end = _Checker(text).end_of_value()
    return json.loads(
        text[:end].decode(errors="replace"), object_pairs_hook=Members, parse_int=Number, parse_float=Number
    )


class _Checker:
    """Walks over one value. Each step consumes what it is for and returns the step that must follow, or None when a
    value is complete."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0
        self._closers: list[bytes] = []  # of the objects and arrays that are open

    def end_of_value(self) -> int:
        step: _Step | None = self._value
        while step is not None:
            self._skip(_SPACE)
            if not self._byte() and not self._text[: self._at].strip():
                raise JsonError("EOF")
            step = step() or (self._comma_or_close if self._closers else None)
        return self._at

    def _value(self) -> _Step | None:
        byte = self._byte()
        if byte == b"{":
            return self._open(b"}", self._key_or_close)
        if byte == b"[":
            return self._open(b"]", self._value_or_close)
        if byte == b'"':
            self._string()
        elif byte in _LITERALS:
            self._literal(_LITERALS[byte])
        elif byte == b"-" or byte.isdigit():
            self._number()
        else:
            raise self._unexpected("looking for beginning of value")
        return None

    def _value_or_close(self) -> _Step | None:
        return self._close() if self._byte() == b"]" else self._value()

    def _key(self) -> _Step | None:
        if self._byte() != b'"':
            raise self._unexpected("looking for beginning of object key string")
        self._string()
        return self._colon

    def _key_or_close(self) -> _Step | None:
        return self._close() if self._byte() == b"}" else self._key()

    def _colon(self) -> _Step | None:
        if self._byte() != b":":
            raise self._unexpected("after object key")
        self._at += 1
        return self._value

    def _comma_or_close(self) -> _Step | None:
        byte, closer = self._byte(), self._closers[-1]
        if byte == closer:
            return self._close()
        if byte == b",":
            self._at += 1
            return self._key if closer == b"}" else self._value
        raise self._unexpected("after object key:value pair" if closer == b"}" else "after array element")

    def _open(self, closer: bytes, step: _Step) -> _Step:
        if len(self._closers) == MAX_DEPTH:
            raise self._unexpected("exceeded max depth")
        self._closers.append(closer)
        self._at += 1
        return step

    def _close(self) -> _Step | None:
        self._closers.pop()
        self._at += 1
        return None

    def _literal(self, literal: bytes) -> None:
        for position, expected in enumerate(literal):
            if self._byte() != bytes([expected]):
                raise self._unexpected(f"in literal {literal.decode()} (expecting {quote_byte(literal[position])})")
            self._at += 1

    def _number(self) -> None:
        if self._byte() == b"-":
            self._at += 1
        self._require(_INTEGER, "in numeric literal")
        if self._byte() == b".":
            self._at += 1
            self._require(_DIGITS, "after decimal point in numeric literal")
        if self._byte() in (b"e", b"E"):
            self._at += 1
            if self._byte() in (b"+", b"-"):
                self._at += 1
            self._require(_DIGITS, "in exponent of numeric literal")

    def _string(self) -> None:
        self._at += 1
        while True:
            self._skip(_PLAIN)
            byte = self._byte()
            if byte == b'"':
                self._at += 1
                return
            if byte != b"\\":
                raise self._unexpected("in string literal")
            self._at += 1
            if self._byte() == b"u":
                self._at += 1
                if self._skip(_HEX) < 4:
                    raise self._unexpected("in \\u hexadecimal character escape")
            elif self._byte() and self._byte() in b'"\\/bfnrt':
                self._at += 1
            else:
                raise self._unexpected("in string escape code")

    def _byte(self) -> bytes:
        """The next byte; none at the end."""
        return self._text[self._at : self._at + 1]

    def _skip(self, pattern: re.Pattern[bytes]) -> int:
        match = pattern.match(self._text, self._at)
        length = len(match.group()) if match else 0
        self._at += length
        return length

    def _require(self, pattern: re.Pattern[bytes], where: str) -> None:
        if not self._skip(pattern):
            raise self._unexpected(where)

    def _unexpected(self, where: str) -> JsonError:
        byte = self._byte()
        return JsonError(f"invalid character {quote_byte(byte[0])} {where}" if byte else "unexpected EOF")
