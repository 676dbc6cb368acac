"""Where a target file is looked for: what is said where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import ConfigurationError
from chaos.target_file import load_target
from tests.unit.target_file.writing import MINIMAL, complaint, write


def test_no_such_file(tmp_path: Path) -> None:
    assert complaint(tmp_path / "target.toml") == "there is no target file FILE"


def test_a_misspelt_file_name(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL)
    assert complaint(tmp_path / "targt.toml") == "there is no target file FILE; did you mean DIR/target.toml?"


def test_a_misspelt_directory(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    write(tmp_path / "reference", MINIMAL)
    with pytest.raises(ConfigurationError) as caught:
        load_target(tmp_path / "refrence" / "target.toml")
    assert str(caught.value).endswith(f"; did you mean {tmp_path}/reference/target.toml?")


def test_a_file_name_without_its_ending(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL)
    assert complaint(tmp_path / "target") == "there is no target file FILE; did you mean FILE.toml?"


def test_other_files_are_listed_where_none_is_near(tmp_path: Path) -> None:
    (tmp_path / "abc.toml").touch()
    (tmp_path / "notes.txt").touch()
    assert complaint(tmp_path / "my-server.toml") == "there is no target file FILE; DIR has abc.toml"


def test_a_directory_with_a_target_file(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL)
    with pytest.raises(ConfigurationError) as caught:
        load_target(tmp_path)
    assert str(caught.value) == f"{tmp_path} is a directory, not a target file; did you mean {tmp_path}/target.toml?"


def test_a_directory_with_other_toml_files(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").touch()
    with pytest.raises(ConfigurationError) as caught:
        load_target(tmp_path)
    assert str(caught.value) == f"{tmp_path} is a directory, not a target file; did you mean {tmp_path}/mine.toml?"


def test_an_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r" \(and there is no target\.toml in it\)$"):
        load_target(tmp_path)


def test_a_file_in_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    with pytest.raises(ConfigurationError, match=r"^cannot read the target file .*: Not a directory$"):
        load_target(path / "target.toml")
