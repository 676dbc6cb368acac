"""The agent's segment of the journal: open for one cell, or not at all."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.errors import AgentError

if TYPE_CHECKING:
    from chaos.journal import JournalWriter

__all__ = ["Recorder"]


class Recorder:
    """Writes events from any thread into the segment of the open cell; without one they are dropped.

    The journal's module is loaded with the first cell: it takes 20 ms that the agent's start does not have to wait for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writer: JournalWriter | None = None
        self._cell = ""

    def open(self, directory: Path, *, run: str, cell: str) -> Path:
        """Begin the segment of a cell and return its path. Raises AgentError while another cell is open."""
        from chaos.journal import JournalWriter

        with self._lock:
            if self._writer is not None:
                raise AgentError(f"the cell {self._cell!r} is open; close_cell it before opening {cell!r}")
            self._writer = JournalWriter(directory, role="agent", run=run, cell=cell)
            self._cell = cell
            return self._writer.path

    def close(self) -> None:
        """End the segment; fine when none is open."""
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    def sample(self, at: float, fields: dict[str, Any]) -> None:
        """Write a Sample, at once: what one costs in a system call is 1 % of what it costs to take."""
        self._write("Sample", at, fields)

    def note(self, text: str) -> None:
        """Write a remark of the harness itself."""
        self._write("Note", time.monotonic(), {"text": text})

    def server_exited(self, *, pid: int, exit_code: int, name: str) -> None:
        """Write that a sampled process ended."""
        fields = {"what": "exited", "pid": pid, "exit_code": exit_code, "detail": name}
        self._write("ServerEvent", time.monotonic(), fields)

    def _write(self, kind: str, at: float, fields: dict[str, Any]) -> None:
        with self._lock:
            if self._writer is None:
                return
            from chaos.journal.events import KINDS

            self._writer.write(KINDS[kind](at=at, **fields))
            self._writer.flush()
