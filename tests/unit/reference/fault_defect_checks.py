"""The checks of `defect_checks` for defects that take a fault to show: one kind of end, a hang, a full buffer.

Asked of sound parts the answer is True, and of parts with the defect installed False.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

from reference_server.breaker import State
from reference_server.endpoints.echo import Echo
from reference_server.environment import load_settings
from reference_server.establishment import Establishment
from reference_server.feed import ENDPOINT
from reference_server.guard import DependencyFailed
from reference_server.http_protocol import HttpProtocol
from reference_server.idle import IdleTimer
from reference_server.liveness import NOTHING_SEEN
from reference_server.parts import build
from reference_server.source import Unavailable
from reference_server.timers import Timers
from uvicorn.server import ServerState
from websockets.frames import Close, Frame, Opcode

from .defect_checks.bench import LONG, Bench, Check, FakeWebSocket, all_done_at_once
from .defect_checks.cleanup import silent_peer_is_dead
from .fakes import TimersByHand, make_connection
from .wired import UPGRADE, RecordingTransport, configured, end, established, upgraded

CLOSE = b"\x88"
"""The first byte of a close frame."""

STALLED = replace(NOTHING_SEEN, outstanding=2000)
"""Two thousand bytes that the peer's kernel has no room for."""

AGAIN = 0.2
"""Seconds after which what was put off for a twentieth has come, however late the loop is: timers keep their order."""

COMPRESSED = 0x40
"""RSV1, in a frame's first byte."""


DESCRIPTORS = "/proc/self/fd"
"""One entry for each file that this process holds."""


class OnASocket(RecordingTransport):
    """A transport that has a socket, and writes to nowhere."""

    def __init__(self, own: socket.socket) -> None:
        super().__init__()
        self._own = own

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._own if name == "socket" else default


async def _some_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def ten_are_let_in_without_a_wait(bench: Bench) -> bool:
    return await all_done_at_once([asyncio.create_task(bench.newcomer().authenticate()) for _ in range(10)])


async def rest_of_a_frame_is_read_at_once(bench: Bench) -> bool:
    protocol, transport = await established(configured(bench.parts))
    for byte in Frame(Opcode.TEXT, b"torn to pieces").serialize(mask=True)[:-1]:
        protocol.data_received(bytes([byte]))
    reading = transport.reading
    await end(protocol)
    return reading


async def leaver_does_not_block_the_loop(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    with mock.patch.object(time, "sleep") as sleep:
        await end(protocol)
    return not sleep.called


async def full_window_does_not_block_the_loop(bench: Bench) -> bool:
    _, wire = bench.client()
    wire.seen = STALLED
    with mock.patch.object(time, "sleep") as sleep:
        bench.parts.heartbeat.beat()
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


async def nobody_waits_for_another_window(bench: Bench) -> bool:
    _, stalled = bench.client()
    stalled.seen = STALLED
    _, wire = bench.client()
    bench.parts.heartbeat.beat()
    await _some_turns()
    return len(wire.pings) == 1


async def idle_clients_are_closed_together(bench: Bench) -> bool:
    clients = [bench.client()[0] for _ in range(2)]
    timers = [IdleTimer(client, clock=bench.parts.clock, timeout=LONG, warning=1.0) for client in clients]
    bench.time.advance(LONG)
    for timer in timers:
        timer._look()  # warned
    bench.time.advance(1.0)
    for timer in timers:
        timer._look()
    await _some_turns()
    for timer in timers:
        timer.cancel()
    return all(client.ended for client in clients)


async def acknowledged_ping_is_no_answer(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.parts.heartbeat.beat()
    wire.seen = replace(NOTHING_SEEN, delivered=wire.written)
    bench.time.advance(LONG)
    return bench.parts.heartbeat.is_dead(connection)


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


async def dead_peer_is_counted_as_dead(bench: Bench) -> bool:
    bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)
    bench.parts.sweep.run()
    return bench.parts.counters.dead_found == 1


async def message_is_counted_once(bench: Bench) -> bool:
    connection, _ = bench.client("echo")
    connection.heard()
    await Echo().received(connection, "hello")
    return bench.parts.counters.messages_received == 1


async def hanging_upstream_raises_its_alert(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    while breaker.state is State.CLOSED:
        permit = breaker.acquire()
        assert permit is not None
        permit.failure("timeout")
    return "upstream_breaker_open" in bench.parts.alerts.update()


async def alert_goes_when_a_client_has_been_reset(bench: Bench) -> bool:
    bench.parts.admission.limit = 1
    protocol, _ = await established(configured(bench.parts))
    protocol.connection_lost(ConnectionResetError())
    await _until_it_is_over(bench)
    return "websocket_connections_high" not in bench.parts.alerts.update()


async def pinged_without_a_file(bench: Bench) -> bool:
    _, wire = bench.client()
    no_file_left = OSError(errno.EMFILE, "Too many open files")
    with mock.patch.object(Path, "open", side_effect=no_file_left), contextlib.suppress(OSError):
        bench.parts.heartbeat.beat()
    return len(wire.pings) == 1


async def newcomers_get_in_after_a_pause(bench: Bench) -> bool:
    with mock.patch.object(time, "monotonic", return_value=time.monotonic() + LONG):
        bench.parts.clock.tick()
        return bench.parts.admission.try_enter() is None


def _late_ticks(bench: Bench) -> None:
    """The clock ticks ten times, each after half as long again as it should."""
    clock, now = bench.parts.clock, time.monotonic()
    for number in range(10):
        with mock.patch.object(time, "monotonic", return_value=now + 1.5 * number * clock.tick_interval):
            clock.tick()


async def pinged_while_late(bench: Bench) -> bool:
    _, wire = bench.client()
    _late_ticks(bench)
    bench.parts.heartbeat.beat()
    return len(wire.pings) == 1


async def swept_while_late(bench: Bench) -> bool:
    _late_ticks(bench)
    before = bench.parts.counters.sweeps
    bench.parts.sweep.run()
    return bench.parts.counters.sweeps == before + 1


async def newcomers_get_in_once_it_is_on_time(bench: Bench) -> bool:
    admission, clock = bench.parts.admission, bench.parts.clock
    _late_ticks(bench)
    if admission.try_enter() is None:
        admission.leave()
    for _ in range(10):
        clock.tick()
    return admission.try_enter() is None


async def ticks_take_no_time(bench: Bench) -> bool:
    began = time.thread_time()
    for _ in range(4):
        bench.parts.clock.tick()
    return time.thread_time() - began < 0.05


SMALL = 100_000
"""Bytes: ten times what a client of the bench takes."""


async def client_takes_little(bench: Bench) -> bool:
    return _taken_by(lambda: bench.parts.registry.add(bench.client()[0])) < SMALL


async def messages_take_nothing(bench: Bench) -> bool:
    connection, _ = bench.client()
    return _taken_by(connection.heard) < SMALL


def _taken_by(act: Callable[[], object]) -> int:
    """Bytes that are kept when it is done."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


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


async def newcomers_get_in_beside_the_dead(bench: Bench) -> bool:
    bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)
    bench.parts.sweep.run()
    await asyncio.sleep(0)
    accepted = asyncio.create_task(bench.newcomer().accept())
    await _some_turns()
    return accepted.done() or not accepted.cancel()


async def own_close_code_comes_back(bench: Bench) -> bool:
    protocol, transport = await established(configured(bench.parts))
    protocol.data_received(Frame(Opcode.CLOSE, Close(3000, "").serialize()).serialize(mask=True))
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
    parts = build(load_settings({"WEBSOCKET_COMPRESSION": "true"}, profile="fast"))
    offer = UPGRADE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    protocol, transport = await upgraded(configured(parts), offer)
    deflate = zlib.compressobj(wbits=-12)
    small = deflate.compress(bytes(2 * parts.settings.websocket_max_message_bytes))
    small += deflate.flush(zlib.Z_SYNC_FLUSH)
    bomb = bytearray(Frame(Opcode.BINARY, small[:-4]).serialize(mask=True))
    bomb[0] |= COMPRESSED
    protocol.data_received(bytes(bomb))
    refused = any(data.startswith(CLOSE) and data[2:4] == (1009).to_bytes(2, "big") for data in transport.written)
    await end(protocol)
    return refused


async def other_version_is_refused(bench: Bench) -> bool:
    return await _answer(bench, UPGRADE.replace(b"Version: 13", b"Version: 9")) == b"426"


async def unknown_extension_is_left_out(bench: Bench) -> bool:
    offer = UPGRADE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: x-nobody-knows; a=1\r\n\r\n")
    return await _answer(bench, offer) == b"101"


async def last_value_outlives_the_connection(bench: Bench) -> bool:
    bench.fails_with = "unreachable"
    bench.parts.source._cached = ("value", 0.0)
    try:
        return (await bench.parts.source.get()).source == "cached"
    except Unavailable:
        return False


async def upstream_is_asked_again_when_it_is_back(bench: Bench) -> bool:
    bench.fails_with = "unreachable"
    with contextlib.suppress(DependencyFailed):
        await bench.parts.upstream.get("/data")
    bench.fails_with = None
    try:
        return await bench.parts.upstream.get("/data") == "value"
    except DependencyFailed:
        return False


async def refused_connections_open_the_accept_breaker(bench: Bench) -> bool:
    breaker = bench.parts.accept_breaker
    for _ in range(breaker.policy.failure_threshold):
        permit = breaker.acquire()
        assert permit is not None
        permit.failure("unreachable")
    return breaker.state is State.OPEN


async def hung_call_is_made_once(bench: Bench) -> bool:
    bench.fails_with = "timeout"
    with contextlib.suppress(Unavailable):
        await bench.parts.source.get()
    await asyncio.sleep(AGAIN)
    await _some_turns()
    return bench.hits == 1


async def newcomers_get_in_beside_many_out_of_reach(bench: Bench) -> bool:
    for _ in range(20):
        bench.client()[1].seen = STALLED
    for _ in range(2):
        bench.parts.clock.tick()
    return bench.parts.admission.try_enter() is None


async def dead_are_found_beside_a_slow_one(bench: Bench) -> bool:
    _, slow = bench.client()
    dead, _ = bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(0.2)
    slow.on_pong(slow.pings[0])
    bench.time.advance(bench.parts.heartbeat.timeout)
    return bench.parts.heartbeat.is_dead(dead)


async def many_are_let_in_before_the_first_speaks(bench: Bench) -> bool:
    config = configured(bench.parts)
    opening = [asyncio.create_task(upgraded(config)) for _ in range(20)]
    let_in = await all_done_at_once(opening)
    for task in opening:
        with contextlib.suppress(asyncio.CancelledError):
            await end((await task)[0])
    return let_in


async def trial_that_is_called_off_is_made_again(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    while breaker.state is State.CLOSED:
        permit = breaker.acquire()
        assert permit is not None
        permit.failure()
    bench.time.advance(breaker.recovery_timeout())
    while (permit := breaker.acquire()) is not None:
        permit.cancel()
        if breaker.tally.cancelled:
            return True
    return False


async def old_answer_is_none_to_the_last_ping(bench: Bench) -> bool:
    connection, wire = bench.client()
    timeout = bench.parts.heartbeat.timeout
    for seconds in (timeout / 2, timeout / 4):
        bench.parts.heartbeat.beat()
        wire.seen = replace(NOTHING_SEEN, delivered=wire.written)
        bench.time.advance(seconds)
    wire.on_pong(wire.pings[0])
    bench.time.advance(timeout)
    return bench.parts.heartbeat.is_dead(connection)


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


async def hung_call_takes_nothing_off_the_wait(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    while breaker.state is State.CLOSED:
        permit = breaker.acquire()
        assert permit is not None
        bench.time.advance(bench.parts.settings.upstream_timeout)
        permit.failure("timeout")
    return breaker.open_for() == breaker.recovery_timeout()


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


async def ping_may_take_its_time(bench: Bench) -> bool:
    connection, wire = bench.client()
    wire.seen = replace(NOTHING_SEEN, delivered=0, outstanding=8)
    bench.parts.heartbeat.ping(connection)
    await asyncio.sleep(AGAIN)
    return not connection.ended


DAY = 86400.0
"""Seconds by which a wall clock is set: longer than anything that a connection's life is measured in."""


async def idle_time_is_no_time_of_day(bench: Bench) -> bool:
    connection, _ = bench.client()
    bench.time.advance(1.0)
    with mock.patch.object(time, "time", return_value=time.time() + DAY):
        ahead = connection.idle_for()
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        back = connection.idle_for()
    return ahead == back == 1.0


async def living_stay_when_the_clock_is_put_forward(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.parts.heartbeat.beat()
    wire.on_pong(wire.pings[-1])
    with mock.patch.object(time, "time", return_value=time.time() + DAY):
        bench.parts.heartbeat.beat()
    return not connection.ended


async def dead_are_found_when_the_clock_is_set_back(bench: Bench) -> bool:
    connection, _ = bench.client()
    bench.parts.heartbeat.beat()
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        bench.time.advance(LONG)
        return bench.parts.heartbeat.is_dead(connection)


async def trial_is_due_when_the_clock_is_set_back(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    for _ in range(breaker.policy.failure_threshold):
        permit = breaker.acquire()
        assert permit is not None
        permit.failure()
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        bench.time.advance(breaker.policy.recovery_timeout)
        return breaker.acquire() is not None


async def pinged_when_the_clock_is_set_back(bench: Bench) -> bool:
    _, wire = bench.client()
    bench.parts.heartbeat.beat()
    wire.on_pong(wire.pings[-1])
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        bench.parts.heartbeat.beat()
    return len(wire.pings) == 2


async def idle_clients_stay_when_the_clock_is_put_forward(bench: Bench) -> bool:
    connection, _ = bench.client()
    timers = Timers(connection, bench.parts, idles=True)
    with mock.patch.object(time, "time", return_value=time.time() + DAY):
        bench.parts.sweep.run()
    timers.cancel()
    return not connection.ended


async def age_is_no_time_of_day(bench: Bench) -> bool:
    by_hand = bench.parts.clock = TimersByHand()
    connection, _ = make_connection(by_hand)
    timers = Timers(connection, bench.parts, idles=False)
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        by_hand.advance(bench.parts.settings.websocket_max_age)
    timers.cancel()
    return connection.ended


async def nobody_is_old_when_the_clock_is_put_forward(bench: Bench) -> bool:
    connection, _ = bench.client()
    timers = Timers(connection, bench.parts, idles=False)
    with mock.patch.object(time, "time", return_value=time.time() + DAY):
        bench.parts.sweep.run()
    timers.cancel()
    return not connection.ended


class _Ended(BaseException):
    """The process would have."""


class _Waited(BaseException):
    """The loop would have."""


async def full_disk_costs_nobody_anything(bench: Bench) -> bool:
    record = bench.parts.record
    record.file = Path("/dev/full/statistics.json")  # nothing can be written beneath it, as on a full disk
    with (
        mock.patch.object(os, "_exit", side_effect=_Ended),
        mock.patch.object(time, "sleep", side_effect=_Waited),
    ):
        try:
            record.write({"connections": 1})
        except (_Ended, _Waited):
            return False
    return True


async def full_disk_is_told(bench: Bench) -> bool:
    return await full_disk_costs_nobody_anything(bench) and "record_not_written" in bench.parts.alerts.update()


async def _answer(bench: Bench, request: bytes) -> bytes:
    """The status that an upgrade request is answered with."""
    protocol, transport = await upgraded(configured(bench.parts), request)
    await end(protocol)
    return transport.written[0].split(b" ")[1]


async def _until_it_is_over(bench: Bench) -> None:
    """Until the application has heard of every connection that is lost."""
    for _ in range(1000):
        if not len(bench.parts.registry):
            return
        await asyncio.sleep(0)
    raise AssertionError("still there after a thousand turns")


FAULT_CHECKS: dict[str, Check] = {
    "accept_breaker_counts_no_refusals": refused_connections_open_the_accept_breaker,
    "acknowledged_is_alive": acknowledged_ping_is_no_answer,
    "alive_by_the_wall_clock": living_stay_when_the_clock_is_put_forward,
    "alert_hears_of_errors_only": hanging_upstream_raises_its_alert,
    "beats_by_the_wall_clock": pinged_when_the_clock_is_set_back,
    "any_pong_answers_every_ping": old_answer_is_none_to_the_last_ping,
    "block_loop_on_disconnect": leaver_does_not_block_the_loop,
    "block_loop_on_flush": full_window_does_not_block_the_loop,
    "breaker_by_the_wall_clock": trial_is_due_when_the_clock_is_set_back,
    "breaker_waits_from_the_call": hung_call_takes_nothing_off_the_wait,
    "broadcast_dies_of_an_error": broadcast_goes_on_after_one_has_left,
    "buffers_the_largest_message": client_takes_little,
    "cache_goes_with_the_connection": last_value_outlives_the_connection,
    "dead_counted_by_their_error": dead_peer_is_counted_as_dead,
    "dies_of_a_full_disk": full_disk_costs_nobody_anything,
    "full_disk_is_nobodys_news": full_disk_is_told,
    "waits_for_room_on_the_disk": full_disk_costs_nobody_anything,
    "each_ping_is_written_down": ping_does_not_block_the_loop,
    "gauge_misses_resets": alert_goes_when_a_client_has_been_reset,
    "goodbyes_kept_for_resumption": goodbye_is_forgotten,
    "heartbeat_dies_of_an_error": pings_go_on_after_one_has_left,
    "heartbeat_opens_its_log": pinged_without_a_file,
    "heartbeat_waits_for_room": nobody_waits_for_another_window,
    "half_requests_keep_their_file": reset_request_leaves_no_file,
    "hang_ups_trip_a_guard": newcomers_get_in_after_many_hang_ups,
    "hung_calls_are_made_again": hung_call_is_made_once,
    "idle_clients_closed_in_turn": idle_clients_are_closed_together,
    "idle_by_the_wall_clock": idle_time_is_no_time_of_day,
    "idle_swept_by_the_wall_clock": idle_clients_stay_when_the_clock_is_put_forward,
    "inflates_without_a_limit": bomb_is_refused,
    "keeps_what_was_said": messages_take_nothing,
    "late_beats_are_left_out": pinged_while_late,
    "leavers_wait_in_a_short_queue": all_places_come_back_at_once,
    "looks_up_names_of_newcomers": ten_are_let_in_without_a_wait,
    "messages_counted_in_two_places": message_is_counted_once,
    "old_by_the_wall_clock": age_is_no_time_of_day,
    "old_swept_by_the_wall_clock": nobody_is_old_when_the_clock_is_put_forward,
    "pings_are_for_a_short_line": ping_may_take_its_time,
    "pongs_due_by_the_wall_clock": dead_are_found_when_the_clock_is_set_back,
    "newcomers_queue_behind_the_dead": newcomers_get_in_beside_the_dead,
    "newcomers_wait_for_each_others_first_word": many_are_let_in_before_the_first_speaks,
    "nobody_dies_on_a_slow_network": dead_are_found_beside_a_slow_one,
    "overload_outlasts_its_cause": newcomers_get_in_once_it_is_on_time,
    "refuses_private_close_codes": own_close_code_comes_back,
    "refuses_unknown_extensions": unknown_extension_is_left_out,
    "resets_trip_a_guard": newcomers_get_in_after_many_resets,
    "report_is_always_due": ticks_take_no_time,
    "sheds_load_after_a_pause": newcomers_get_in_after_a_pause,
    "slows_down_torn_frames": rest_of_a_frame_is_read_at_once,
    "sweep_waits_for_calm": swept_while_late,
    "takes_any_version": other_version_is_refused,
    "trials_go_with_their_callers": trial_that_is_called_off_is_made_again,
    "unacknowledged_is_overload": newcomers_get_in_beside_many_out_of_reach,
    "unacknowledged_is_slow": silent_peer_is_dead,
    "upstream_down_for_good": upstream_is_asked_again_when_it_is_back,
}
