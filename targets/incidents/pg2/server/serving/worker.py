"""gunicorn's eventlet worker, with an accept loop that outlives a shortage of open files.

gunicorn 23's own ends at its first EMFILE: the worker then lives, tells its master so each second, and takes nobody any
more, also when there are files again.
"""

from __future__ import annotations

import errno
from typing import Any

import eventlet
from gunicorn.workers import geventlet

AGAIN_AFTER = 0.1
"""Seconds until it tries to accept again: often enough to be back at once, and no loop that eats a core."""
_SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Patient:
    """A listener whose `accept` waits until there is a file for the connection; all else is the listener's own."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)

    def accept(self) -> Any:
        while True:
            try:
                return self._listener.accept()
            except OSError as error:
                if error.errno not in _SHORT:
                    raise
            eventlet.sleep(AGAIN_AFTER)


_serve = geventlet._eventlet_serve


def _serve_patiently(listener: Any, handle: Any, concurrency: int) -> None:
    _serve(Patient(listener), handle, concurrency)


class Worker(geventlet.EventletWorker):
    """The worker class to name in gunicorn_config.py: `serving.worker.Worker`."""

    def patch(self) -> None:
        super().patch()
        geventlet._eventlet_serve = _serve_patiently
