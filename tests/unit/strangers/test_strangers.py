"""targets/strangers: what a stranger promises is what its documentation says, and its pins are exact."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from chaos.target_file import load_target

STRANGERS = Path(__file__).resolve().parents[3] / "targets/strangers"
FILES = sorted(STRANGERS.glob("*/target.toml"))

_spec = importlib.util.spec_from_file_location("environments", STRANGERS.parent / "environments.py")
assert _spec is not None
assert _spec.loader is not None
environments = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(environments)

every_stranger = pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)


def test_there_are_eight_or_more_in_three_languages() -> None:
    assert len(FILES) >= 8
    assert {load_target(file).description.rpartition(", ")[2] for file in FILES} == {"Python", "JavaScript", "Go"}


@every_stranger
def test_its_description_names_the_version_that_is_pinned(file: Path) -> None:
    target = load_target(file)
    assert target.name == file.parent.name
    assert environments.version(file.parent) in target.description.split(", ")[0].split()


@every_stranger
def test_each_family_of_promises_names_its_documentation(file: Path) -> None:
    above: list[str] = []
    families = 0
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("[promises."):
            families += 1
            assert re.search(r"https://\S+", " ".join(above)), f"{line} has no link above it"
        above = [*above, line] if line.startswith("#") else []
    assert families


@pytest.mark.parametrize("loose", ["websockets>=17", "websockets", "websockets==17.*"])
def test_a_pin_that_is_not_exact_is_refused(loose: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"{loose}\n")
    with pytest.raises(ValueError, match=r"is not pinned to one version; found .*, write .* 1\.2\.3"):
        environments.pins(tmp_path)


def test_an_environment_that_is_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger, environment, ran = tmp_path / "a", tmp_path / "environment", []
    stranger.mkdir()
    (stranger / "requirements.txt").write_text("a==1.0\n")
    monkeypatch.setattr(environments, "_run", lambda command, **_: ran.append(command))
    assert environments.make(stranger, environment)
    made = len(ran)
    assert not environments.make(stranger, environment)
    assert len(ran) == made == 2
    (stranger / "requirements.txt").write_text("a==1.1\n")
    assert environments.make(stranger, environment)
