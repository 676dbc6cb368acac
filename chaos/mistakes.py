"""Mistakes in a target file, in words: what was found, what is allowed, and what was probably meant.

pydantic finds them; the schema knows what is allowed; this module writes the sentences.
"""

from __future__ import annotations

import datetime
import json
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from chaos.schema import describe, keys_of, node_at, walk
from chaos.suggest import suggest_value
from chaos.toml_lines import Key

__all__ = ["Mistake", "beyond_reading", "dates_in", "dotted", "explain", "regex_error", "shown", "unknown_key"]

LONGEST_VALUE = 80
"""Characters of a value that a message repeats."""


DEEPEST = 20
"""Keys on the way to a value. A target file has four (`endpoints.echo.headers.Origin`); more than
that still gets its mistakes explained one by one, and what recurses over the document stays far from Python's limit."""
LONGEST_INTEGER = 64
"""Bits, as TOML has them. Python reads longer ones, and refuses to write those of more than 4,300 digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong in a target file."""

    key: Key
    problem: str
    """What is wrong with it, to be read after the key: "is not a key of promises.liveness"."""
    found: str = ""
    """The value as the file has it."""
    allowed: str = ""
    hint: str = ""
    """What was probably meant, ready to be typed."""

    def lines(self, *, file: str, line: int | None) -> list[str]:
        """`FILE:LINE: KEY PROBLEM; did you mean HINT?` and, indented, what was found and what is allowed."""
        place = f"{file}:{line}" if line is not None else file
        subject = f"{dotted(self.key)} {self.problem}" if self.key else self.problem
        meant = f"; did you mean {self.hint}?" if self.hint else ""
        return [
            f"{place}: {subject}{meant}",
            *([f"    found:   {self.found}"] if self.found else []),
            *([f"    allowed: {self.allowed}"] if self.allowed else []),
        ]


def explain(error: ValidationError, document: Mapping[str, Any]) -> list[Mistake]:
    """The mistakes that pydantic found in `document`; a key that is there, but misspelt, is not missing as well."""
    found = [(detail["type"], _explained(detail, document)) for detail in error.errors(include_url=False)]
    misspelt = {(*mistake.key[:-1], mistake.hint) for kind, mistake in found if kind == "extra_forbidden"}
    return [mistake for kind, mistake in found if kind != "missing" or mistake.key not in misspelt]


def beyond_reading(document: Mapping[str, Any]) -> list[Mistake]:
    """What would be too much for whatever reads the document next: depth without end, and integers as long as novels.

    Walks without recursion, which is what it spares the others.
    """
    found: list[Mistake] = []
    waiting: list[tuple[Key, object]] = [((), document)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
            found.append(Mistake(key=key, problem=f"is an integer of {value.bit_length()} bits; TOML's have 64"))
        if not isinstance(value, (dict, list)):
            continue
        if len(key) == DEEPEST:
            found.append(Mistake(key=key, problem="holds tables or arrays too deep to be read; no key does"))
            continue
        items: Iterable[tuple[str | int, object]] = value.items() if isinstance(value, dict) else enumerate(value)
        waiting += [((*key, name), item) for name, item in items]
    return found


def regex_error(pattern: str) -> str:
    """Why `re` would not take it, now or in a later Python: what it warns of would be an error where warnings are."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(pattern)
        except RecursionError:
            return "its groups are nested too deeply"
        except (re.error, OverflowError, Warning) as error:
            return str(error)
    return ""


def dates_in(value: object, key: Key = ()) -> list[Mistake]:
    """TOML knows dates and times; no key of a target file takes one, and as JSON they would pass for text."""
    if isinstance(value, (datetime.date, datetime.time)):
        problem = "is a date or a time, which no key takes; text stands in quotes"
        return [Mistake(key=key, problem=problem, found=str(value), hint=json.dumps(str(value)))]
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [mistake for name, item in items for mistake in dates_in(item, (*key, name))]


def dotted(key: Key) -> str:
    """`promises.liveness.max_age`, with quotes where TOML needs them and the place in an array in brackets."""
    text = ""
    for name in key:
        if isinstance(name, int):
            text += f"[{name}]"
        else:
            plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
            text += ("." if text else "") + (name if plain else json.dumps(name, ensure_ascii=False))
    return text


def shown(value: object) -> str:
    """A value as a target file would write it, cut where it is long."""
    if isinstance(value, dict):
        return "a table" + (f" with {', '.join(map(str, list(value)[:5]))}" if value else " without keys")
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _explained(detail: ErrorDetails, document: Mapping[str, Any]) -> Mistake:
    key: Key = tuple(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return unknown_key(key, document)
    if detail["type"] == "missing":
        return _missing(key)
    node = node_at(key)
    value = _at(document, key)
    if detail["type"] == "value_error" and node.get("type") == "object":
        # a table's own check; its message is written for this place
        return Mistake(key=key, problem=f"is incomplete: {detail['ctx']['error']}", allowed=describe(node))
    return Mistake(
        key=key,
        problem=_problem(detail, node, value),
        found=shown(value),
        allowed=describe(node),
        # What is allowed says it already, and of something else it need not be a misspelling.
        hint=suggest_value(value, node) if len(node.get("enum", ())) != 1 else "",
    )


def unknown_key(key: Key, document: Mapping[str, Any]) -> Mistake:
    """A key that its table does not have; the nearest of the table, or the table that has it."""
    *around, name = key
    table, allowed = tuple(around), keys_of(tuple(around))
    where = dotted(table) or "a target file"
    folded = str(name).lower().replace("-", "_")
    near = get_close_matches(folded, allowed, n=1, cutoff=0.6)
    elsewhere = [dotted(place) for place in walk() if place[-1] == folded]
    return Mistake(
        key=key,
        problem=f"is not a key of {where}",
        found=f"{dotted((name,))} = {shown(_at(document, key))}",
        allowed=", ".join(allowed),
        hint=near[0] if near else " or ".join(elsewhere[:3]),
    )


def _missing(key: Key) -> Mistake:
    node = node_at(key)
    meaning = str(node.get("description", "")).partition("\n")[0]
    return Mistake(key=key, problem="is missing" + (f": {meaning}" if meaning else ""), allowed=describe(node))


def _problem(detail: ErrorDetails, node: Mapping[str, Any], value: object) -> str:
    quantity = "with unit" in node.get("format", "")
    if quantity and isinstance(value, (int, float)) and not isinstance(value, bool):
        return "is a number without a unit"
    if quantity and detail["type"] == "greater_than":
        return "is not above zero"
    if detail["type"] == "value_error":
        return f"is not {'a duration' if 'duration' in node.get('format', '') else 'a size'}"
    return {
        "enum": "is none of the choices",
        "greater_than": "is too small",
        "greater_than_equal": "is too small",
        "less_than": "is too large",
        "less_than_equal": "is too large",
        "string_pattern_mismatch": "does not have the right form",
        "too_short": "is empty",
        "string_too_short": "is empty",
        "finite_number": "is not finite",
    }.get(detail["type"], f"is {_kind(value)}")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a truth value"
    for kind, word in ((str, "text"), (int, "an integer"), (float, "a number"), (list, "an array"), (dict, "a table")):
        if isinstance(value, kind):
            return word
    return "not of the right kind"


def _at(document: Any, key: Key) -> Any:
    for name in key:
        try:
            document = document[name]
        except (KeyError, IndexError, TypeError):
            return None
    return document
