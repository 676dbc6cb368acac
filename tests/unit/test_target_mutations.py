"""Whatever stands in a target file, it is a target or an error that names the file and the key; never a traceback.

The real target files are taken and one thing in them is changed: a value, a table, a key's name.
"""

from __future__ import annotations

import copy
import json
import math
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chaos.errors import ConfigurationError
from chaos.mistakes import dotted
from chaos.target import Target
from chaos.target_checks import ENVIRONMENTS
from chaos.target_file import load_target

TARGETS = Path(__file__).parents[2] / "targets" / "reference"
DOCUMENTS = {name: tomllib.loads((TARGETS / name).read_text()) for name in ("target.toml", "close-1013.toml")}

Path_ = tuple[str | int, ...]


def paths_in(value: object, *around: str | int) -> Iterator[Path_]:
    """The way to every table, value and element of an array."""
    if around:
        yield around
    if isinstance(value, dict):
        for name, item in value.items():
            yield from paths_in(item, *around, name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths_in(item, *around, index)


PATHS = [(name, path) for name, document in DOCUMENTS.items() for path in paths_in(document)]

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
    return "".join(f"{_quoted(name)} = {_toml(value)}\n" for name, value in document.items())


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(name)} = {_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (bool, int, float)):
        return repr(value).lower()
    return value.isoformat()  # type: ignore[attr-defined]  # a date, a time or both


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def changed(document: Mapping[str, Any], path: Path_, value: object) -> dict[str, Any]:
    """A copy of the document with another value at the path."""
    whole: Any = copy.deepcopy(document)
    place = whole
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return whole


def renamed(document: Mapping[str, Any], path: Path_, name: str) -> dict[str, Any]:
    """A copy of the document with another name for the last key of the path."""
    whole: Any = copy.deepcopy(document)
    place = whole
    for around in path[:-1]:
        place = place[around]
    place[name] = place.pop(path[-1])
    return whole


@contextmanager
def written(data: bytes) -> Iterator[Path]:
    """A target file beside a Dockerfile, as the reference server's has one."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "Dockerfile").touch()
        path = Path(name) / "target.toml"
        path.write_bytes(data)
        yield path


def complaint(data: bytes) -> str | None:
    """What load_target says of such a file, or None where it is a target. Any other exception is the find."""
    with written(data) as path:
        try:
            assert isinstance(load_target(path), Target)
        except ConfigurationError as error:
            said = str(error)
        else:
            return None
        assert str(path) in said, "the file is not named"
        return said


def assert_named(message: str | None, path: Path_) -> None:
    """The message speaks of the key that was changed."""
    name = next(name for name in reversed(path) if isinstance(name, str))
    assert message is None or dotted((name,)) in message, f"{dotted(path)} was changed, and the message is:\n{message}"


def test_what_is_mutated_is_valid_before() -> None:
    for document in DOCUMENTS.values():
        assert complaint(rendered(document).encode()) is None


@given(where=st.sampled_from(PATHS), value=VALUES)
def test_another_value(where: tuple[str, Path_], value: object) -> None:
    name, path = where
    assert_named(complaint(rendered(changed(DOCUMENTS[name], path, value)).encode()), path)


@pytest.mark.parametrize("value", ["a{99999999999999999999}", "(" * 2000 + ")" * 2000, "[[a]", "[a--b]", "x" * 3000])
@pytest.mark.parametrize("path", [("endpoints", "echo", "expect"), ("start", "build"), ("start", "directory")])
def test_text_that_what_reads_it_chokes_on(path: Path_, value: str) -> None:
    assert_named(complaint(rendered(changed(DOCUMENTS["target.toml"], path, value)).encode()), path)


KEYS = [(name, path) for name, path in PATHS if isinstance(path[-1], str)]


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


@given(where=st.sampled_from(KEYS), data=st.data())
def test_another_name(where: tuple[str, Path_], data: st.DataObject) -> None:
    name, path = where
    other = data.draw(near_misses(str(path[-1])))
    message = complaint(rendered(renamed(DOCUMENTS[name], path, other)).encode())
    free = path[:-1] in ENVIRONMENTS or {"headers", "refused", "own_failure", "unauthorized"} & set(path[:-1])
    if other != path[-1] and not free:
        assert message is not None, f"{other!r} in place of {dotted(path)} was let pass"
        assert dotted((other,)) in message


@given(where=st.sampled_from(KEYS), value=VALUES)
def test_a_key_twice_is_not_TOML(where: tuple[str, Path_], value: object) -> None:
    name, path = where
    table = dotted(path[:-1])
    again, source = f"{path[-1]} = {_toml(value)}\n", (TARGETS / name).read_text()
    twice = f"{source}\n[{table}]\n{again}" if table else again + source
    assert complaint(twice.encode()) is not None


@given(st.binary(max_size=200))
@example(b"a = " + b"9" * 5000)
@example(b"a = 0x" + b"f" * 5000)
@example(b"a = " + b"[" * 5000)
@example(b"a = " + b"[" * 5000 + b"]" * 5000)
@example(b"a = " + b"{a = " * 5000)
@example(b"a." * 5000 + b"a = 1")
@example(b"[" + b"a." * 5000 + b"a]\nb = 1")
@example(b"a = 2021-02-30")
@example(b"a = 1\r")
def test_any_bytes_as_a_file(data: bytes) -> None:
    assert complaint(data) is not None, "nothing so short is a target"


@given(name=st.sampled_from(list(DOCUMENTS)), data=st.data())
def test_bytes_of_a_real_file_overwritten(name: str, data: st.DataObject) -> None:
    source = (TARGETS / name).read_bytes()
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, min(start + 20, len(source))))
    complaint(source[:start] + data.draw(st.binary(max_size=20)) + source[end:])


NAMES = st.one_of(
    TEXT, st.sampled_from(["\0", "~", "..", "x" * 5000, "a/" * 3000, *("x" * length for length in range(249, 257))])
)


@given(st.lists(NAMES, min_size=1, max_size=3))
@example(["x" * 251])
@example(["\0"])
def test_any_path_as_a_file(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory).joinpath(*names)
        with pytest.raises(ConfigurationError) as caught:
            load_target(path)
        assert str(path) in str(caught.value)
