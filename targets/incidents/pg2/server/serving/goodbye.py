"""A close frame for everybody whom a worker serves, before it ends: told to, or after so many requests.

eventlet's WebSockets are known from when they open. What is said is WebSocket's own 1001, going away, and no disconnect
packet of Socket.IO's: after that one its clients stay away, and after this they come again, to another worker.
"""

from __future__ import annotations

import weakref
from typing import Any

import eventlet
from eventlet import websocket

from serving.standstill import Unhurried

GOING_AWAY = 1001
"""https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""
FINISH = 0.5
"""Seconds in which whoever has just come may have what they came for: a visit takes 5 to 20 ms."""
AGAIN_AFTER = 0.1
"""Seconds until it is looked again for somebody who was on the way in."""

_open: weakref.WeakSet[Known] = weakref.WeakSet()


class Known(Unhurried):
    """A WebSocket that is told when this worker ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _open.add(self)

    def say_goodbye(self) -> None:
        """Once; the peer's answer ends it, or gunicorn's graceful time-out. It waits while the peer reads nothing."""
        self._send_closing_frame(ignore_send_errors=True, close_data=(GOING_AWAY, "this worker ends"))


def know_everybody() -> None:
    """From now on every WebSocket that opens is known."""
    websocket.RFC6455WebSocket = Known


def say_goodbye() -> None:
    """Tell all of them, each by a green thread of its own, and whoever comes until this worker has ended."""
    eventlet.sleep(FINISH)
    told: weakref.WeakSet[Known] = weakref.WeakSet()
    while True:
        for each in set(_open) - set(told):
            told.add(each)
            eventlet.spawn(each.say_goodbye)
        eventlet.sleep(AGAIN_AFTER)
