"""Plain WebSocket: a message is what it is, and whoever has the 101 is inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from chaos.dialects.base import Dialect, Heard, Ready, Said, Talk

__all__ = ["PlainWebSocket"]


class _Talk(Talk):
    def begin(self) -> Sequence[Heard]:
        return (Ready(),)

    def hear(self, data: str | bytes) -> Sequence[Heard]:
        return (Said(data),)

    def say(self, text: str) -> str:
        return text


class PlainWebSocket(Dialect):
    """Messages as they are written in the file."""

    name: ClassVar[str] = "websocket"

    def talk(self, namespace: str = "/") -> Talk:
        return _Talk()
