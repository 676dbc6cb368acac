"""What a server sends back, frame by frame, and what is none."""

from __future__ import annotations

import pytest

from chaos.hostile.frames import Opcode, frame
from chaos.hostile.reading import Received, Stream

HEAD = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def read(data: bytes, *, extensions: bytes = b"") -> tuple[list[Received], Stream]:
    stream = Stream()
    head = HEAD[:-2] + extensions + b"\r\n"
    return list(stream.feed(head + data)), stream


def test_fragments_are_told_from_messages() -> None:
    data = frame(Opcode.TEXT, b"a", fin=False, masked=False) + frame(Opcode.CONTINUATION, b"b", masked=False)
    found, stream = read(data)
    assert [(one.payload, one.fin) for one in found] == [(b"a", False), (b"b", True)]
    assert stream.invalid == ""


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 500 Internal Server Error\r\n",
        frame(Opcode.TEXT, b"x"),
        frame(Opcode.TEXT, b"x", masked=False, reserved=4),
        frame(Opcode.PING, b"x", masked=False, fin=False),
        frame(Opcode.PING, b"x" * 126, masked=False),
        frame(3, b"x", masked=False),
    ],
    ids=["an HTTP answer", "masked", "RSV1", "a ping in fragments", "a long ping", "opcode 3"],
)
def test_what_is_no_frame_of_a_server_ends_the_reading(data: bytes) -> None:
    found, stream = read(frame(Opcode.TEXT, b"before", masked=False) + data)
    assert [one.payload for one in found] == [b"before"]
    assert stream.invalid == f"{data[:40]!r} in place of a frame"
    assert list(stream.feed(frame(Opcode.TEXT, b"after", masked=False))) == []


def test_a_deflated_message_is_one_where_that_was_agreed_on() -> None:
    data = frame(Opcode.TEXT, b"x", masked=False, reserved=4)
    found, stream = read(data, extensions=b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
    assert [(one.payload, one.deflated) for one in found] == [(b"x", True)]
    assert stream.invalid == ""
