"""Frames that RFC 6455 forbids, and such as look odd and are allowed."""

from __future__ import annotations

import zlib
from dataclasses import replace

from chaos.dialects import SOCKET_IO
from chaos.hostile.answers import Allowed
from chaos.hostile.case import Case, Grounds, Send
from chaos.hostile.frames import LENGTH_TOP_BIT, Opcode, close, frame, wide_length

__all__ = ["ALLOWED_FRAMES", "BOMBS", "BROKEN_FRAMES", "FLOODS", "SIZES"]

SERVED = Allowed(served=True)
PROTOCOL_ERROR = Allowed(codes=frozenset({1002}), ended=True)
"""RFC 6455, 7.1.7: a connection is failed with a close frame that says why, or without one."""
NOT_UTF8 = Allowed(codes=frozenset({1007}), ended=True)
TOO_BIG = Allowed(codes=frozenset({1009}))
CONTENT_REFUSED = frozenset({1003, 1007})
"""RFC 6455, 7.4.1: what a message is, or says, is refused. Whoever says so has taken all of it."""
JUST_THE_LIMIT = replace(SERVED, codes=CONTENT_REFUSED)
TAKEN_ALL_THE_SAME = "who closes with 1003 or 1007 refuses what it says, and has taken its size (RFC 6455, 7.4.1)"

FLOOD = 12_000
"""Frames: beyond the 10,000 that the reference takes at once, and 84 kB on the wire."""

INFLATED = 8
"""How often the limit a compression bomb inflates to; it is a thousandth of that on the wire."""

PING_125 = frame(Opcode.PING, b"p" * 125)


def _only(*pieces: bytes) -> Send:
    return lambda _: pieces


def _broken(name: str, description: str, *pieces: bytes, allowed: Allowed = PROTOCOL_ERROR) -> Case:
    return Case(name=name, description=description, allowed=allowed, send=_only(*pieces))


BROKEN_FRAMES = (
    _broken("unmasked", "a text frame without a mask (5.1)", frame(Opcode.TEXT, b"x", masked=False)),
    _broken("RSV1", "RSV1 set, and no extension agreed on (5.2)", frame(Opcode.TEXT, b"x", reserved=4)),
    _broken("RSV2", "RSV2 set (5.2)", frame(Opcode.TEXT, b"x", reserved=2)),
    _broken("RSV3", "RSV3 set (5.2)", frame(Opcode.TEXT, b"x", reserved=1)),
    _broken("opcode 3", "a reserved opcode for data (5.2)", frame(3, b"x")),
    _broken("opcode 11", "a reserved opcode for control (5.2)", frame(11, b"x")),
    _broken("not UTF-8", "text that is not UTF-8 (8.1)", frame(Opcode.TEXT, b"\xff\xfe"), allowed=NOT_UTF8),
    _broken(
        "not UTF-8 in fragments",
        "text whose fragments are not UTF-8 together (8.1)",
        frame(Opcode.TEXT, b"\xe2\x82", fin=False) + frame(Opcode.CONTINUATION, b"("),
        allowed=NOT_UTF8,
    ),
    _broken(
        "length with the top bit",
        "a 64-bit length whose top bit is set (5.2)",
        frame(Opcode.TEXT, length=LENGTH_TOP_BIT),
        allowed=Allowed(codes=frozenset({1002, 1009}), ended=True),
    ),
    Case(
        name="length not minimal",
        description="a length in more bytes than it takes (5.2 forbids to send it, not to take it)",
        allowed=Allowed(codes=frozenset({1002}), ended=True, served=True),
        send=lambda on: (frame(Opcode.TEXT, on.text, length=wide_length(len(on.text), octets=8)),),
    ),
    _broken("fragmented ping", "a control frame in fragments (5.5)", frame(Opcode.PING, fin=False)),
    _broken("ping of 126 bytes", "a control frame beyond 125 bytes (5.5)", frame(Opcode.PING, b"p" * 126)),
    _broken("stray continuation", "a continuation of nothing (5.4)", frame(Opcode.CONTINUATION, b"x")),
    _broken(
        "message in a message",
        "a new message inside a fragmented one (5.4)",
        frame(Opcode.TEXT, b"x", fin=False) + frame(Opcode.TEXT, b"y"),
    ),
    _broken("close of 1 byte", "a close frame with half a code (5.5.1)", frame(Opcode.CLOSE, b"\x03")),
    *(_broken(f"close {code}", f"a close frame with code {code} (7.4)", close(code)) for code in (999, 1005, 1006)),
    _broken(
        "close 5000",
        "a close frame with a code beyond all ranges (7.4.2)",
        close(5000),
        # 5000 and above is in no range of 7.4.2, but nowhere forbidden in words as 0 to 999 are.
        allowed=Allowed(codes=frozenset({1002, 5000}), ended=True),
    ),
    _broken(
        "close with a bad reason",
        "a close reason that is not UTF-8 (5.5.1)",
        close(1000, b"\xff"),
        allowed=Allowed(codes=frozenset({1002, 1007}), ended=True),
    ),
    _broken(
        "data after close",
        "a message behind the close frame (5.5.1)",
        close(1000) + frame(Opcode.TEXT, b"x"),
        allowed=Allowed(codes=frozenset({1000, 1002, 1005}), ended=True),
    ),
)
"""Each is refused with its close code, or the connection just ends."""


def _fragments(on: Grounds, *between: bytes) -> bytes:
    """The endpoint's message byte by byte, with frames between its first two bytes."""
    first, *middle, last = (on.text[at : at + 1] for at in range(len(on.text)))
    return b"".join(
        (
            frame(Opcode.TEXT, first, fin=False),
            *between,
            *(frame(Opcode.CONTINUATION, each, fin=False) for each in middle),
            frame(Opcode.CONTINUATION, last),
        )
    )


def message_of(on: Grounds, size: int) -> tuple[Opcode, bytes]:
    """A message of so many bytes that the endpoint takes: its own and spaces after it, or an event nobody listens for.

    Text, as what an endpoint answers is text: many a server refuses bytes. JSON has spaces after it, too (RFC 8259, 2).
    """
    if on.dialect != SOCKET_IO:
        return Opcode.TEXT, on.text[:size].ljust(size)
    start, end = f'42{"" if on.namespace == "/" else on.namespace + ","}["chaos-unheard","'.encode(), b'"]'
    return Opcode.TEXT, start + b"x" * (size - len(start) - len(end)) + end


def _in_fragments(on: Grounds, size: int) -> tuple[bytes, ...]:
    """A message of so many bytes, in fragments of one."""
    opcode, payload = message_of(on, size)
    first, *middle, last = (payload[at : at + 1] for at in range(size))
    return (
        frame(opcode, first, fin=False),
        *(frame(Opcode.CONTINUATION, each, fin=False) for each in middle),
        frame(Opcode.CONTINUATION, last),
    )


def _last_byte_apart(on: Grounds, size: int) -> tuple[bytes, ...]:
    opcode, payload = message_of(on, size)
    return frame(opcode, payload[:-1], fin=False), frame(Opcode.CONTINUATION, payload[-1:])


ALLOWED_FRAMES = (
    Case(
        name="one-byte fragments",
        description="a message byte by byte (5.4)",
        allowed=SERVED,
        send=lambda on: (_fragments(on),),
        answered=True,
    ),
    Case(
        name="control frames inside a message",
        description="a ping and a pong between two fragments (5.4)",
        allowed=SERVED,
        send=lambda on: (_fragments(on, PING_125, frame(Opcode.PONG)),),
        answered=True,
    ),
    Case(
        name="empty fragments",
        description="a message whose first and last fragments are empty (5.4)",
        allowed=SERVED,
        send=lambda on: (
            frame(Opcode.TEXT, fin=False) + frame(Opcode.CONTINUATION, on.text, fin=False) + frame(Opcode.CONTINUATION),
        ),
        answered=True,
    ),
    Case(name="ping of 125 bytes", description="as long as it may be (5.5)", allowed=SERVED, send=_only(PING_125)),
    Case(
        name="pong without a ping",
        description="an unsolicited pong, a heartbeat of its own (5.5.3)",
        allowed=SERVED,
        send=_only(frame(Opcode.PONG, b"unasked")),
    ),
    *(
        Case(
            name=f"close {code}",
            description=f"a close frame with code {code}, which is a library's or application's own (7.4.2)",
            allowed=Allowed(codes=frozenset({code, 1000, 1005})),
            send=_only(close(code)),
        )
        for code in (3000, 4999)
    ),
    Case(
        name="close without a code",
        description="an empty close frame (5.5.1)",
        allowed=Allowed(codes=frozenset({1000, 1005})),
        send=_only(frame(Opcode.CLOSE)),
    ),
)
"""Each is served, or closed as it asked."""

_BOUNDED = Allowed(codes=frozenset({1002, 1008, 1009, 1011, 1013}), ended=True, served=True)
"""A flood may be borne or cut short, and 1008 is for what goes against a policy."""
_BOUNDED_MESSAGE = replace(_BOUNDED, codes=_BOUNDED.codes | CONTENT_REFUSED)
"""That of a message, which may be borne and not be understood."""

FLOODS = (
    Case(
        name="flood of pings",
        description=f"{FLOOD:,} pings as fast as they are taken",
        allowed=_BOUNDED,
        send=lambda _: (frame(Opcode.PING, b"p"),) * FLOOD,
    ),
    Case(
        name="flood of fragments",
        description=f"a message in {FLOOD:,} fragments of one byte",
        allowed=_BOUNDED_MESSAGE,
        send=lambda on: _in_fragments(on, FLOOD),
    ),
)
"""Neither is forbidden. Each may be served or refused, as long as nobody else notices."""


SIZES = (
    Case(
        name="largest message",
        description="a message of just the promised size",
        allowed=JUST_THE_LIMIT,
        send=lambda on: (frame(*message_of(on, on.max_message)),),
        note=TAKEN_ALL_THE_SAME,
    ),
    Case(
        name="message too big",
        description="a frame that is one byte beyond the promised size",
        # Refused at its head, what is on its way is reset, and the RST may overtake the close frame.
        allowed=Allowed(codes=frozenset({1009}), ended=True),
        send=lambda on: (frame(*message_of(on, on.max_message + 1)),),
    ),
    Case(
        name="fragments too big",
        description="fragments of which only the last byte is beyond the promised size",
        allowed=TOO_BIG,
        send=lambda on: _last_byte_apart(on, on.max_message + 1),
    ),
)


def _deflated(on: Grounds, size: int) -> tuple[bytes, ...]:
    """A message of so many bytes, mostly spaces, deflated as RFC 7692, 7.2.1, says: without the last four bytes."""
    opcode, payload = message_of(on, size)
    deflate = zlib.compressobj(wbits=-15)
    data = deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return (frame(opcode, data[:-4], reserved=4),)


BOMBS = (
    Case(
        name="compression bomb",
        description=f"a small frame that inflates to {INFLATED} times the promised size",
        allowed=TOO_BIG,
        send=lambda on: _deflated(on, INFLATED * on.max_message),
        offers="permessage-deflate",
    ),
    Case(
        name="largest message, compressed",
        description="a small frame that inflates to just the promised size",
        allowed=JUST_THE_LIMIT,
        send=lambda on: _deflated(on, on.max_message),
        offers="permessage-deflate",
        note=TAKEN_ALL_THE_SAME,
    ),
)
