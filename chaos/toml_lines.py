"""On which line of a TOML document each key stands: `tomllib` reads values well but says nothing of places."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping

__all__ = ["Key", "key_lines", "line_of"]

Key = tuple[str | int, ...]
"""A path of keys; a number is the place in an array of tables."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?"{3,5}'  # a closing """ may follow up to two quotes of the text
    r"|'''[\s\S]*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"[^\s,\]}#][^,\]}#\n]*")


def key_lines(text: str) -> dict[Key, int]:
    """Each key's line, counted from 1; of a table, the line of its first mention. `text` must be valid TOML."""
    return _Scanner(text).scan()


def line_of(key: Key, lines: Mapping[Key, int]) -> int | None:
    """The line of a key, or of the nearest table around it, or None where nothing of it is in the file."""
    for length in range(len(key), 0, -1):
        if key[:length] in lines:
            return lines[key[:length]]
    return None


class _Scanner:
    """Walks over statements and values; it trusts that tomllib has accepted the text before."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Key, int] = {}
        self.sizes: dict[Key, int] = {}

    def scan(self) -> dict[Key, int]:
        table: Key = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            table = self._header() if self._peek("[") else self._statement(table)
            self._skip(_BLANK)
        return self.lines

    def _header(self) -> Key:
        is_array = self._peek("[[")
        self.at += 2 if is_array else 1
        names = self._key()
        self.at += 2 if is_array else 1
        table = self._inside(names[:-1]) + names[-1:]
        self._note(table)
        if not is_array:
            return self._inside(table) if table in self.sizes else table
        index = self.sizes.get(table, 0)
        self.sizes[table] = index + 1
        self._note((*table, index))
        return (*table, index)

    def _inside(self, names: Key) -> Key:
        """A path with the last element of every array of tables on the way filled in."""
        table: Key = ()
        for name in names:
            table = (*table, name)
            if table in self.sizes:
                table = (*table, self.sizes[table] - 1)
        return table

    def _statement(self, table: Key) -> Key:
        key = table + self._key()
        self._note(key)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(key)
        return table

    def _key(self) -> Key:
        names: list[str] = []
        while True:
            self._skip(_SPACE)
            quoted = _STRING.match(self.text, self.at)
            found = quoted or _BARE.match(self.text, self.at)
            if found is None:
                return tuple(names)
            names.append(_unquoted(found[0]) if quoted else found[0])
            self.at = found.end()
            self._skip(_SPACE)
            if not self._peek("."):
                return tuple(names)
            self.at += 1

    def _value(self, key: Key) -> None:
        if self._peek("["):
            self._items("]", lambda: self._value(key))
        elif self._peek("{"):
            self._items("}", lambda: self._statement(key))
        else:
            self._skip(_STRING if self.text[self.at] in "\"'" else _SCALAR)

    def _items(self, end: str, item: Callable[[], object]) -> None:
        self.at += 1
        self._skip(_BLANK)
        while self.at < len(self.text) and not self._peek(end):
            before = self.at
            item()
            self._skip(_BLANK)
            if self._peek(","):
                self.at += 1
                self._skip(_BLANK)
            if self.at == before:
                return  # text that tomllib would not have accepted: better no line than no end
        self.at += 1

    def _note(self, key: Key) -> None:
        for length in range(1, len(key) + 1):
            self.lines.setdefault(key[:length], self._line())

    def _peek(self, sign: str) -> bool:
        return self.text.startswith(sign, self.at)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        matched = pattern.match(self.text, self.at)
        if matched is not None:
            self.at = matched.end()

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1


def _unquoted(text: str) -> str:
    """The name of a quoted key: strings mean the same as keys and as values."""
    name: str = tomllib.loads(f"name = {text}")["name"]
    return name
