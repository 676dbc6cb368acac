"""Segments on disk: merged by time, readable after a SIGKILL, refused when they come from the future."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from chaos.errors import JournalError
from chaos.journal import (
    Beat,
    FindingMade,
    JournalWriter,
    MemoryHeld,
    Note,
    Phase,
    PhaseEntered,
    Sample,
    Segment,
    VerdictGiven,
    read_journal,
)
from chaos.journal.events import VERSION

KILLED_WHILE_WRITING = """
    import os, signal, sys
    from pathlib import Path
    from chaos.journal import Beat, JournalWriter, Phase, PhaseEntered
    journal = JournalWriter(Path(sys.argv[1]), role="conductor", run="r", cell="c")
    journal.write(Beat(at=1.0, ok=True, round_trip=0.001, lateness=0.0))
    journal.write(PhaseEntered(at=2.0, phase=Phase.FAULT))
    journal.write(Beat(at=3.0, ok=True, round_trip=0.001, lateness=0.0))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def writer(directory: Path, role: str = "conductor") -> JournalWriter:
    return JournalWriter(directory, role=role, run="run", cell="cell")


def test_segments_are_merged_by_time(tmp_path: Path) -> None:
    with writer(tmp_path, "conductor") as first, writer(tmp_path, "agent") as second:
        first.write(Note(at=1e9 + 1, text="first"))
        second.write(Note(at=1e9 + 2, text="second"))
        first.write(Note(at=1e9 + 3, text="third"))
    journal = read_journal(tmp_path)
    assert [note.text for note in journal.of(Note)] == ["first", "second", "third"]
    assert {segment.role for segment in journal.of(Segment)} == {"conductor", "agent"}
    assert journal.truncated == ()


def test_a_segment_begins_with_who_wrote_it(tmp_path: Path) -> None:
    writer(tmp_path).close()
    (segment,) = read_journal(tmp_path).of(Segment)
    assert (segment.version, segment.role, segment.pid) == (VERSION, "conductor", os.getpid())
    assert (segment.run, segment.cell) == ("run", "cell")


def test_what_was_written_before_a_sigkill_is_there(tmp_path: Path) -> None:
    """Phases are handed to the kernel at once, and what waited before them goes along; the last beat is lost."""
    script = textwrap.dedent(KILLED_WHILE_WRITING)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=30)
    assert done.returncode == -signal.SIGKILL
    journal = read_journal(tmp_path)
    assert [beat.at for beat in journal.of(Beat)] == [1.0]
    assert [event.phase for event in journal.of(PhaseEntered)] == [Phase.FAULT]
    assert journal.truncated == ()


def test_a_line_cut_off_in_the_middle_is_left_out_and_named(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:
        journal.write(Note(at=1.0, text="whole"))
        path = journal.path
    path.write_bytes(path.read_bytes() + b'{"kind":"Note","at":2.0,"te')
    read = read_journal(tmp_path)
    assert [note.text for note in read.of(Note)] == ["whole"]
    assert read.truncated == (path.name,)


def test_a_line_cut_off_in_the_middle_of_a_character_is_left_out(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:
        journal.write(Note(at=1.0, text="grüße"))
        path = journal.path
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[-1][:-6])
    assert read_journal(tmp_path).truncated == (path.name,)


def test_a_segment_that_never_got_a_whole_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "crowd-1.ndjson").write_bytes(b'{"kind":"Segm')
    read = read_journal(tmp_path)
    assert read.events == ()
    assert read.truncated == ("crowd-1.ndjson",)


def test_a_broken_line_elsewhere_is_an_error_with_its_place(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:
        path = journal.path
    path.write_text(path.read_text() + "rubbish\n" + '{"kind":"Note","at":1.0,"text":"x"}\n')
    with pytest.raises(JournalError, match=f"^{path.name}, line 2: not an event of a journal: 'rubbish'$"):
        read_journal(tmp_path)


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:
        path = journal.path
    record = json.loads(path.read_text())
    record["version"] = VERSION + 1
    path.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    message = (
        f"{path.name} is of journal version {VERSION + 1}; this release reads up to {VERSION}: "
        "update it to read this run"
    )
    for kinds in ((), (Note,)):
        with pytest.raises(JournalError) as caught:
            read_journal(tmp_path, kinds=kinds)
        assert str(caught.value) == message


def test_a_former_name_is_found_by_the_present_one(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:
        path = journal.path
    path.write_text(path.read_text() + '{"kind":"Held","at":1.0,"count":2,"memory":3,"wave":4}\n')
    assert read_journal(tmp_path, kinds=(MemoryHeld,)).of(MemoryHeld) == [MemoryHeld(at=1.0, count=2, memory=3, wave=4)]


def test_a_directory_without_segments_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r": it holds no \.ndjson segment$"):
        read_journal(tmp_path)


def test_only_the_kinds_asked_for_are_read(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:
        journal.write(Sample(at=1.0, took=0.001))
        journal.write(Note(at=2.0, text="x"))
        journal.write(
            FindingMade(at=3.0, expectation="e", verdict="held", observed="o", promised="p"),
        )
    read = read_journal(tmp_path, kinds=(FindingMade, VerdictGiven))
    assert [type(event) for event in read.events] == [FindingMade, Segment]


def test_looking_things_up(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:
        for at in (1.0, 2.0, 3.0):
            journal.write(Note(at=at, text=f"{at:g}"))
    read = read_journal(tmp_path)
    first, last = read.first(Note), read.last(Note)
    assert first is not None
    assert last is not None
    assert (first.text, last.text) == ("1", "3")
    assert read.first(Sample) is None
    assert read.last(Sample) is None
    assert [note.text for note in read.between(1.0, 3.0).of(Note)] == ["1", "2"]


def test_several_threads_write_whole_lines(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:

        def write(number: int) -> None:
            for count in range(200):
                journal.write(Note(at=count / 1000, text=f"{number}:{count}" * 20))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(read_journal(tmp_path).of(Note)) == 800


def test_closing_twice_is_fine_and_writing_afterwards_is_not(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match=r"^the journal .* is closed$"):
        journal.write(Note(at=1.0, text="late"))


def test_what_could_not_be_written_once_is_an_error_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the journal has a hole, and nobody is told who was not there when it was made."""
    journal = writer(tmp_path)
    descriptors = len(os.listdir("/proc/self/fd"))

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    said = rf"^cannot write the journal {journal.path}: No space left on device$"
    with monkeypatch.context() as patched:
        patched.setattr("chaos.journal.writer.os.write", full)
        with pytest.raises(JournalError, match=said):
            journal.write(Note(at=1.0, text="full"))
    with pytest.raises(JournalError, match=said):
        journal.flush()
    with pytest.raises(JournalError, match=said):
        journal.close()
    assert len(os.listdir("/proc/self/fd")) == descriptors - 1
    journal.close()


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"^cannot write the journal .*: Not a directory$"):
        writer(tmp_path / "file" / "cell")


def test_the_same_process_goes_on_in_the_same_segment(tmp_path: Path) -> None:
    """A cell that is opened twice appends; it never overwrites what is there."""
    for text in ("first", "second"):
        with writer(tmp_path) as journal:
            journal.write(Note(at=1.0, text=text))
    read = read_journal(tmp_path)
    assert [note.text for note in read.of(Note)] == ["first", "second"]
    assert len(read.of(Segment)) == 2
