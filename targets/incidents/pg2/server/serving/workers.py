"""Who serves: each worker keeps a file of its own with the number of its clients, and any of them can read all.

The worker holds a lock on its file for as long as it lives. The kernel lets go of it when the worker ends, however it
does, and so a dead one is seen by whoever can take the lock; process numbers would mean nothing from another namespace.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

DIRECTORY = Path(tempfile.gettempdir()) / "workers"
_DIGITS = 10


class Workers:
    """The workers of this server, seen from one of them."""

    def __init__(self, *, expected: int, directory: Path = DIRECTORY) -> None:
        self.expected = expected
        self._directory = directory
        self._clients = 0
        directory.mkdir(exist_ok=True)
        self._path = directory / str(os.getpid())
        # Locked before it has its name: whoever finds one that is not takes its worker for dead.
        staged = directory / f".{os.getpid()}"
        self._own = os.open(staged, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(self._own, fcntl.LOCK_EX)
        self._write()
        staged.replace(self._path)

    def came(self) -> None:
        """One client more is connected to this worker."""
        self._clients += 1
        self._write()

    def went(self) -> None:
        """One client less."""
        self._clients -= 1
        self._write()

    def alive(self) -> int:
        """How many live."""
        return len(self._read())

    def connections(self) -> int:
        """Clients of all of them."""
        return sum(self._read())

    def _read(self) -> list[int]:
        """The clients of each that lives. What dead ones have left is removed."""
        found = []
        for path in self._directory.glob("[0-9]*"):
            if path == self._path:
                found.append(self._clients)
                continue
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    found.append(int(file.read(_DIGITS)))
                else:
                    path.unlink(missing_ok=True)
        return found

    def _write(self) -> None:
        os.pwrite(self._own, b"%*d" % (_DIGITS, self._clients), 0)
