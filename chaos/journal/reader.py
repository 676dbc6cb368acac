"""Reading a journal: the segments of a directory, merged by time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chaos.errors import JournalError
from chaos.journal.codec import decode
from chaos.journal.events import VERSION, Event, Segment
from chaos.journal.former import names_of

__all__ = ["Journal", "read_journal"]

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Journal:
    """The events of one cell in the order of their time."""

    events: tuple[Event, ...]
    truncated: tuple[str, ...] = ()
    """Segments whose last line was cut off: their writer was killed in the middle of it."""

    def of(self, kind: type[E]) -> list[E]:
        """All events of a kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def first(self, kind: type[E]) -> E | None:
        return next((event for event in self.events if isinstance(event, kind)), None)

    def last(self, kind: type[E]) -> E | None:
        return next((event for event in reversed(self.events) if isinstance(event, kind)), None)

    def between(self, start: float, end: float) -> Journal:
        """The part from `start` (inclusive) to `end` (exclusive), seconds monotonic."""
        return Journal(events=tuple(event for event in self.events if start <= event.at < end))


def read_journal(directory: Path, *, kinds: Collection[type[Event]] = ()) -> Journal:
    """Merge every segment in `directory`; with `kinds`, only events of these, which is many times faster.

    A last line without its newline belongs to a writer that was killed: it is left out and named in `truncated`.
    Raises JournalError for a directory without segments, a broken line elsewhere, or a later version.
    """
    paths = sorted(directory.glob("*.ndjson"))
    if not paths:
        raise JournalError(f"no journal in {directory}: it holds no .ndjson segment")
    # the writer puts the kind first, and every segment says its version
    names = [name for kind in (*kinds, Segment) for name in names_of(kind.__name__)]
    wanted = tuple(f'{{"kind":"{name}"' for name in names) if kinds else ("",)
    events: list[Event] = []
    truncated = []
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        whole, _, rest = text.rpartition("\n")
        if rest:
            truncated.append(path.name)
        events.extend(_events(whole, path, wanted))
    events.sort(key=lambda event: event.at)
    return Journal(events=tuple(events), truncated=tuple(truncated))


def _events(text: str, path: Path, wanted: tuple[str, ...]) -> Iterator[Event]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or not line.startswith(wanted):
            continue
        try:
            event = decode(line)
        except JournalError as error:
            raise JournalError(f"{path.name}, line {number}: {error}") from error
        if isinstance(event, Segment) and event.version > VERSION:
            raise JournalError(
                f"{path.name} is of journal version {event.version}; this release reads up to {VERSION}: "
                "update it to read this run"
            )
        yield event
