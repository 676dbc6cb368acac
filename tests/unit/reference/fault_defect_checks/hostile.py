"""Defects that show when clients send what is forbidden, or what is odd and allowed."""

from __future__ import annotations

import time
import zlib
from unittest import mock

from reference_server.environment import load_settings
from reference_server.http_protocol import HttpProtocol
from reference_server.parts import build
from uvicorn.server import ServerState
from websockets.frames import Close, Frame, Opcode

from ..defect_checks.bench import Bench, Check
from ..fakes import TimersByHand, turns_until
from ..wired import UPGRADE, RecordingTransport, configured, end, established, upgraded

CLOSE = b"\x88"
"""The first byte of a close frame."""

COMPRESSED = 0x40
"""RSV1, in a frame's first byte."""


async def own_close_code_comes_back(bench: Bench) -> bool:
    protocol, transport = await established(configured(bench.parts))
    protocol.data_received(Frame(Opcode.CLOSE, Close(3000, "").serialize()).serialize(mask=True))
    await turns_until(lambda: any(data.startswith(CLOSE) for data in transport.written))
    answer = next(data for data in transport.written if data.startswith(CLOSE))
    await end(protocol)
    return answer[2:] == (3000).to_bytes(2, "big")


async def ping_does_not_block_the_loop(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    with mock.patch.object(time, "sleep") as sleep:
        protocol.data_received(Frame(Opcode.PING, b"p").serialize(mask=True))
    await end(protocol)
    return not sleep.called


async def bomb_is_refused(_bench: Bench) -> bool:
    return await _is_too_big(times=2)


async def what_inflates_to_its_limit_is_taken(_bench: Bench) -> bool:
    return not await _is_too_big(times=1)


async def _is_too_big(*, times: int) -> bool:
    """Whether a message of so many times the promised size is closed with 1009 when it comes compressed."""
    parts = build(load_settings({"WEBSOCKET_COMPRESSION": "true"}, profile="fast"))
    offer = UPGRADE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    protocol, transport = await upgraded(configured(parts), offer)
    deflate = zlib.compressobj(wbits=-12)
    small = deflate.compress(bytes(times * parts.settings.websocket_max_message_bytes))
    small += deflate.flush(zlib.Z_SYNC_FLUSH)
    bomb = bytearray(Frame(Opcode.BINARY, small[:-4]).serialize(mask=True))
    bomb[0] |= COMPRESSED
    protocol.data_received(bytes(bomb))
    refused = any(data.startswith(CLOSE) and data[2:4] == (1009).to_bytes(2, "big") for data in transport.written)
    await end(protocol)
    return refused


async def junk_before_a_request_is_refused(bench: Bench) -> bool:
    return await _answer_to_http(bench, b"hello\r\n" + UPGRADE) == b"400"


async def request_with_pauses_is_taken(bench: Bench) -> bool:
    bench.parts.clock = clock = TimersByHand()
    protocol, transport = HttpProtocol(configured(bench.parts), ServerState(), {}), RecordingTransport()
    protocol.connection_made(transport)
    third = -(-len(UPGRADE) // 3)
    for start in range(0, len(UPGRADE), third):
        clock.advance(0.2)
        protocol.data_received(UPGRADE[start : start + third])
    await turns_until(lambda: bool(transport.written))
    return transport.written[0].split(b" ")[1] == b"101"


async def other_version_is_refused(bench: Bench) -> bool:
    return await _answer(bench, UPGRADE.replace(b"Version: 13", b"Version: 9")) == b"426"


async def path_that_leads_nowhere_is_refused(bench: Bench) -> bool:
    return await _answer(bench, UPGRADE.replace(b"/echo", b"/nowhere")) == b"404"


async def unknown_extension_is_left_out(bench: Bench) -> bool:
    offer = UPGRADE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: x-nobody-knows; a=1\r\n\r\n")
    return await _answer(bench, offer) == b"101"


async def lines_of_connection_are_one_list(bench: Bench) -> bool:
    offer = UPGRADE.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
    return await _answer_to_http(bench, offer) == b"101"


async def _answer_to_http(bench: Bench, request: bytes) -> bytes:
    """The status that a connection's first request is answered with, before it is known to be an upgrade."""
    protocol, transport = HttpProtocol(configured(bench.parts), ServerState(), {}), RecordingTransport()
    protocol.connection_made(transport)
    protocol.data_received(request)
    await turns_until(lambda: bool(transport.written))
    return transport.written[0].split(b" ")[1]


async def _answer(bench: Bench, request: bytes) -> bytes:
    """The status that an upgrade request is answered with."""
    protocol, transport = await upgraded(configured(bench.parts), request)
    await end(protocol)
    return transport.written[0].split(b" ")[1]


CHECKS: dict[str, Check] = {
    "each_ping_is_written_down": ping_does_not_block_the_loop,
    "inflates_without_a_limit": bomb_is_refused,
    "last_connection_line_counts": lines_of_connection_are_one_list,
    "looks_for_the_request": junk_before_a_request_is_refused,
    "refuses_private_close_codes": own_close_code_comes_back,
    "requests_may_not_pause": request_with_pauses_is_taken,
    "refuses_unknown_extensions": unknown_extension_is_left_out,
    "serves_every_path": path_that_leads_nowhere_is_refused,
    "takes_any_version": other_version_is_refused,
    "whatever_inflates_is_a_bomb": what_inflates_to_its_limit_is_taken,
}
