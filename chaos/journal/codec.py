"""Events to JSON lines and back, by their dataclass fields."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from enum import Enum
from typing import Any

from chaos.errors import JournalError
from chaos.journal.events import KINDS, Event
from chaos.journal.former import present_field, present_kind

__all__ = ["decode", "encode"]


def encode(event: Event) -> str:
    """One line of JSON without its newline. Fields that have their default are left out."""
    record: dict[str, Any] = {"kind": type(event).__name__}
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if field.name == "at":
            record["at"] = round(value, 6)
        elif not _is_default(field, value):
            record[field.name] = _plain(value)
    line = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    return line if line.isascii() or _is_unicode(line) else json.dumps(record, separators=(",", ":"))


def decode(line: str) -> Event:
    """The event of a line. Raises JournalError for a line that is no event or of an unknown kind."""
    try:
        record = json.loads(line)
        kind = KINDS[present_kind(record.pop("kind"))]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise JournalError(f"not an event of a journal: {line[:120]!r}") from error
    hints = _hints(kind)
    try:
        named = ((present_field(kind.__name__, name), value) for name, value in record.items())
        return kind(**{name: _typed(hints[name], value) for name, value in named})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise JournalError(f"a {kind.__name__} with unfit fields: {line[:120]!r}") from error


def _is_unicode(text: str) -> bool:
    """Whether it can be written as UTF-8: a server's bytes, decoded with surrogateescape, cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


_HINTS: dict[str, dict[str, Any]] = {}


def _hints(kind: type) -> dict[str, Any]:
    if kind.__qualname__ not in _HINTS:
        _HINTS[kind.__qualname__] = typing.get_type_hints(kind)
    return _HINTS[kind.__qualname__]


def _is_default(field: dataclasses.Field[Any], value: object) -> bool:
    if field.default is not dataclasses.MISSING:
        return bool(value == field.default)
    return field.default_factory is not dataclasses.MISSING and bool(value == field.default_factory())


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not _is_default(field, getattr(value, field.name))
        }
    return value


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        inner = [option for option in typing.get_args(hint) if option is not type(None)]
        return _typed(inner[0], value) if len(inner) == 1 else value
    if origin is tuple:
        return tuple(_typed(typing.get_args(hint)[0], item) for item in value)
    if isinstance(hint, type):
        if issubclass(hint, Enum):
            return hint(value)
        if dataclasses.is_dataclass(hint):
            hints = _hints(hint)
            return hint(**{name: _typed(hints[name], item) for name, item in value.items()})
        if hint is float:
            return float(value)
    return value
