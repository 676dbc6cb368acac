"""TOML documents with one thing changed in them: what is drawn for it, and the document that comes of it."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

__all__ = [
    "SCALARS",
    "TEXT",
    "VALUES",
    "Place",
    "at",
    "changed",
    "near_misses",
    "paths_in",
    "renamed",
    "rendered",
    "toml",
    "without",
]

Place = tuple[str | int, ...]
"""The way to a value: keys, and numbers in arrays."""


def paths_in(value: object, *around: str | int) -> Iterator[Place]:
    """The way to every table, value and element of an array."""
    if around:
        yield around
    if isinstance(value, dict):
        for name, item in value.items():
            yield from paths_in(item, *around, name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths_in(item, *around, index)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
LONG = st.builds(lambda text, times: text * times, st.text("ax/ .[(\\{é", min_size=1, max_size=3), st.just(3000))
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 2**63, -(2**63), 10**400, -(10**400)]),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308]),
)
QUANTITIES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["0", "-1", "1", "1.5", "1e3", "9" * 400, "nan", "inf", "٣", ""]),
    st.sampled_from(["", " ", "\t"]),
    st.sampled_from(["s", "ms", "S", "sec", "MB", "mb", "kB", "KiB", "years", "µs", ""]),
)
EXPRESSIONS = st.sampled_from(
    ["(", "[", "a{99999999999999999999}", "(?P<n", "[[a]", "[a--b]", "(?i", "{n}{n}", "(" * 2000 + ")" * 2000, "a**"]
)
DATES = st.dates() | st.times() | st.datetimes()
SCALARS = st.one_of(TEXT, LONG, NUMBERS, QUANTITIES, EXPRESSIONS, st.booleans(), DATES)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=6,
)


def rendered(document: Mapping[str, object]) -> str:
    """The document as TOML, each key of the outermost table on a line of its own."""
    return "".join(f"{_quoted(name)} = {toml(value)}\n" for name, value in document.items())


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(name)} = {toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (bool, int, float)):
        return repr(value).lower()
    return value.isoformat()  # type: ignore[attr-defined]  # a date, a time or both


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def changed(document: Mapping[str, Any], path: Place, value: object) -> dict[str, Any]:
    """A copy of the document with another value at the path."""
    whole: Any = copy.deepcopy(document)
    place = whole
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return whole


def without(document: Mapping[str, Any], path: Place) -> dict[str, Any]:
    """A copy of the document that has nothing at the path."""
    whole: Any = copy.deepcopy(document)
    del at(whole, path[:-1])[path[-1]]
    return whole


def at(document: Any, path: Place) -> Any:
    """The value at the path."""
    for name in path:
        document = document[name]
    return document


def renamed(document: Mapping[str, Any], path: Place, name: str) -> dict[str, Any]:
    """A copy of the document with another name for the last key of the path."""
    whole: Any = copy.deepcopy(document)
    place = whole
    for around in path[:-1]:
        place = place[around]
    place[name] = place.pop(path[-1])
    return whole


@st.composite
def near_misses(draw: st.DrawFn, name: str) -> str:
    """A key's name with a letter more, less, doubled or in another case; or another name altogether."""
    at = draw(st.integers(0, len(name) - 1))
    return draw(
        st.sampled_from(
            [name[:at] + name[at + 1 :], name[:at] + name[at] + name[at:], name.upper(), name.replace("_", "-"), ""]
        )
        | TEXT
    )
