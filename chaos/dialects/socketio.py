"""Socket.IO 5 over Engine.IO 4, by WebSocket alone: what a client of it says, and what it makes of what it hears.

Written from the two protocols (https://github.com/socketio/engine.io-protocol, revision 4, and
https://github.com/socketio/socket.io-protocol, revision 5). An Engine.IO packet is one WebSocket message whose first
character is its type: 0 open, 1 close, 2 ping, 3 pong, 4 message, 5 upgrade, 6 noop. A message carries a Socket.IO
packet: 0 connect, 1 disconnect, 2 event, 3 ack, 4 connect error, 5 and 6 event and ack with binary attachments; then
`N-` for N attachments, the namespace and a comma where it is not "/", the number of an acknowledgement, and JSON.

    server   0{"sid":"...","pingInterval":25000,"pingTimeout":20000,...}
    client   40                         joins the namespace "/"
    server   40{"sid":"..."}            the client is inside
    client   427["echo","chaos 7"]      an event that is to be acknowledged by the number 7
    server   437["chaos 7"]             its acknowledgement
    server   2                          the heartbeat
    client   3

What a target file has sent and awaited is the part behind the namespace: `7["echo","chaos 7"]`, `7["chaos 7"]`.

One thing a client of theirs does is left out: to give the server up after pingInterval + pingTimeout without a ping. A
victim that left by itself would spare the server to find it; that the heartbeat stops is what the liveness scenarios
see. Binary attachments are awaited, and not kept: of a binary event its text is heard.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from chaos.dialects.base import Asked, Broken, Dialect, Heard, Over, Ready, Reply, Said, Talk

__all__ = ["SocketIo"]

_MESSAGE = "4"
_PACKET = re.compile(
    r"(?P<type>[0-6])"
    r"(?:(?P<attachments>[0-9]+)-)?"
    r"(?:(?P<namespace>/[^,]*)(?:,|$))?"
    r"(?P<body>(?P<id>[0-9]+)?(?P<data>.*))",
    re.DOTALL,
)
_SAID = re.compile(r"(?:[0-9]+|\{n\})?(?P<data>\[.*\])", re.DOTALL)
_QUOTED = 60
"""Characters of a packet that an error repeats."""


class _Talk(Talk):
    asks = True

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._address = "" if namespace == "/" else f"{namespace},"
        self._opened = False
        self._joined = False
        self._attachments = 0
        """How many are still to come."""
        self._awaiting = ""
        """The text of the event that they belong to."""

    def begin(self) -> Sequence[Heard]:
        return ()

    def say(self, text: str) -> str:
        return f"42{self._address}{text}"

    def leave(self) -> Sequence[str]:
        return (f"41{self._address}",)

    def hear(self, data: str | bytes) -> Sequence[Heard]:
        if isinstance(data, bytes):
            return self._attachment()
        kind, rest = data[:1], data[1:]
        if not self._opened and kind != "0":
            return (Broken(f"the first packet is to be an Engine.IO open packet, and is {_quote(data)}"),)
        match kind:
            case "0":
                return self._open(rest)
            case "1":
                return (Over("an Engine.IO close packet"),)
            case "2":
                return (Asked(f"3{rest}"),)
            case "3" | "5" | "6":
                return ()
            case "4":
                return self._packet(rest)
            case _:
                return (Broken(f"no Engine.IO packet: {_quote(data)}"),)

    def _open(self, text: str) -> Sequence[Heard]:
        told = _json(text)
        if self._opened:
            return (Broken("a second Engine.IO open packet"),)
        if not isinstance(told, dict) or not all(_is_time(told.get(key)) for key in ("pingInterval", "pingTimeout")):
            return (Broken(f"no Engine.IO open packet: {_quote('0' + text)}"),)
        self._opened = True
        return (Reply(f"40{self._address}"),)

    def _packet(self, text: str) -> Sequence[Heard]:
        found = _PACKET.fullmatch(text)
        if self._attachments:
            return (Broken(f"{_quote(text)} in place of a binary attachment"),)
        if found is None or not _fits(found):
            return (Broken(f"no Socket.IO packet: {_quote(text)}"),)
        if (found["namespace"] or "/").partition("?")[0] != self._namespace:
            return ()
        kind, body = found["type"], found["body"]
        match kind:
            case "0":
                joined, self._joined = self._joined, True
                return () if joined else (Ready(),)
            case "1":
                return (Over("a Socket.IO disconnect packet"),)
            case "4":
                return (Over(f"a Socket.IO connect error: {_quote(body)}"),)
        self._attachments = int(found["attachments"] or 0)
        if self._attachments:
            self._awaiting = body
            return ()
        return (Said(body),)

    def _attachment(self) -> Sequence[Heard]:
        if not self._attachments:
            return (Broken("a binary message that no Socket.IO packet has announced"),)
        self._attachments -= 1
        return () if self._attachments else (Said(self._awaiting),)


class SocketIo(Dialect):
    """Socket.IO 5 over Engine.IO 4, by WebSocket alone."""

    name: ClassVar[str] = "socket.io"
    path: ClassVar[str | None] = "/socket.io/"
    sayable: ClassVar[str] = (
        "an event and its arguments as JSON, and before it the number of an acknowledgement where one is asked for, "
        """such as '{n}["echo", "chaos"]'"""
    )
    namespaces: ClassVar[bool] = True

    def request_path(self, path: str) -> str:
        return f"{path}{'&' if '?' in path else '?'}EIO=4&transport=websocket"

    def unsayable(self, text: str) -> str:
        found = _SAID.fullmatch(text)
        event = _json(found["data"].replace("{n}", "1")) if found is not None else None
        if isinstance(event, list) and event and isinstance(event[0], str):
            return ""
        return "is no event of Socket.IO"

    def talk(self, namespace: str = "/") -> Talk:
        return _Talk(namespace)


def _fits(packet: re.Match[str]) -> bool:
    """Whether a packet has what its type asks for, as the clients of Socket.IO check it."""
    kind, data = packet["type"], _json(packet["data"]) if packet["data"] else None
    if (kind in "56") is not (packet["attachments"] is not None) or (packet["id"] is not None and kind in "014"):
        return False
    match kind:
        case "0":
            return isinstance(data, dict) and isinstance(data.get("sid"), str)
        case "1":
            return not packet["data"]
        case "2" | "5":
            return isinstance(data, list) and bool(data) and isinstance(data[0], str)
        case "3" | "6":
            return isinstance(data, list) and packet["id"] is not None
        case _:
            return isinstance(data, dict | str)


def _json(text: str) -> Any:
    """What a text says in JSON; None for what is none, as for null: neither is ever allowed here."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_time(told: object) -> bool:
    """Whether it is a number of milliseconds, above zero."""
    return isinstance(told, int | float) and not isinstance(told, bool) and told > 0


def _quote(text: str) -> str:
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "...")
