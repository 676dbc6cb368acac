"""Whatever stands in a target file, it is a target or an error that names the file and the key; never a traceback.

Every target file of this repository is taken, and one thing in it is changed, or in one that it extends: a value, the
name of a key, the place of a table, a byte.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
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
from tests.unit.mutations import (
    SCALARS,
    TEXT,
    VALUES,
    Place,
    at,
    changed,
    near_misses,
    paths_in,
    renamed,
    rendered,
    toml,
    without,
)

TARGETS = Path(__file__).parents[2] / "targets"
SOURCES = {
    str(path.relative_to(TARGETS)): path.read_text(encoding="utf-8")
    for path in sorted(TARGETS.rglob("*.toml"))
    if path.name != "incident.toml"
}
DOCUMENTS = {name: tomllib.loads(source) for name, source in SOURCES.items()}


def parts_of(name: str) -> list[str]:
    """A target file, what it extends, and so on."""
    parts = [name]
    while (wanted := DOCUMENTS[parts[-1]].get("extends")) is not None:
        parts.append(str((TARGETS / parts[-1]).parent.joinpath(wanted).resolve().relative_to(TARGETS)))
    return parts


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a target file, or in one that it extends."""

    read: str
    """The file that is read, below targets/."""
    part: str
    """The file that is changed."""
    path: Place

    @property
    def document(self) -> dict[str, Any]:
        """What stands in the file that is changed, as it was."""
        return DOCUMENTS[self.part]


FILE_NAMES = {Path(name).name for name in SOURCES} | {"incident.toml"}
FILES = st.sampled_from(
    ["", ".", "..", "/", "~", "/dev/null", "x" * 256, "a/" * 3000, "\0", *sorted(FILE_NAMES), *SOURCES]
)
"""What a file might extend."""
KEYS = st.sampled_from(sorted({dotted(path) for document in DOCUMENTS.values() for path in paths_in(document)}))

# The file is drawn first: by its keys alone it would be the longest that is drawn, and the same kinds all the time.
PARTS = st.sampled_from(list(DOCUMENTS)).flatmap(
    lambda name: st.sampled_from([(name, part) for part in parts_of(name)])
)


def spots(*, keys_alone: bool = False) -> st.SearchStrategy[Spot]:
    """Any place that has a value, or a value with a name of its own."""

    def of(read_and_part: tuple[str, str]) -> st.SearchStrategy[Spot]:
        read, part = read_and_part
        paths = [path for path in paths_in(DOCUMENTS[part]) if not keys_alone or isinstance(path[-1], str)]
        return st.builds(Spot, st.just(read), st.just(part), st.sampled_from(paths))

    return PARTS.flatmap(of)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All target files beside what they name: the directories of their servers, and a Dockerfile where there is one."""
    root = tmp_path_factory.mktemp("targets")
    for path in TARGETS.rglob("*"):
        if path.is_dir():
            (root / path.relative_to(TARGETS)).mkdir(exist_ok=True)
        elif path.name == "Dockerfile":
            (root / path.relative_to(TARGETS)).touch()
    for name, source in SOURCES.items():
        (root / name).write_text(source, encoding="utf-8")
    return root


def complaint(tree: Path, data: bytes, *, part: str, read: str = "") -> str | None:
    """What load_target says of a file when this stands in a part of it, or None where it is a target.

    Any other exception is the find.
    """
    changed_file = tree / part
    changed_file.write_bytes(data)
    try:
        assert isinstance(load_target(tree / (read or part)), Target)
    except ConfigurationError as error:
        said = str(error)
    else:
        return None
    finally:
        changed_file.write_text(SOURCES[part], encoding="utf-8")
    assert Path(read).name in said or changed_file.name in said, "the file is not named"
    return said


def said_of(tree: Path, spot: Spot, document: Mapping[str, Any]) -> str | None:
    """What is said where this is the document of the file that is changed."""
    return complaint(tree, rendered(document).encode(), part=spot.part, read=spot.read)


def assert_named(message: str | None, path: Place) -> None:
    """The message speaks of the key that was changed."""
    name = next(name for name in reversed(path) if isinstance(name, str))
    assert message is None or dotted((name,)) in message, f"{dotted(path)} was changed, and the message is:\n{message}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_mutated_is_valid_before(tree: Path, name: str) -> None:
    for part in parts_of(name):
        assert complaint(tree, rendered(DOCUMENTS[part]).encode(), part=part, read=name) is None


@given(spot=spots(), value=VALUES)
def test_another_value(tree: Path, spot: Spot, value: object) -> None:
    message = said_of(tree, spot, changed(spot.document, spot.path, value))
    # What is not left out any more speaks for itself.
    if spot.path[0] != "without":
        assert_named(message, spot.path)


@given(
    PARTS.filter(lambda each: "extends" in DOCUMENTS[each[1]]),
    # Each of them is one key among eighty, and read before the others are.
    st.fixed_dictionaries({}, optional={"extends": FILES | SCALARS, "without": VALUES | st.lists(KEYS | TEXT)}),
)
@example(("variations/01.toml", "variations/01.toml"), {"without": ["promises = 1\nstart"]})
@example(("variations/01.toml", "variations/01.toml"), {"without": ["start.command = 5 #"]})
@example(("variations/01.toml", "variations/01.toml"), {"extends": "x" * 3000})
@example(("variations/01.toml", "variations/01.toml"), {"extends": "\0"})
def test_what_it_extends_and_leaves_out(tree: Path, of: tuple[str, str], values: dict[str, object]) -> None:
    read, part = of
    message = complaint(tree, rendered({**DOCUMENTS[part], **values}).encode(), part=part, read=read)
    # Another file that is there may be no target, and what is not left out any more speaks for itself.
    other = values.get("extends")
    known = isinstance(other, str) and Path(other).name in FILE_NAMES
    if values and message is not None and not known and not isinstance(values.get("without"), list):
        assert any(name in message for name in values), message


@pytest.mark.parametrize("value", ["a{99999999999999999999}", "(" * 2000 + ")" * 2000, "[[a]", "[a--b]", "x" * 3000])
@pytest.mark.parametrize("path", [("endpoints", "echo", "expect"), ("start", "build"), ("start", "directory")])
def test_text_that_what_reads_it_chokes_on(tree: Path, path: Place, value: str) -> None:
    part = "reference/target.toml"
    assert_named(complaint(tree, rendered(changed(DOCUMENTS[part], path, value)).encode(), part=part), path)


@given(spot=spots())
def test_a_value_less(tree: Path, spot: Spot) -> None:
    message = said_of(tree, spot, without(spot.document, spot.path))
    # What it extends, and takes over of that, speaks for itself. A table that is empty is named itself.
    if message is not None and spot.path[0] not in ("extends", "without"):
        names = [name for name in spot.path if isinstance(name, str)][-2:]
        assert any(dotted((name,)) in message for name in names), f"{dotted(spot.path)} was taken out:\n{message}"


def pairs_of_tables(document: Mapping[str, Any]) -> list[tuple[Place, Place]]:
    """Two tables each, neither of which is in the other."""
    tables = [path for path in paths_in(document) if isinstance(at(document, path), dict)]
    return [
        (one, other)
        for one, other in combinations(tables, 2)
        if one != other[: len(one)] and other != one[: len(other)]
    ]


@given(PARTS.filter(lambda each: pairs_of_tables(DOCUMENTS[each[1]])), st.data())
def test_two_tables_in_each_others_place(tree: Path, of: tuple[str, str], data: st.DataObject) -> None:
    read, part = of
    document = DOCUMENTS[part]
    one, other = data.draw(st.sampled_from(pairs_of_tables(document)))
    swapped = changed(changed(document, one, at(document, other)), other, at(document, one))
    message = complaint(tree, rendered(swapped).encode(), part=part, read=read)
    assert message is None or any(dotted(path) in message for path in (one, other)), message


@given(spot=spots(keys_alone=True), data=st.data())
def test_another_name(tree: Path, spot: Spot, data: st.DataObject) -> None:
    path = spot.path
    other = data.draw(near_misses(str(path[-1])))
    message = said_of(tree, spot, renamed(spot.document, path, other))
    free = path[:-1] in ENVIRONMENTS or {"headers", "refused", "own_failure", "unauthorized"} & set(path[:-1])
    if other != path[-1] and not free:
        assert message is not None, f"{other!r} in place of {dotted(path)} was let pass"
        assert dotted((other,)) in message


@given(spot=spots(keys_alone=True), value=VALUES)
def test_a_key_twice_is_not_TOML(tree: Path, spot: Spot, value: object) -> None:
    source, table = SOURCES[spot.part], dotted(spot.path[:-1])
    again = f"{dotted(spot.path[-1:])} = {toml(value)}\n"
    twice = f"{source}\n[{table}]\n{again}" if table else again + source
    assert complaint(tree, twice.encode(), part=spot.part, read=spot.read) is not None


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
def test_any_bytes_as_a_file(tree: Path, data: bytes) -> None:
    assert complaint(tree, data, part="reference/target.toml") is not None, "nothing so short is a target"


@given(PARTS, st.data())
def test_bytes_of_a_real_file_overwritten(tree: Path, of: tuple[str, str], data: st.DataObject) -> None:
    read, part = of
    source = SOURCES[part].encode()
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, min(start + 20, len(source))))
    complaint(tree, source[:start] + data.draw(st.binary(max_size=20)) + source[end:], part=part, read=read)


@given(PARTS, st.data())
def test_a_real_file_that_was_cut_short(tree: Path, of: tuple[str, str], data: st.DataObject) -> None:
    read, part = of
    source = SOURCES[part].encode()
    complaint(tree, source[: data.draw(st.integers(0, len(source) - 1))], part=part, read=read)


@given(PARTS, st.sampled_from([b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xfe\xff"]), st.data())
def test_bytes_that_are_no_UTF_8_are_named_with_their_line(
    tree: Path, of: tuple[str, str], wrong: bytes, data: st.DataObject
) -> None:
    read, part = of
    text = SOURCES[part]
    before = text[: data.draw(st.integers(1, len(text)))]
    message = complaint(tree, before.encode() + wrong + text[len(before) :].encode(), part=part, read=read)
    line = before.count("\n") + 1
    assert message is not None
    assert f"{Path(part).name}:{line}: is not UTF-8 (byte 0x{wrong[0]:02x})" in message


@given(PARTS, st.sampled_from(["utf-8-sig", "utf-16", "utf-16-le", "utf-32"]))
def test_a_real_file_in_another_encoding(tree: Path, of: tuple[str, str], encoding: str) -> None:
    read, part = of
    message = complaint(tree, SOURCES[part].encode(encoding), part=part, read=read)
    assert message is not None
    assert f"{Path(part).name}:1: " in message
    assert "UTF-8" in message


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
