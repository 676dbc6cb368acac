"""The fields of a request: checked at the edge, so that what lies behind works with typed values only."""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.agent.types import DIRECTIONS, Connection, Endpoint
from chaos.errors import AgentError

__all__ = [
    "Field",
    "address",
    "buffer_size",
    "connection",
    "direction",
    "directory",
    "endpoint",
    "environment",
    "flag",
    "listed",
    "nearest",
    "optional",
    "pid",
    "port",
    "read_fields",
    "seconds",
    "share",
    "text",
    "whole",
]

Check = Callable[[object], Any]

_REQUIRED = object()
_LARGEST_BUFFER = 2**30
"""Bytes; setsockopt takes a C int, of which the kernel makes the double."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request: `check` returns the typed value or raises ValueError that says what is allowed."""

    check: Check
    default: object = _REQUIRED


def optional(check: Check, default: object = None) -> Field:
    """A field that may be left out or be null."""
    return Field(check=lambda value: default if value is None else check(value), default=default)


def read_fields(fields: Mapping[str, Field], record: Mapping[str, object], *, request: str) -> dict[str, Any]:
    """The typed values of `record`. Raises AgentError that names the field, what was found and what is allowed."""
    for name in record:
        if name not in fields:
            allowed = ", ".join(fields) or "none"
            raise AgentError(f"{request} has no field {name!r}{nearest(name, fields)}; its fields: {allowed}")
    values = {}
    for name, field in fields.items():
        if name not in record:
            if field.default is _REQUIRED:
                raise AgentError(f"{request} needs the field {name!r}; its fields: {', '.join(fields)}")
            values[name] = field.default
            continue
        try:
            values[name] = field.check(record[name])
        except ValueError as error:
            raise AgentError(f"{request}: {name} is {error}; found {record[name]!r}") from error
    return values


def nearest(name: str, known: Collection[str]) -> str:
    """`; did you mean 'x'?`, or nothing where nothing is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def text(value: object) -> str:
    if not isinstance(value, str) or not value or not _for_the_kernel(value):
        raise ValueError("text that is not empty and has neither zero bytes nor lone surrogates")
    return value


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("a whole number from 0")
    return value


def pid(value: object) -> int:
    """A pid as /proc shows it. 0 and 1 are refused: no request means the whole machine."""
    if whole(value) < 2:
        raise ValueError("a pid from 2, as /proc shows it")
    return whole(value)


def buffer_size(value: object) -> int:
    if whole(value) > _LARGEST_BUFFER:
        raise ValueError(f"bytes, at most {_LARGEST_BUFFER}")
    return whole(value)


def port(value: object) -> int:
    if not 1 <= whole(value) <= 65535:
        raise ValueError("a port from 1 to 65535")
    return whole(value)


def seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise ValueError("seconds from 0")
    return float(value)


def share(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise ValueError("a share above 0, at most 1")
    return float(value)


def direction(value: object) -> str:
    if value not in DIRECTIONS:
        raise ValueError(f"one of {', '.join(DIRECTIONS)}")
    return str(value)


def directory(value: object) -> Path:
    path = Path(text(value))
    if not path.is_absolute():
        raise ValueError("an absolute path: the agent's working directory is not its client's")
    return path


def address(value: object) -> str:
    """An IP literal, normalised; names are refused, because resolving one would block and may differ inside."""
    try:
        found = ipaddress.ip_address(text(value))
    except ValueError as error:
        raise ValueError("an IP address, not a name") from error
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)


def endpoint(value: object) -> Endpoint:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("a pair [IP address, port]")
    return address(value[0]), port(value[1])


def connection(value: object) -> Connection:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("a pair [local end, remote end], each [IP address, port]")
    return endpoint(value[0]), endpoint(value[1])


def listed(check: Check, *, least: int = 0) -> Check:
    """A list of what `check` allows, with at least so many items; the typed value is a tuple."""

    def check_list(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) < least:
            raise ValueError(f"a list of at least {least}" if least else "a list")
        return tuple(check(item) for item in value)

    return check_list


def environment(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("an object of texts")
    for name, content in value.items():
        texts = isinstance(content, str) and _for_the_kernel(content) and _for_the_kernel(name)
        if not name or "=" in name or not texts:
            raise ValueError("an object of texts whose names hold no '='")
    return dict(value)


def _for_the_kernel(value: str) -> bool:
    """Whether it can be a path, an argument or an environment variable: C strings of bytes."""
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False
