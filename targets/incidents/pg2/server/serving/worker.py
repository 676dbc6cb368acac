"""gunicorn's eventlet worker, with an accept loop that outlives a shortage of open files, an end that is told, and a
heartbeat that cuts nobody off because the server itself stood still.

gunicorn 23's own ends its loop at its first EMFILE: the worker then lives, tells its master so each second, and takes
nobody any more, also when there are files again. And it ends, when it is told to or after `max_requests`, by waiting
`graceful_timeout` for clients who do not know, and cuts them off. Of the heartbeat `serving.standstill` says more.
"""

from __future__ import annotations

import errno
from typing import Any

import eventlet
from gunicorn.workers import geventlet

from serving.goodbye import know_everybody, say_goodbye
from serving.standstill import let_the_reader_tell

AGAIN_AFTER = 0.1
"""Seconds until it tries to accept again: often enough to be back at once, and no loop that eats a core."""
_SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Patient:
    """A listener whose `accept` waits until there is a file for the connection, and whose `close`, which is how
    gunicorn's loop ends, has everybody told; all else is the listener's own."""

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

    def close(self) -> None:
        self._listener.close()
        eventlet.spawn(say_goodbye)


_serve = geventlet._eventlet_serve


def _serve_patiently(listener: Any, handle: Any, concurrency: int) -> None:
    _serve(Patient(listener), handle, concurrency)


class Worker(geventlet.EventletWorker):
    """The worker class to name in gunicorn_config.py: `serving.worker.Worker`."""

    def patch(self) -> None:
        super().patch()
        know_everybody()
        let_the_reader_tell()
        geventlet._eventlet_serve = _serve_patiently
