"""Whatever stands in an incident's file, it is an incident or an error that names a file and the key; no traceback.

As tests/unit/test_target_mutations.py has it of target files.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chaos.errors import ConfigurationError
from chaos.mistakes import dotted
from chaos.report.incident_file import FILE, Incident, load_incident
from tests.unit.mutations import TEXT, VALUES, Place, changed, near_misses, paths_in, renamed, rendered, without

INCIDENTS = Path(__file__).parents[3] / "targets" / "incidents"
SOURCES = {path.parent.name: path.read_text(encoding="utf-8") for path in sorted(INCIDENTS.glob(f"*/{FILE}"))}
DOCUMENTS = {name: tomllib.loads(source) for name, source in SOURCES.items()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The incidents beside the target files of their variants, and the directories that those name."""
    root = tmp_path_factory.mktemp("incidents")
    for path in INCIDENTS.rglob("*"):
        beside = root / path.relative_to(INCIDENTS)
        if path.is_dir():
            beside.mkdir(exist_ok=True)
        elif path.suffix == ".toml" or path.name == "Dockerfile":
            shutil.copy(path, beside)
    return root


def complaint(tree: Path, name: str, data: bytes) -> str | None:
    """What load_incident says of such a file, or None where it is an incident. Any other exception is the find."""
    (tree / name / FILE).write_bytes(data)
    try:
        assert isinstance(load_incident(tree / name), Incident)
    except ConfigurationError as error:
        said = str(error)
    else:
        return None
    assert str(tree / name) in said, "no file is named"
    return said


@st.composite
def places(draw: st.DrawFn, *, keys_alone: bool = False) -> tuple[str, Place]:
    """An incident, and any place in it that has a value, or a value with a name of its own."""
    name = draw(st.sampled_from(list(DOCUMENTS)))
    paths = [path for path in paths_in(DOCUMENTS[name]) if not keys_alone or isinstance(path[-1], str)]
    return name, draw(st.sampled_from(paths))


def told(tree: Path, name: str, document: dict[str, Any]) -> str | None:
    return complaint(tree, name, rendered(document).encode())


def test_what_is_mutated_is_valid_before(tree: Path) -> None:
    for name, document in DOCUMENTS.items():
        assert told(tree, name, document) is None


def assert_named(message: str | None, path: Place) -> None:
    """The message speaks of the key that was changed, or of the file that it names."""
    name = next(name for name in reversed(path) if isinstance(name, str))
    assert message is None or name == "target" or dotted((name,)) in message, f"{dotted(path)}: {message}"


@given(places(), VALUES)
@example(("hub", ("red", 0, "says")), "a{99999999999999999999}")
@example(("hub", ("red", 0, "says")), "(" * 2000 + ")" * 2000)
@example(("hub", ("red", 0, "says")), "[[a]")
def test_another_value(tree: Path, place: tuple[str, Place], value: object) -> None:
    name, path = place
    assert_named(told(tree, name, changed(DOCUMENTS[name], path, value)), path)


@given(places(keys_alone=True), st.data())
def test_another_name(tree: Path, place: tuple[str, Place], data: st.DataObject) -> None:
    name, path = place
    other = data.draw(near_misses(str(path[-1])) | TEXT)
    message = told(tree, name, renamed(DOCUMENTS[name], path, other))
    # Which runtimes there are is not said in this file.
    if other != path[-1] and "not_in" not in path[:-1]:
        assert message is not None, f"{other!r} in place of {dotted(path)} was let pass"
        assert dotted((other,)) in message


@given(places())
def test_a_value_less(tree: Path, place: tuple[str, Place]) -> None:
    name, path = place
    told(tree, name, without(DOCUMENTS[name], path))


@given(st.sampled_from(list(SOURCES)), st.data())
def test_bytes_overwritten(tree: Path, name: str, data: st.DataObject) -> None:
    source = SOURCES[name].encode()
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, min(start + 20, len(source))))
    complaint(tree, name, source[:start] + data.draw(st.binary(max_size=20)) + source[end:])


@pytest.mark.parametrize("data", [b"name = 0x" + b"f" * 5000, b"name = " + b"[" * 300 + b"]" * 300])
def test_what_is_too_much_for_whoever_reads_on(tree: Path, data: bytes) -> None:
    assert_named(complaint(tree, "hub", data), ("name",))
