"""Which cells have been seen red: the file, its mistakes, and how it travels with a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chaos.errors import ConfigurationError
from chaos.report.proven import ProvenCell, keep_proven, proven_for, read_proven, render_proven, shipped_proven

from .samples import make_run

CELL = ProvenCell("liveness", "heartbeat", "", ("ping_every_other_time",))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def test_the_file_reads_like_this(tmp_path: Path) -> None:
    file = tmp_path / "proven.toml"
    file.write_text(render_proven([CELL]), encoding="utf-8")
    assert file.read_text(encoding="utf-8") == (
        '[[cell]]\npromise = "liveness"\nscenario = "heartbeat"\nfault = ""\nby = ["ping_every_other_time"]\n'
    )
    assert read_proven(file) == (CELL,)


@given(st.lists(st.builds(ProvenCell, TEXTS, TEXTS, TEXTS, st.lists(TEXTS.filter(bool), min_size=1).map(tuple))))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, cells: list[ProvenCell]) -> None:
    file = tmp_path_factory.mktemp("proven") / "proven.toml"
    file.write_text(render_proven(cells), encoding="utf-8", newline="")
    assert read_proven(file) == tuple(sorted(cells))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[cell]", "{file} is no TOML: "),
        ("[cells]", "{file}: only [[cell]] entries stand in it; found cells"),
        ("cell = 1", "{file}: only [[cell]] entries stand in it; found cell"),
        (
            "[[cell]]\npromise = 'x'",
            "{file}: [[cell]] 1 takes promise, scenario, fault, by; found promise",
        ),
        (
            render_proven([CELL]) + "[[cell]]\npromise = 1\nscenario = ''\nfault = ''\nby = ['x']",
            "{file}: [[cell]] 2: promise is a string; found 1",
        ),
        (
            "[[cell]]\npromise = ''\nscenario = ''\nfault = ''\nby = 'x'",
            "{file}: [[cell]] 1: by is a list; found 'x'",
        ),
        (
            "[[cell]]\npromise = ''\nscenario = ''\nfault = ''\nby = []",
            "{file}: [[cell]] 1: by names what the cell was seen red against, one at least; found []",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as told:
        read_proven(file)
    assert str(told.value).startswith(message.format(file=file))


@given(st.binary(max_size=200))
@example(b"a = " + b"9" * 5000)
@example(b"a = " + b"[" * 5000 + b"]" * 5000)
@example(b"\xef\xbb\xbf[[cell]]")
@example(b"[[cell]]\npromise = 2021-02-03\nscenario = nan\nfault = ''\nby = [[]]")
def test_any_bytes_are_cells_or_a_mistake_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("proven") / "mine.toml"
    file.write_bytes(data)
    said = str(file)
    try:
        read_proven(file)
    except ConfigurationError as error:
        said = str(error)
    assert str(file) in said


def test_a_file_that_is_not_there_is_told_with_the_setting_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as told:
        read_proven(tmp_path / "none.toml")
    assert str(told.value) == f"cannot read {tmp_path / 'none.toml'}: No such file or directory; chaos_proven names it"


def test_an_author_s_cells_travel_with_the_run_beside_the_suite_s_own(state: Path) -> None:
    run = make_run(state, ())
    own = ProvenCell("mine", "my scenario", "my-fault", ("my_defect",))
    shipped = {cell.key for cell in shipped_proven()}
    assert proven_for(run) == shipped
    keep_proven(run, [own])
    assert proven_for(run) == shipped | {("mine", "my scenario", "my-fault")}
