"""Whose turn it is: runs of defects beside each other, and one that has the machine to itself."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Turns"]


@dataclass(frozen=True, slots=True)
class Turns:
    """Locks that all processes of one pytest run take in one directory; the kernel lets go of those of the dead."""

    directory: Path

    @contextlib.contextmanager
    def beside(self) -> Iterator[None]:
        """Beside others, but never beside one that is alone, nor before one that waits to be."""
        with contextlib.ExitStack() as inside:
            with self._held("entrance", fcntl.LOCK_EX):
                inside.enter_context(self._held("inside", fcntl.LOCK_SH))
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Once those who are inside have left; whoever comes meanwhile waits."""
        with self._held("entrance", fcntl.LOCK_EX), self._held("inside", fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def _held(self, name: str, kind: int) -> Iterator[None]:
        with (self.directory / f"{name}.lock").open("w") as file:
            fcntl.flock(file, kind)
            yield
