"""Unix sockets whose path says that somebody listens."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["listen_at"]


def listen_at(path: Path, *, backlog: int = 100) -> socket.socket:
    """A listening unix socket at `path`, which only this user can connect to.

    bind() makes the path and listen() the listener, and whoever waits for the one may come before the other. So the
    socket listens under another name of the same length first. Raises OSError, also where the path is there already.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    unfinished = path.with_name(f"{path.name[:-1]}~")
    try:
        mask = os.umask(0o177)
        try:
            listener.bind(str(unfinished))
        finally:
            os.umask(mask)
        listener.listen(backlog)
        path.hardlink_to(unfinished)  # unlike a rename, it replaces nothing
        unfinished.unlink()
        listener.setblocking(False)
    except BaseException:
        listener.close()
        unfinished.unlink(missing_ok=True)
        raise
    return listener
