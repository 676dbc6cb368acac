"""The recorder: between cells it drops, in one it writes, and a full disk is told at the end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.crowd.recorder import Recorder
from chaos.errors import JournalError
from chaos.journal import Ended, Note, Segment, read_journal

AT_ONCE = Note(at=1.0, text="goes to the kernel at once")
LATER = Ended(at=1.0, crowd="guests", client=0, by="server", how="eof")


def test_outside_a_cell_events_are_dropped(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.write(AT_ONCE)
    recorder.flush()
    recorder.close()
    recorder.open(tmp_path, run="run", cell="cell")
    recorder.write(LATER)
    recorder.close()
    recorder.write(AT_ONCE)
    assert [type(event) for event in read_journal(tmp_path).events] == [Ended, Segment]


def test_opening_a_cell_completes_the_one_before(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.open(tmp_path / "first", run="run", cell="first")
    recorder.write(LATER)
    recorder.open(tmp_path / "second", run="run", cell="second")
    assert len(read_journal(tmp_path / "first").of(Ended)) == 1
    assert read_journal(tmp_path / "second").of(Ended) == []
    recorder.close()


@pytest.mark.parametrize(
    "fail",
    [
        lambda recorder: recorder.write(AT_ONCE),
        lambda recorder: (recorder.write(LATER), recorder.flush()),
    ],
    ids=["write", "flush"],
)
def test_a_full_disk_is_told_at_the_end_and_once(tmp_path: Path, fail: Callable[[Recorder], object]) -> None:
    recorder = Recorder()
    recorder.open(tmp_path, run="run", cell="cell")
    with _full_disk(tmp_path):
        fail(recorder)
    # There is room again: what was lost stays lost, and nothing is written that would hide the gap.
    recorder.write(AT_ONCE)
    with pytest.raises(JournalError, match=r"^cannot write the journal .+: No space left on device$"):
        recorder.close()
    recorder.close()
    assert read_journal(tmp_path).of(Note) == []


@contextlib.contextmanager
def _full_disk(directory: Path) -> Iterator[None]:
    """Have the descriptor of the only journal in the directory lead to a disk that is full, for a while."""
    (path,) = directory.glob("*.ndjson")
    own = Path("/proc/self/fd")
    (descriptor,) = [int(name) for name in os.listdir(own) if _leads_to(own / name) == os.path.realpath(path)]
    saved = os.dup(descriptor)
    with open("/dev/full", "wb") as full:
        os.dup2(full.fileno(), descriptor)
    try:
        yield
    finally:
        os.dup2(saved, descriptor)
        os.close(saved)


def _leads_to(link: Path) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:  # the descriptor with which the directory was listed
        return ""
