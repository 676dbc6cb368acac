"""Run directories: made, found again, and pointed at by `latest`, also when two runs start at once."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from chaos.errors import ConfigurationError, JournalError
from chaos.report import Run, create_run, find_state, list_runs, open_run

HELD_UP = 0.3
"""Seconds: a hundred times what it takes to make a run."""
NODE = "tests/scenarios/test_cleanup.py::test_dead_peers[reset]"


def make(state: Path, *, seed: int = 7) -> Run:
    return create_run(
        state,
        target="mine",
        target_file="targets/mine/target.toml",
        runtime="processes",
        runtime_reason="no engine answers",
        seed=seed,
        versions={"python": "3.11"},
        argv=("-m", "chaos"),
        options=("--chaos-allow-host=staging",),
    )


def test_a_run_is_read_as_it_was_written(state: Path) -> None:
    made = make(state)
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", made.id)
    assert made.directory == state / "runs" / made.id
    assert open_run(state, made.id).header == made.header
    assert made.header.seconds is None


def test_a_command_line_with_bytes_that_nobody_can_decode_is_kept(state: Path) -> None:
    argv = ("--junit-xml=caf\udce9.xml",)
    made = create_run(state, target="", target_file="", runtime="", runtime_reason="", seed=7, versions={}, argv=argv)
    assert open_run(state, made.id).header.argv == argv


def test_finishing_notes_the_end(state: Path) -> None:
    made = make(state)
    ended = made.finish(exit_code=1)
    assert open_run(state).header == ended.header
    assert ended.header.exit_code == 1
    assert ended.header.seconds is not None
    assert ended.header.seconds >= 0


def test_latest_is_the_run_that_started_last(state: Path) -> None:
    first, second = make(state), make(state)
    assert not (state / "latest").is_symlink(), "neither has a cell"
    assert open_run(state).id == second.id
    second.new_cell(NODE)
    first.new_cell(NODE)
    assert (state / "latest").is_symlink()
    assert (state / "latest").resolve().name == second.id
    assert not (state / "latest").readlink().is_absolute(), "the directory may be moved"
    first.finish(exit_code=0)
    assert open_run(state).id == second.id


def test_latest_is_the_newest_with_cells_where_one_has_any(state: Path) -> None:
    first, second, third = (make(state, seed=seed) for seed in range(3))
    assert open_run(state).id == third.id
    second.new_cell(NODE)
    first.new_cell(NODE)
    assert open_run(state).id == second.id
    assert open_run(state, third.id).id == third.id


def test_latest_is_no_replay_where_there_is_another(state: Path) -> None:
    first = make(state)
    first.new_cell(NODE)
    replay = create_run(
        state, target="t", target_file="", runtime="r", runtime_reason="", seed=1, versions={}, replay_of=first.id
    )
    replay.new_cell(NODE)
    assert (state / "latest").resolve().name == first.id
    assert open_run(state).id == first.id
    assert open_run(state, replay.id).header.replay_of == first.id
    (state / "latest").unlink()
    assert open_run(state).id == first.id
    shutil.rmtree(first.directory)
    assert open_run(state).id == replay.id


def test_what_the_target_declares_is_kept(state: Path) -> None:
    made = create_run(
        state, target="t", target_file="", runtime="r", runtime_reason="", seed=1, versions={}, declares=("liveness",)
    )
    assert open_run(state, made.id).header.declares == ("liveness",)
    assert make(state).header.declares is None


def test_latest_after_the_newest_run_was_deleted(state: Path) -> None:
    first, second = make(state), make(state)
    shutil.rmtree(second.directory)
    assert open_run(state).id == first.id


def test_the_state_directory_may_be_moved(state: Path, tmp_path: Path) -> None:
    made = make(state)
    made.new_cell(NODE)
    state.rename(tmp_path / "elsewhere")
    moved = open_run(tmp_path / "elsewhere")
    assert moved.id == made.id
    assert [path.name for path in moved.cells()] == ["cleanup-dead_peers-reset"]


def test_runs_that_start_at_once_all_get_a_directory_and_latest_is_one_of_the_last(state: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from chaos.report.runs import create_run
        for _ in range(20):
            run = create_run(Path(sys.argv[1]), target="t", target_file="", runtime="r", runtime_reason="", seed=1,
                             versions={})
            run.new_cell("test_a.py::test_b")
            assert (Path(sys.argv[1]) / "latest" / "run.json").is_file()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(state)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    runs = list_runs(state)
    assert len(runs) == 60
    assert open_run(state).id == runs[-1].id
    assert not [path for path in state.iterdir() if path.name.startswith(".latest")]


def test_a_run_waits_while_another_is_being_made(state: Path) -> None:
    """Without the lock, the slower of two could point `latest` back at itself."""
    state.mkdir()
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread = threading.Thread(target=make, args=(state,))
        thread.start()
        thread.join(timeout=HELD_UP)
        assert thread.is_alive()
        assert list_runs(state) == []
    thread.join()
    assert len(list_runs(state)) == 1


def test_runs_are_listed_oldest_first(state: Path) -> None:
    made = [make(state, seed=seed) for seed in range(3)]
    assert [run.id for run in list_runs(state)] == [run.id for run in made]
    assert list_runs(state / "nowhere") == []


def test_the_beginning_of_an_id_will_do(state: Path) -> None:
    made = make(state)
    assert open_run(state, made.id[:-3]).id == made.id


def test_the_beginning_of_several_ids(state: Path) -> None:
    first, second = make(state), make(state)
    common = "".join(one for one, other in zip(first.id, second.id, strict=True) if one == other)[:4]
    with pytest.raises(ConfigurationError) as caught:
        open_run(state, common)
    assert str(caught.value) == f"'{common}' begins the names of 2 runs: {', '.join(sorted([first.id, second.id]))}"


def test_an_unknown_run_names_the_nearest(state: Path) -> None:
    made = make(state)
    wrong = made.id[:-1] + "z"
    with pytest.raises(ConfigurationError) as caught:
        open_run(state, wrong)
    assert str(caught.value) == f"no run {wrong!r}; did you mean {made.id}?"
    with pytest.raises(ConfigurationError) as caught:
        open_run(state, "")
    assert str(caught.value) == f"no run ''; the newest runs are {made.id}"


def test_no_run_at_all(state: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^no run has been recorded in .*; `pytest -m chaos` makes one$"):
        open_run(state)


def test_names_do_not_lead_out_of_the_state_directory(state: Path, tmp_path: Path) -> None:
    make(state)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"^no run '\.\./\.\.'"):
        open_run(state, "../..")


def test_a_header_of_a_later_release_is_read_as_far_as_it_is_known(state: Path) -> None:
    made = make(state)
    path = made.directory / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "blue"}))
    assert open_run(state).header == made.header


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": "x"}', "rubbish"])
def test_a_broken_header_is_an_error_with_its_place(state: Path, text: str) -> None:
    made = make(state)
    (made.directory / "run.json").write_text(text)
    with pytest.raises(JournalError, match=rf"^{made.id}/run\.json is not the header of a run: "):
        open_run(state)


def test_a_state_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        JournalError, match=r"^cannot make a run directory in .*: Not a directory; --chaos-dir names another place$"
    ):
        make(tmp_path / "file" / ".chaos")


def test_cells_are_listed_in_the_order_in_which_they_began(state: Path) -> None:
    made = make(state)
    for name in ("z", "a", "m"):
        made.new_cell(f"test_x.py::test_{name}")
    assert [path.name for path in made.cells()] == ["x-z", "x-a", "x-m"]


def test_a_cell_that_runs_twice_has_two_directories(state: Path) -> None:
    made = make(state)
    assert [made.new_cell(NODE).name for _ in range(2)] == ["cleanup-dead_peers-reset", "cleanup-dead_peers-reset-2"]


def test_a_cell_is_found_by_its_name_or_its_node(state: Path) -> None:
    made = make(state)
    directory = made.new_cell(NODE)
    assert made.cell("cleanup-dead_peers-reset") == directory
    assert made.cell(NODE) == directory
    assert made.node("cleanup-dead_peers-reset") == NODE


def test_a_cell_is_run_again_by_its_node_or_by_its_module(state: Path) -> None:
    made = make(state)
    made.new_cell(NODE)
    made.new_cell("../site-packages/test_x.py::test_it[reset]", module="chaos.scenarios.test_x")
    assert made.selection("cleanup-dead_peers-reset") == [NODE]
    assert made.selection("x-it-reset") == ["--pyargs", "chaos.scenarios.test_x::test_it[reset]"]


@pytest.mark.parametrize("name", ["..", ".", "", "/", "../cells"])
def test_what_lies_elsewhere_is_no_cell(state: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="has no cell"):
        make(state).cell(name)


def test_an_unknown_cell_names_the_nearest(state: Path) -> None:
    made = make(state)
    made.new_cell(NODE)
    made.new_cell(NODE.replace("reset", "down"))
    with pytest.raises(ConfigurationError) as caught:
        made.cell("cleanup-dead_pears-reset")
    assert str(caught.value) == (
        f"run {made.id} has no cell 'cleanup-dead_pears-reset'; "
        "did you mean cleanup-dead_peers-reset or cleanup-dead_peers-down?"
    )
    with pytest.raises(ConfigurationError) as caught:
        made.cell("xyz")
    assert str(caught.value) == (
        f"run {made.id} has no cell 'xyz'; its cells are cleanup-dead_peers-reset, cleanup-dead_peers-down"
    )


def test_a_run_without_cells(state: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no cell 'x'; its cells: none$"):
        make(state).cell("x")


def test_a_cell_that_does_not_say_its_test(state: Path) -> None:
    made = make(state)
    directory = made.new_cell(NODE)
    (directory / "cell.json").unlink()
    with pytest.raises(ConfigurationError, match=r"does not say which test it was$"):
        made.node(directory.name)


def test_the_state_directory_is_looked_for_upwards(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_state(inner) == inner / ".chaos"
    (tmp_path / ".chaos").mkdir()
    assert find_state(inner) == tmp_path / ".chaos"
