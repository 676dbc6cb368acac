"""Starts a task that waits for room where a client takes nothing any more, and leaves it waiting when that client ends.

Breaks cleanup: asyncio tells of room where somebody reads again, and tells nobody whose connection has ended. Socket,
file and place are given back; the task, and what it is to send, are not.
"""

from __future__ import annotations

import asyncio

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client that ended with its buffers full leaves a task that waits for room"


def install(parts: Parts) -> None:
    """One task for each time that there is no room."""
    pause_as_before, resume_as_before = WebSocketProtocol.pause_writing, WebSocketProtocol.resume_writing
    room: dict[WebSocketProtocol, asyncio.Event] = {}
    waiting: set[asyncio.Task[bool]] = set()

    def pause_writing(self: WebSocketProtocol) -> None:
        pause_as_before(self)
        room[self] = asyncio.Event()
        task = asyncio.get_running_loop().create_task(room[self].wait())
        waiting.add(task)
        task.add_done_callback(waiting.discard)

    def resume_writing(self: WebSocketProtocol) -> None:
        resume_as_before(self)
        room.pop(self).set()

    WebSocketProtocol.pause_writing = pause_writing  # type: ignore[method-assign,assignment]  # a defect replaces a method
    WebSocketProtocol.resume_writing = resume_writing  # type: ignore[method-assign]  # a defect replaces a method
