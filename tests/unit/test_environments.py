"""targets/environments.py: which folders it makes an environment for, and which it cannot here."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "targets" / "environments.py"

_spec = importlib.util.spec_from_file_location("environments", FILE)
assert _spec is not None
assert _spec.loader is not None
environments = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(environments)


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Two servers, one of Node's and one of Python's, and a folder that is none."""
    for name in ("node/package.json", "python/requirements.txt", "notes/README.md"):
        file = tmp_path / "hub" / name
        file.parent.mkdir(parents=True)
        file.write_text("")
    return tmp_path / "hub"


def test_a_folder_without_pins_stands_for_those_in_it_that_have_some(hub: Path) -> None:
    assert environments.parts(hub) == [hub / "node", hub / "python"]
    assert environments.parts(hub / "node") == [hub / "node"]
    assert environments.parts(hub / "notes") == []


@pytest.mark.parametrize(("there", "lacking"), [({"npm"}, []), (set(), ["npm"])])
def test_what_its_environments_take_and_this_machine_lacks(
    hub: Path, monkeypatch: pytest.MonkeyPatch, there: set[str], lacking: list[str]
) -> None:
    monkeypatch.setattr(environments.shutil, "which", lambda program: program if program in there else None)
    assert environments.lacking(hub) == lacking
    assert environments.lacking(hub / "python") == []


def test_those_that_can_be_made_are_told_and_the_others_with_the_reason(
    hub: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments.shutil, "which", lambda program: None)
    monkeypatch.chdir(hub)
    assert environments.main(["--able", str(hub), str(hub / "python")]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("python\n", "hub is left out: it takes npm\n")


def test_a_folder_in_which_there_are_no_pins_is_refused(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert environments.main([str(hub / "notes")]) == 1
    assert capsys.readouterr().err == (
        f"error: {hub / 'notes'} holds none of requirements.txt, package.json, go.mod, nor does a folder in it\n"
    )
