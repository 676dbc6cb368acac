"""Where a worker's events go: into the open cell's journal, or nowhere between two cells."""

from __future__ import annotations

from pathlib import Path

from chaos.errors import JournalError
from chaos.journal import Event, JournalWriter

__all__ = ["Recorder"]


class Recorder:
    """The journal of the cell that is open, if one is.

    A journal that can no longer be written must not break a connection in the middle of a callback: the error is kept
    and raised by `close`.
    """

    def __init__(self) -> None:
        self._writer: JournalWriter | None = None
        self._error: JournalError | None = None

    def open(self, directory: Path, *, run: str, cell: str) -> None:
        """Begin a segment; one that is still open is closed first. Raises JournalError."""
        self.close()
        self._writer = JournalWriter(directory, role="crowd", run=run, cell=cell)

    def write(self, event: Event) -> None:
        """Append an event; outside a cell it is dropped."""
        if self._writer is None or self._error is not None:
            return
        try:
            self._writer.write(event)
        except JournalError as error:
            self._error = error

    def flush(self) -> None:
        """Hand what is pending to the kernel."""
        if self._writer is None or self._error is not None:
            return
        try:
            self._writer.flush()
        except JournalError as error:
            self._error = error

    def close(self) -> None:
        """End the segment. Raises JournalError when any of it could not be written."""
        writer, error = self._writer, self._error
        self._writer = self._error = None
        if writer is not None:
            writer.close()
        if error is not None:
            raise error
