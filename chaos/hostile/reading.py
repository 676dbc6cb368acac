"""What a server sends back: the head of an HTTP answer, then frames. Reads everything, judges nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chaos.hostile.frames import Opcode

__all__ = ["Received", "Stream"]

NO_CODE = 1005
"""What RFC 6455, 7.1.5, calls a close frame without a code."""

_LONGEST_CONTROL = 125
"""Bytes of a control frame's payload (RFC 6455, 5.5)."""
_OPCODES = frozenset(Opcode)
_QUOTED = 40
"""Bytes of what is no frame that a finding repeats."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})")
_EXTENSIONS = re.compile(rb"(?im)^sec-websocket-extensions:[ \t]*(.*?)[ \t]*\r?$")


@dataclass(frozen=True, slots=True)
class Received:
    """One frame of the server's."""

    opcode: int
    payload: bytes
    fin: bool = True
    deflated: bool = False
    """Whether RSV1 is set: with permessage-deflate, its message is compressed."""

    @property
    def code(self) -> int:
        """The code of a close frame."""
        return int.from_bytes(self.payload[:2], "big") if len(self.payload) >= 2 else NO_CODE


@dataclass(slots=True)
class Stream:
    """The bytes of one connection as they come in."""

    status: int | None = None
    """Of the HTTP answer, once its head is complete."""
    extensions: str = ""
    """Those that the server agreed to."""
    invalid: str = ""
    """What came in place of a frame: nothing after it can be read."""
    _unread: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[Received]:
        """Take bytes in; the frames that are complete with them, none before a 101."""
        self._unread += data
        if self.status is None:
            self._read_head()
        if self.status == 101:
            while (frame := self._next_frame()) is not None:
                yield frame

    def _read_head(self) -> None:
        head, end, rest = bytes(self._unread).partition(b"\r\n\r\n")
        status = _STATUS_LINE.match(head)
        if not end or status is None:
            return
        self.status = int(status[1])
        agreed = _EXTENSIONS.search(head)
        self.extensions = "" if agreed is None else agreed[1].decode("latin-1")
        self._unread = bytearray(rest)

    def _next_frame(self) -> Received | None:
        unread = self._unread
        if len(unread) < 2 or self.invalid:
            return None
        if not self._begins_a_frame(*unread[:2]):
            self.invalid = f"{bytes(unread[:_QUOTED])!r} in place of a frame"
            return None
        start, size = 2, unread[1] & 0x7F
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(unread) < start:
                return None
            size = int.from_bytes(unread[2:start], "big")
        if len(unread) < start + size:
            return None
        found = Received(
            unread[0] & 0x0F,
            bytes(unread[start : start + size]),
            fin=bool(unread[0] & 0x80),
            deflated=bool(unread[0] & 0x40),
        )
        del unread[: start + size]
        return found

    def _begins_a_frame(self, first: int, second: int) -> bool:
        """Whether RFC 6455 has a server's frame begin with these two bytes: text written into the stream does not."""
        opcode, control = first & 0x0F, bool(first & 0x08)
        reserved = 0x30 if "permessage-deflate" in self.extensions and not control else 0x70
        known = opcode in _OPCODES
        whole = bool(first & 0x80) and second <= _LONGEST_CONTROL
        return known and not first & reserved and not second & 0x80 and (whole or not control)


def is_data(frame: Received) -> bool:
    """Whether it is a message or a part of one."""
    return frame.opcode in (Opcode.CONTINUATION, Opcode.TEXT, Opcode.BINARY)
