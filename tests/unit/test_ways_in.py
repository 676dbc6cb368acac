"""The ways in, Makefile and `.ci/*`, name only what is there, and a night leaves no scenario out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NIGHTLY = ROOT / ".ci" / "nightly"
WAYS_IN = [ROOT / "Makefile", *sorted((ROOT / ".ci").iterdir())]

NAMED = re.compile(r"(?<![\w./$-])(?:\.ci|chaos|fixtures|targets|tests)/[\w.*/-]*(?:\$[({]?\w+[)}]?[\w.*/-]*)*")
"""A path from the root of this project, with patterns and variables in it."""

VARIABLE = re.compile(r"\$[({]?\w+[)}]?")

OF_AN_ENVIRONMENT = {"requirements.txt", "package.json", "go.mod"}
"""The files of which one says what a server is run with: where one is looked for, the others may be instead."""

MODULE = re.compile(r"-m ((?:chaos|tests|targets|fixtures)(?:\.\w+)*)\b")


@pytest.mark.parametrize("way_in", WAYS_IN, ids=lambda path: path.name)
def test_every_path_is_there(way_in: Path) -> None:
    missing = [path for path in NAMED.findall(way_in.read_text(encoding="utf-8")) if not _there(path)]
    assert missing == []


def test_paths_are_found_at_all() -> None:
    assert {"targets/reference/staging.toml", "targets/incidents/*/nightly.toml", "tests/scenarios"} <= set(
        NAMED.findall(NIGHTLY.read_text(encoding="utf-8"))
    )
    assert NAMED.findall("x=chaos/a.sh; run targets/incidents/$(1)/*/go.mod .chaos/nightly/x /var/lib/chaos/x") == [
        "chaos/a.sh",
        "targets/incidents/$(1)/*/go.mod",
    ]
    assert not _there("targets/reference/stagnation.toml")
    assert not _there("targets/incidents/$(1)/incidental.toml")


@pytest.mark.parametrize("way_in", WAYS_IN, ids=lambda path: path.name)
def test_every_module_is_there(way_in: Path) -> None:
    """A package needs its `__main__`."""
    for module in MODULE.findall(way_in.read_text(encoding="utf-8")):
        found = find_spec(module)
        assert found is not None, module
        assert found.submodule_search_locations is None or find_spec(f"{module}.__main__") is not None, module


def test_every_part_of_a_night_is_told_of_and_known() -> None:
    text = NIGHTLY.read_text(encoding="utf-8")
    told = re.findall(r"^#     ([a-z-]+)  ", text, flags=re.MULTILINE)
    known = [
        name for names in re.findall(r"^    ([a-z-]+(?: \| [a-z-]+)*)\)", text, flags=re.MULTILINE)
        for name in names.split(" | ")
    ]  # fmt: skip
    default = re.search(r"parts=\$\{PARTS:-([a-z -]+)\}", text)
    assert default is not None
    named_only = {name for name in told if re.search(rf"^#     {name}  .*only where it is named$", text, re.MULTILINE)}
    assert sorted(told) == sorted(known)
    assert set(default[1].split()) == set(told) - named_only


def test_a_night_leaves_no_cell_out() -> None:
    """Every scenario is either not slow, slow, or a soak: each of the three is a selection of some part."""
    text = NIGHTLY.read_text(encoding="utf-8")
    for selection in ("chaos and not slow", "chaos and slow and not soak"):
        assert f'-m "{selection}"' in text
    assert " -m soak " in text


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """In place of Python: writes down what it was called with, and fails for the fixed hub's own durations. What it is
    asked before anything is run, it has Python answer."""
    path = tmp_path / "python"
    path.write_text(
        f"""#!/bin/sh
case "$*" in *--able*) exec {sys.executable} "$@" ;; esac
echo "$*" >>{tmp_path}/called
case "$*" in *hub/nightly*) exit 7 ;; esac
""",
        "utf-8",
    )
    path.chmod(0o755)
    return path


def _night(stand_in: Path, **settings: str) -> tuple[int, dict[str, str], list[str]]:
    """The exit code of a night of nothing, how each part ended, and what it called."""
    artifacts = stand_in.parent / "artifacts"
    ended = subprocess.run(
        [NIGHTLY],
        env={**os.environ, "PYTHON_OF_VENV": str(stand_in), "ARTIFACTS": str(artifacts), **settings},
        capture_output=True,
        check=False,
    )
    summary = (artifacts / "summary.txt").read_text(encoding="utf-8").splitlines()
    called = (stand_in.parent / "called").read_text(encoding="utf-8").splitlines()
    return ended.returncode, {line.split()[0]: " ".join(line.split()[1:-2]) for line in summary}, called


def test_a_red_part_keeps_no_other_from_running(stand_in: Path) -> None:
    code, parts, called = _night(stand_in, RUNTIMES="processes containers", SOAK="1m")
    assert code == 1
    assert {name for name, how in parts.items() if how != "green"} == {
        "incidents-real-hub-processes",
        "incidents-real-hub-containers",
    }
    assert parts["incidents-real-hub-processes"] == "RED (exit 7)"
    assert {"slow-processes", "slow-containers", "incidents-containers", "soak-processes", "soak-containers"} <= set(
        parts
    )
    assert len(called) == len(parts)


SLOW = ["slow-set-up", "slow-processes", "slow-tls-processes", "slow-exhaustion-processes"]


def test_a_night_of_some_parts(stand_in: Path) -> None:
    code, parts, called = _night(stand_in, RUNTIMES="processes", PARTS="slow soak", SOAK="")
    assert (code, list(parts)) == (0, SLOW)
    assert all("-m chaos and slow and not soak" in each for each in called[1:])


def test_a_part_that_there_is_not(stand_in: Path) -> None:
    code, parts, _ = _night(stand_in, RUNTIMES="processes", PARTS="slow slower")
    assert (code, list(parts)) == (1, [*SLOW, "slower"])


def _there(path: str) -> bool:
    pattern = Path(VARIABLE.sub("*", path).rstrip("./"))
    names = OF_AN_ENVIRONMENT if pattern.name in OF_AN_ENVIRONMENT else {pattern.name}
    return any(found for name in names for found in ROOT.glob(str(pattern.with_name(name))))
