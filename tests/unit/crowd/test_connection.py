"""What goes over the wire: the upgrade request, pings and pongs, messages, close frames."""

from __future__ import annotations

import asyncio
import struct

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.crowd.plan import Mode
from chaos.journal import QUOTED, Outcome

from .making import SHORT, make_crowd, until
from .servers import BINARY, CLOSE, PING, PONG, TEXT, close_frame, frame, reset, websocket_server
from .test_acts import stage


async def test_the_request_says_what_the_plan_says_and_no_more() -> None:
    requests: list[tuple[str, list[tuple[str, str]]]] = []

    async def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        requests.append((connection.request.path, list(connection.request.headers.raw_items())))

    async with websocket_server(handler, subprotocols=["chat"]) as address:
        crowd, _ = make_crowd(
            address,
            path="/room?id=1",
            headers=(("X-Two", "a"), ("X-Two", "b"), ("Authorization", "Bearer t")),
            origin="http://here",
            subprotocol="chat",
        )
        (attempt,) = await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.close()
    assert attempt.outcome is Outcome.OPEN
    ((path, headers),) = requests
    assert path == "/room?id=1"
    assert [(name, value) for name, value in headers if name != "Sec-WebSocket-Key"] == [
        ("Host", str(address)),
        ("Origin", "http://here"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "chat"),
        ("X-Two", "a"),
        ("X-Two", "b"),
        ("Authorization", "Bearer t"),
    ]


async def test_a_host_header_replaces_ours() -> None:
    hosts: list[list[str]] = []

    async def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        hosts.append(connection.request.headers.get_all("Host"))

    async with websocket_server(handler) as address:
        crowd, _ = make_crowd(address, headers=(("Host", "shop.example"),))
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.close()
    assert hosts == [["shop.example"]]


async def test_pings_are_answered_at_once() -> None:
    async with stage() as on:
        await on.peer.send(frame(PING, b"one") + frame(PING, b"two"))
        assert [await on.peer.frame(), await on.peer.frame()] == [(PONG, b"one"), (PONG, b"two")]
        assert [(seen.opcode, seen.size) for seen in on.recorded.frames] == [("ping", 3), ("ping", 3)]


async def test_pings_are_not_answered_when_the_plan_says_so() -> None:
    async with stage(answer_pings=False) as on:
        await on.peer.send(frame(PING, b"one"))
        await until(lambda: len(on.recorded.frames) == 1)
        await on.crowd.send("after the ping")
        assert await on.peer.frame() == (TEXT, b"after the ping")


async def test_pongs_come_late_when_the_plan_says_so() -> None:
    async with stage(pong_delay=SHORT) as on:
        asked = asyncio.get_running_loop().time()
        await on.peer.send(frame(PING, b"one"))
        assert await on.peer.frame() == (PONG, b"one")
        assert asyncio.get_running_loop().time() - asked >= SHORT
        await until(lambda: [each.opcode for each in on.recorded.frames] == ["ping", "late pong"])


async def test_no_late_pong_follows_a_close_frame() -> None:
    async with stage(pong_delay=SHORT) as on:
        await on.peer.send(frame(PING, b"one"))
        await until(lambda: len(on.recorded.frames) == 1)
        closing = asyncio.create_task(on.crowd.close())
        # On a machine that is very busy the pong may be due before the close frame is sent.
        while await on.peer.frame() != (CLOSE, struct.pack("!H", 1000)):
            pass
        await asyncio.sleep(2 * SHORT)
        on.peer.writer.write_eof()
        assert await on.peer.reader.read() == b""
        await closing


async def test_an_untraced_client_writes_no_frames() -> None:
    async with stage(trace=False) as on:
        await on.peer.send(frame(PING, b"one") + frame(PONG) + frame(TEXT, b"unasked"))
        await on.peer.frame()
        on.crowd.write_traffic()
        assert on.recorded.frames == []
        (traffic,) = on.recorded.traffic
        assert (traffic.pings, traffic.received, traffic.sent) == (1, 1, 0)


async def test_frames_carry_their_arrival() -> None:
    loop = asyncio.get_running_loop()
    async with stage() as on:
        before = loop.time()
        await on.peer.send(frame(TEXT, b"x" * (QUOTED + 100)) + frame(PONG, b"p") + frame(BINARY, b"bb"))
        await until(lambda: len(on.recorded.frames) == 3)
        text, pong, binary = on.recorded.frames
        assert before < text.at == pong.at == binary.at <= loop.time()
        assert (text.opcode, text.size, text.text) == ("text", QUOTED + 100, "x" * QUOTED)
        assert (pong.opcode, pong.size, pong.text) == ("pong", 1, "")
        assert (binary.opcode, binary.size, binary.text) == ("binary", 2, "")


async def test_fragments_with_a_ping_between_them_are_one_message() -> None:
    async with stage() as on:
        await on.peer.send(frame(TEXT, b"in ", first=0) + frame(PING) + frame(0, "pièces".encode()))
        assert await on.peer.frame() == (PONG, b"")
        await until(lambda: len(on.recorded.frames) == 2)
        assert on.recorded.frames[1].text == "in pièces"


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (frame(TEXT, b"x" * 101), 1009, "frame with 101 bytes exceeds limit of 100 bytes"),
        (frame(3), 1002, "invalid opcode"),
        (frame(TEXT, b"\xc3\x28"), 1007, "a text message is no UTF-8: invalid continuation byte at position 0"),
    ],
    ids=["too big", "bad opcode", "bad UTF-8"],
)
async def test_a_server_that_breaks_the_protocol_is_told_and_recorded(data: bytes, code: int, reason: str) -> None:
    async with stage(max_size=100) as on:
        await on.peer.send(data)
        opcode, payload = await on.peer.frame()
        assert (opcode, payload[:2]) == (CLOSE, struct.pack("!H", code))
        on.peer.writer.close()
        ended = await on.end()
        assert (ended.by, ended.how) == ("server", "invalid")
        assert ended.reason.startswith(reason)


async def test_nothing_is_heard_after_a_breach_of_the_protocol() -> None:
    async with stage() as on:
        await on.peer.send(frame(TEXT, b"\xff") + frame(TEXT, b"unheard") + frame(PING, b"unheard"))
        assert (await on.peer.frame())[0] in (CLOSE, PONG)
        on.peer.writer.close()
        assert (await on.end()).how == "invalid"
        assert on.recorded.frames == []


async def test_a_close_frame_is_answered_and_tcp_awaited() -> None:
    async with stage() as on:
        await on.peer.send(close_frame(1012, "restart"))
        assert await on.peer.frame() == (CLOSE, struct.pack("!H", 1012) + b"restart")
        await asyncio.sleep(SHORT)
        on.peer.writer.close()
        ended = await on.end()
        assert (ended.by, ended.how, ended.code, ended.reason) == ("server", "close", 1012, "restart")
        assert ended.tcp_closed_after is not None
        assert ended.tcp_closed_after >= SHORT


async def test_a_close_frame_without_a_code() -> None:
    async with stage() as on:
        await on.peer.send(frame(CLOSE))
        assert await on.peer.frame() == (CLOSE, b"")
        on.peer.writer.close()
        ended = await on.end()
        assert (ended.how, ended.code, ended.reason) == ("close", 1005, "")


@pytest.mark.parametrize("act", ["reset", "fin", "drop"])
async def test_a_client_that_cuts_tcp_after_the_servers_close_frame(act: str) -> None:
    """The end is the server's, but it did not close TCP: that must not pass for a clean end."""
    async with stage() as on:
        await on.peer.send(close_frame(1001, "bye"))
        assert (await on.peer.frame())[0] == CLOSE
        (ended,) = await getattr(on.crowd, act)()
        assert (ended.by, ended.how, ended.code, ended.tcp_closed_after) == ("server", "timeout", 1001, None)
        assert ended.announced
        assert ended.said_at < ended.at


async def test_eof_without_a_close_frame() -> None:
    async with stage() as on:
        on.peer.writer.close()
        ended = await on.end()
        assert (ended.by, ended.how, ended.code, ended.tcp_closed_after) == ("server", "eof", None, None)


async def test_rst_from_the_server() -> None:
    async with stage() as on:
        reset(on.peer)
        ended = await on.end()
        assert (ended.by, ended.how) == ("server", "reset")
