"""Writing a segment: one file for each process and cell, appended to and never rewritten."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType

from chaos.errors import JournalError
from chaos.journal.codec import encode
from chaos.journal.events import (
    VERSION,
    Event,
    FindingMade,
    Healing,
    Injected,
    Note,
    PhaseEntered,
    Receipt,
    Segment,
    ServerEvent,
    VerdictGiven,
)

__all__ = ["FLUSH_WITHIN", "JournalWriter"]

FLUSH_WITHIN = 0.1
"""Seconds that a sample or an outcome may wait in memory: what a SIGKILL of the writer can lose."""

_AT_ONCE = (Segment, PhaseEntered, Injected, Receipt, Healing, ServerEvent, FindingMade, VerdictGiven, Note)


class JournalWriter:
    """Appends events to `DIRECTORY/ROLE-PID.ndjson`; safe to call from several threads.

    What was handed to the kernel survives a SIGKILL of this process (not a power failure: nothing is fsynced).
    Raises JournalError when the file cannot be written, and from then on at every call: a journal with a hole in it is
    no evidence.
    """

    def __init__(self, directory: Path, *, role: str, run: str, cell: str) -> None:
        self.path = directory / f"{role}-{os.getpid()}.ndjson"
        self._lock = threading.Lock()
        self._pending: list[str] = []
        self._flushed = time.monotonic()
        self._failed: JournalError | None = None
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalError(f"cannot write the journal {self.path}: {error.strerror}") from error
        now = time.monotonic()
        self.write(Segment(at=now, version=VERSION, role=role, pid=os.getpid(), run=run, cell=cell, wall=time.time()))

    def write(self, event: Event) -> None:
        """Append one event: faults, findings and phases at once, everything else within `FLUSH_WITHIN`.

        The bound holds as long as something is written or `flush` is called that often.
        """
        line = encode(event)
        with self._lock:
            self._pending.append(line)
            if isinstance(event, _AT_ONCE) or time.monotonic() - self._flushed >= FLUSH_WITHIN:
                self._flush()

    def flush(self) -> None:
        """Hand everything pending to the kernel."""
        with self._lock:
            self._flush()

    def close(self) -> None:
        """Flush and close, whatever has failed; closing twice is fine."""
        with self._lock:
            if self._fd < 0:
                return
            try:
                self._flush()
            finally:
                os.close(self._fd)
                self._fd = -1

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        if self._failed is not None:
            raise self._failed
        if not self._pending:
            return
        if self._fd < 0:
            raise JournalError(f"the journal {self.path} is closed")
        data = ("\n".join(self._pending) + "\n").encode()
        self._pending.clear()
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            self._failed = JournalError(f"cannot write the journal {self.path}: {error.strerror}")
            raise self._failed from error

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
