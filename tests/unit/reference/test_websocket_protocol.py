"""Order of events inside the protocol that no client could prove: what is done before the peer can know."""

from __future__ import annotations

from reference_server.environment import load_settings
from reference_server.parts import build
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import CloseCode, Frame, Opcode

from .fakes import turns_until
from .wired import RecordingTransport, configured, end, established

CLOSE_1000 = b"\x88\x82\x00\x00\x00\x00\x03\xe8"
UNMASKED = b"\x81\x01x"


async def open_connection() -> tuple[WebSocketProtocol, RecordingTransport]:
    """An established connection to `/echo` with the place noted when it is given back."""
    protocol, transport = await established(configured(build(load_settings({}, profile="fast"))))
    give_back = protocol.on_leaving

    def leaving() -> None:
        transport.events.append("place is free")
        give_back()

    protocol.on_leaving = leaving
    transport.events.clear()
    return protocol, transport


async def test_place_is_free_before_the_close_is_answered() -> None:
    protocol, transport = await open_connection()
    protocol.data_received(CLOSE_1000)
    assert transport.events == ["place is free"]
    # The application hears of it, and has nothing left to say.
    await turns_until(lambda: "fin" in transport.events)
    assert [event for event in transport.events if event != "place is free"] == ["write", "fin"]
    await end(protocol)


async def test_place_is_free_before_a_broken_frame_is_answered() -> None:
    protocol, transport = await open_connection()
    protocol.data_received(UNMASKED)
    assert transport.events[0] == "place is free"
    await end(protocol)


async def test_place_is_free_before_the_server_closes() -> None:
    protocol, transport = await open_connection()
    protocol.fail(CloseCode.POLICY_VIOLATION, "x")
    assert transport.events == ["place is free", "write", "fin"]
    await end(protocol)


async def test_place_is_free_before_the_close_frame_of_the_application() -> None:
    protocol, transport = await open_connection()
    await protocol.send({"type": "websocket.close", "code": 1001, "reason": ""})
    assert transport.events == ["place is free", "write"]
    await end(protocol)


async def test_place_is_given_back_once_whatever_comes_together() -> None:
    protocol, _ = await open_connection()
    admission = protocol.config.parts.admission
    assert admission.inside == 1
    protocol.data_received(CLOSE_1000)
    protocol.eof_received()
    await end(protocol)
    assert admission.inside == 0


async def test_fragments_are_kept_as_bytes_not_as_objects() -> None:
    protocol, _ = await open_connection()
    protocol.data_received(Frame(Opcode.BINARY, b"ab", fin=False).serialize(mask=True))
    for _ in range(1000):
        protocol.data_received(Frame(Opcode.CONT, b"cd", fin=False).serialize(mask=True))
    assert protocol.frames == []
    assert protocol.fragments == b"ab" + b"cd" * 1000
    protocol.data_received(Frame(Opcode.CONT, b"e").serialize(mask=True))
    assert protocol.fragments == b""
    await turns_until(lambda: protocol.config.parts.counters.messages_sent == 1)
    await end(protocol)


async def test_fragmented_text_comes_back_whole() -> None:
    protocol, transport = await open_connection()
    for frame in (
        Frame(Opcode.TEXT, b"\xc3", fin=False),
        Frame(Opcode.CONT, b"", fin=False),
        Frame(Opcode.CONT, b"\xbc"),
    ):
        protocol.data_received(frame.serialize(mask=True))
    await turns_until(lambda: protocol.config.parts.counters.messages_sent == 1)
    assert transport.written[-1] == b"\x81\x02\xc3\xbc"
    await end(protocol)
