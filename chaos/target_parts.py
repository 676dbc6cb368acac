"""Target files that build on another: what differs stands in the one, everything else in the other.

    extends = "target.toml"
    without = ["promises.delivery", "endpoints.feed"]

Tables are merged key by key, anything else is replaced. `without` leaves out what the other file has. A file may extend
one that extends a third.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from chaos.errors import ConfigurationError
from chaos.mistakes import Mistake, beyond_reading, dotted, shown, unknown_key
from chaos.schema import keys_of
from chaos.toml_file import parse_toml, read_text
from chaos.toml_lines import Key, key_lines, line_of

__all__ = ["Part", "merged", "read_parts", "render"]

PATHS = (("start", "build"), ("start", "directory"), ("tls", "ca"))
"""Keys whose values are paths relative to the file that has them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the files that a target is made of."""

    path: Path
    document: Mapping[str, Any]
    lines: Mapping[Key, int]


def read_parts(path: Path) -> list[Part]:
    """The file at `path`, then what it extends, then what that one extends.

    Raises ConfigurationError for a file that cannot be read, is no TOML, or extends what it cannot.
    """
    parts: list[Part] = []
    while True:
        text = read_text(path)
        part = Part(path, parse_toml(text, path), key_lines(text))
        parts.append(part)
        if beyond := beyond_reading(part.document):
            raise ConfigurationError(render(beyond, [part]))
        if "extends" not in part.document:
            return parts
        wanted = part.document["extends"]
        if not isinstance(wanted, str) or not wanted:
            raise _refused(part, ("extends",), "is not text", found=shown(wanted), allowed="the path of a target file")
        path = path.parent / wanted
        # os.path, not Path, which raises OSError for a name that is too long, and ValueError for a NUL in it.
        if not os.path.isfile(path):
            raise _refused(part, ("extends",), f"names no file: there is no {path}", found=shown(wanted))
        if any(path.resolve() == before.path.resolve() for before in parts):
            raise _refused(part, ("extends",), "leads back to a file that extends this one", found=shown(wanted))


def merged(parts: Sequence[Part]) -> dict[str, Any]:
    """One document of all of them, the first of which has the last word. Raises ConfigurationError."""
    document: dict[str, Any] = {}
    directory = parts[-1].path.parent
    for number, part in reversed(list(enumerate(parts))):
        _rebase(document, since=directory, to=part.path.parent)
        document = _over(_without(parts[number:], document), part.document)
        directory = part.path.parent
    if "without" not in parts[0].document:  # those of the others were about others
        document.pop("without", None)
    return document


def render(mistakes: Sequence[Mistake], parts: Sequence[Part]) -> str:
    """All mistakes, each at its place in the file that it stands in."""
    placed = []
    for mistake in mistakes:
        # The nearest file that has the key; where none has it, the one that has most of the way to it.
        number, part = max(enumerate(parts), key=lambda pair: (_known(mistake.key, pair[1].lines), -pair[0]))
        placed.append((number, line_of(mistake.key, part.lines), mistake, part.path))
    placed.sort(key=lambda each: (each[0], each[1] or 0))
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    text = [f"{parts[0].path} has {count}:"]
    for _, line, mistake, path in placed:
        text += mistake.lines(file=str(path), line=line)
    return "\n".join(text)


def _known(key: Key, lines: Mapping[Key, int]) -> int:
    """How many names of a key a file mentions."""
    return max((length for length in range(1, len(key) + 1) if key[:length] in lines), default=0)


def _over(inherited: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(inherited)
    for name, value in own.items():
        before = both.get(name)
        both[name] = _over(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return both


def _without(parts: Sequence[Part], document: Mapping[str, Any]) -> dict[str, Any]:
    """What the first of these parts takes over of the document of the others."""
    part, left = parts[0], _over(document, {})
    names = part.document.get("without", [])
    if not isinstance(names, list):
        return left  # told with the other mistakes of values
    if names and "extends" not in part.document:
        nothing = Mistake(key=("without",), problem="leaves nothing out: the file extends no other")
        raise ConfigurationError(render([*_misspelt(part.document), nothing], [part]))
    for number, name in enumerate(names):
        key = _key(name)
        *around, last = key or ("",)
        table: Any = left
        for step in around:
            table = table.get(step) if isinstance(table, dict) else None
        if not isinstance(table, dict) or last not in table:
            known = {dotted(found).lower(): dotted(found) for found in _keys(left)}
            near = get_close_matches(str(name).lower(), known, n=1, cutoff=0.6)
            nowhere = Mistake(
                key=("without", number),
                problem=f"is no key of {part.document['extends']}",
                found=shown(name),
                hint=json.dumps(known[near[0]]) if near else "",
            )
            raise ConfigurationError(render([nowhere, *_misspelt(left)], parts))
        del table[last]
    return left


def _misspelt(document: Mapping[str, Any], around: tuple[str, ...] = ()) -> Iterator[Mistake]:
    """Keys that a target file does not have: one of them may be what something else is not found for."""
    table: Any = document
    for name in around:
        table = table[name]
    allowed = keys_of(around)
    for name, value in table.items():
        if allowed and name not in allowed:
            yield unknown_key((*around, name), document)
        elif isinstance(value, dict):
            yield from _misspelt(document, (*around, name))


def _key(name: object) -> tuple[str, ...] | None:
    """A dotted key as TOML reads it; None for what is none."""
    if not isinstance(name, str):
        return None
    try:
        # Both before an equals sign and in brackets only a key may stand: what has a value, a comment or another line
        # in it is one of the two at most.
        tomllib.loads(f"{name} = 0")
        table = tomllib.loads(f"[{name}]")
    except tomllib.TOMLDecodeError:
        return None
    key: list[str] = []
    while table:
        ((step, table),) = table.items()
        key.append(step)
    return tuple(key)


def _keys(table: Mapping[str, Any], around: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, value in table.items():
        found.append((*around, name))
        if isinstance(value, dict):
            found += _keys(value, (*around, name))
    return found


def _rebase(document: dict[str, Any], *, since: Path, to: Path) -> None:
    """Make the paths of a document that was relative to one directory relative to another."""
    if since.resolve() == to.resolve():
        return
    if isinstance(document.get("start"), dict):
        document["start"] = {"directory": ".", **document["start"]}
    for table, name in PATHS:
        held = document.get(table)
        if isinstance(held, dict) and isinstance(held.get(name), str):
            document[table] = {**held, name: os.path.relpath(since / held[name], to)}


def _refused(part: Part, key: Key, problem: str, **about: str) -> ConfigurationError:
    mistake = Mistake(key=key, problem=problem, **about)
    return ConfigurationError(render([mistake], [part]))
