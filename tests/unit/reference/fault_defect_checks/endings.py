"""Defects that show when connections end: reset, hung up, in the middle of their request, or with a goodbye."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import time
import tracemalloc
from unittest import mock

from reference_server.establishment import Establishment
from reference_server.feed import ENDPOINT
from reference_server.http_protocol import HttpProtocol
from uvicorn.server import ServerState
from websockets.frames import Close, Frame, Opcode

from ..defect_checks.bench import Bench, Check, FakeWebSocket
from ..fakes import make_connection
from ..wired import UPGRADE, RecordingTransport, configured, end, established

DESCRIPTORS = "/proc/self/fd"
"""One entry for each file that this process holds."""


class OnASocket(RecordingTransport):
    """A transport that has a socket, and writes to nowhere."""

    def __init__(self, own: socket.socket) -> None:
        super().__init__()
        self._own = own

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._own if name == "socket" else default


async def leaver_does_not_block_the_loop(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    with mock.patch.object(time, "sleep") as sleep:
        await end(protocol)
    return not sleep.called


async def pings_go_on_after_one_has_left(bench: Bench) -> bool:
    gone, gone_wire = bench.client()
    gone_wire.lost.set_result(None)
    bench.parts.registry.remove(gone)
    with contextlib.suppress(ConnectionResetError):
        bench.parts.heartbeat.beat()
    _, wire = bench.client()
    bench.parts.heartbeat.beat()
    return len(wire.pings) == 1


async def broadcast_goes_on_after_one_has_left(bench: Bench) -> bool:
    listeners = []
    for _ in range(2):
        connection, wire = make_connection(bench.parts.clock, endpoint=ENDPOINT, counters=bench.parts.counters)
        await Establishment(FakeWebSocket(), connection, bench.parts).register()  # type: ignore[arg-type]  # a stand-in
        listeners.append((connection, wire))
    (gone, gone_wire), (stays, _) = listeners
    gone_wire.lost.set_result(None)
    bench.parts.registry.remove(gone)
    for _ in range(2):
        with contextlib.suppress(ConnectionResetError):
            bench.parts.feed.broadcast()
    return len(stays.outbox) == 2


async def alert_goes_when_a_client_has_been_reset(bench: Bench) -> bool:
    bench.parts.admission.limit = 1
    protocol, _ = await established(configured(bench.parts))
    protocol.connection_lost(ConnectionResetError())
    await _until_it_is_over(bench)
    return "websocket_connections_high" not in bench.parts.alerts.update()


async def newcomers_get_in_after_many_hang_ups(bench: Bench) -> bool:
    config = configured(bench.parts)
    protocols = [(await established(config))[0] for _ in range(20)]
    for protocol in protocols:
        protocol.eof_received()
        protocol.connection_lost(None)
    await _until_it_is_over(bench)
    return bench.parts.admission.try_enter() is None


async def newcomers_get_in_after_many_resets(bench: Bench) -> bool:
    config = configured(bench.parts)
    protocols = [(await established(config))[0] for _ in range(20)]
    for protocol in protocols:
        protocol.connection_lost(ConnectionResetError())
    await _until_it_is_over(bench)
    return bench.parts.admission.try_enter() is None


async def all_places_come_back_at_once(bench: Bench) -> bool:
    parts = bench.parts
    inside = [None for _ in range(50) if parts.admission.try_enter() is None]
    for _ in inside:
        parts.gate.leave()
    parts.sweep.run()
    return parts.admission.inside == 0


async def reset_request_leaves_no_file(bench: Bench) -> bool:
    """One on a socket of its own, for what it is about is the number of a file."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        before = len(os.listdir(DESCRIPTORS))
        protocol = HttpProtocol(configured(bench.parts), ServerState(), {})
        protocol.connection_made(OnASocket(ours))
        protocol.data_received(UPGRADE[:20])
        protocol.connection_lost(ConnectionResetError())
        return len(os.listdir(DESCRIPTORS)) == before


async def goodbye_is_forgotten(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    tracemalloc.start()
    try:
        protocol.data_received(Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=True))
        await end(protocol)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] < 32 * 1024
    finally:
        tracemalloc.stop()


async def _until_it_is_over(bench: Bench) -> None:
    """Until the application has heard of every connection that is lost."""
    for _ in range(1000):
        if not len(bench.parts.registry):
            return
        await asyncio.sleep(0)
    raise AssertionError("still there after a thousand turns")


CHECKS: dict[str, Check] = {
    "block_loop_on_disconnect": leaver_does_not_block_the_loop,
    "broadcast_dies_of_an_error": broadcast_goes_on_after_one_has_left,
    "gauge_misses_resets": alert_goes_when_a_client_has_been_reset,
    "goodbyes_kept_for_resumption": goodbye_is_forgotten,
    "half_requests_keep_their_file": reset_request_leaves_no_file,
    "hang_ups_trip_a_guard": newcomers_get_in_after_many_hang_ups,
    "heartbeat_dies_of_an_error": pings_go_on_after_one_has_left,
    "leavers_wait_in_a_short_queue": all_places_come_back_at_once,
    "resets_trip_a_guard": newcomers_get_in_after_many_resets,
}
