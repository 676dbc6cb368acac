"""Frames byte by byte, held against RFC 6455, 5.7, and against the parser of `websockets`."""

from __future__ import annotations

import pytest
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Frame
from websockets.protocol import State
from websockets.server import ServerProtocol

from chaos.hostile.frames import LENGTH_TOP_BIT, Opcode, close, frame, wide_length


def _parsed(data: bytes) -> tuple[list[Frame], int | None]:
    """The frames that `websockets` reads as a server, and the close code with which it refused what came after."""
    server = ServerProtocol(state=State.OPEN, max_size=2**20)
    server.receive_data(data)
    events = [event for event in server.events_received() if isinstance(event, Frame)]
    broken = server.parser_exc is not None
    if broken:
        assert isinstance(server.parser_exc, ProtocolError | PayloadTooBig | UnicodeDecodeError)
    return events, server.close_sent.code if broken and server.close_sent is not None else None


def test_an_unmasked_text_is_the_one_of_the_rfc() -> None:
    assert frame(Opcode.TEXT, b"Hello", masked=False) == bytes.fromhex("810548656c6c6f")


@pytest.mark.parametrize("size", [0, 1, 3, 4, 125, 126, 65535, 65536])
def test_a_frame_that_breaks_nothing_is_read_as_it_was_meant(size: int) -> None:
    payload = bytes(number % 256 for number in range(size))
    events, code = _parsed(frame(Opcode.BINARY, payload))
    assert [(event.opcode, bytes(event.data), event.fin) for event in events] == [(Opcode.BINARY, payload, True)]
    assert code is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(Opcode.TEXT, b"x", masked=False), 1002),
        (frame(Opcode.TEXT, b"x", reserved=1), 1002),
        (frame(3, b"x"), 1002),
        (frame(Opcode.TEXT, length=LENGTH_TOP_BIT), 1009),
        (frame(Opcode.PING, fin=False), 1002),
        (frame(Opcode.PING, b"x" * 126), 1002),
        (frame(Opcode.CLOSE, b"x"), 1002),
        (close(1005), 1002),
        (close(1000, b"\xff"), 1007),
    ],
    ids=["unmasked", "reserved", "opcode", "top bit", "fin", "long ping", "short close", "close 1005", "reason"],
)
def test_what_is_broken_is_refused_by_another_parser(data: bytes, code: int) -> None:
    assert _parsed(data) == ([], code)


def test_a_length_may_be_wider_than_it_has_to_be() -> None:
    assert frame(Opcode.TEXT, b"x", length=wide_length(1, octets=2), masked=False) == b"\x81\x7e\x00\x01x"
    assert wide_length(1, octets=8) == b"\x7f" + bytes(7) + b"\x01"


@pytest.mark.parametrize(("opcode", "reserved"), [(16, 0), (-1, 0), (1, 8)])
def test_what_does_not_fit_into_its_bits_is_refused(opcode: int, reserved: int) -> None:
    with pytest.raises(ValueError, match=rf"^opcode is 0 to 15 and reserved 0 to 7; found {opcode} and {reserved}$"):
        frame(opcode, reserved=reserved)
