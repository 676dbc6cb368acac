"""Defects that keep something of each connection, or let one cost too much."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
import tracemalloc
import weakref
from pathlib import Path

from reference_server.clock import AttentiveTimer
from reference_server.endpoints.session import Session
from reference_server.http_protocol import HttpProtocol
from reference_server.idle import IdleTimer
from reference_server.rejection import Rejected
from reference_server.timers import Timers
from uvicorn.server import ServerState
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode

from ..fakes import TimersByHand, turns_until
from ..wired import RecordingTransport, configured, end, established, upgraded
from .bench import LITTLE, LONG, Bench, Check, a_dead_peer, all_done_at_once, opens, tls_connection


async def ended_connection_is_forgotten(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.parts.registry.remove(connection)
    remembered = weakref.ref(wire)
    del connection, wire
    gc.collect()
    return remembered() is None


async def reply_waits_for_room(bench: Bench) -> bool:
    connection, _ = bench.client()
    replies = [asyncio.create_task(connection.reply({"number": number})) for number in range(50)]
    return not await all_done_at_once(replies)


async def request_costs_little(bench: Bench) -> bool:
    bench.parts.clock = TimersByHand()
    http = HttpProtocol(configured(bench.parts), ServerState(), {})
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        http._expect_request()
        return tracemalloc.get_traced_memory()[0] - before < LITTLE
    finally:
        tracemalloc.stop()
        http._request_is_complete()


async def lost_connection_lets_go_of_its_compression(bench: Bench) -> bool:
    protocol, _ = await upgraded(configured(bench.parts))
    window = ServerPerMessageDeflateFactory().process_request_params([], [])[1]
    protocol.conn.extensions = [window]
    remembered = weakref.ref(window)
    protocol.connection_lost(None)
    protocol.conn.extensions = []
    del protocol, window
    gc.collect()
    return remembered() is None


async def ended_connection_leaves_no_session(bench: Bench) -> bool:
    connection, _ = bench.client()
    bench.parts.registry.remove(connection)
    return len(bench.parts.registry) == 0


async def ended_connection_leaves_no_task(bench: Bench) -> bool:
    connection, _ = bench.client()
    before = asyncio.all_tasks()
    bench.parts.registry.remove(connection)
    left = asyncio.all_tasks() - before
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    return not left


async def lost_connection_leaves_no_file(bench: Bench) -> bool:
    before = _open_on_nothing()
    await bench.newcomer().accept()
    return _closed(_open_on_nothing() - before)


async def dead_peer_leaves_no_file(bench: Bench) -> bool:
    a_dead_peer(bench)
    before = _open_on_nothing()
    bench.parts.sweep.run()
    return _closed(_open_on_nothing() - before)


async def reset_connection_leaves_no_file(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    before = _open_on_nothing()
    protocol.connection_lost(ConnectionResetError())
    return _closed(_open_on_nothing() - before)


async def whoever_leaves_leaves_no_process(bench: Bench) -> bool:
    connection, _ = bench.client()
    before = _children()
    bench.parts.registry.remove(connection)
    left = _children() - before
    _wait_for(left)
    return not left


async def who_is_turned_away_leaves_no_file(bench: Bench) -> bool:
    before = _open_on_nothing()
    while bench.parts.gate.enter() is None:
        pass
    return _closed(_open_on_nothing() - before)


async def idle_close_leaves_no_file(bench: Bench) -> bool:
    connection, _ = bench.client()
    timer = IdleTimer(connection, clock=bench.parts.clock, timeout=LONG, warning=LONG / 2)
    before = _open_on_nothing()
    timer.close()
    timer.cancel()
    return _closed(_open_on_nothing() - before)


async def who_reaches_the_age_is_forgotten(bench: Bench) -> bool:
    connection, wire = bench.client()
    timers = Timers(connection, bench.parts, idles=False)
    (timer,) = timers._running
    assert isinstance(timer, AttentiveTimer)
    assert timer._handle is not None
    bench.time.advance(LONG)
    timer._handle.cancel()  # by the loop, whose time nobody sets
    timer._check()
    assert connection.ended
    timers.cancel()
    bench.parts.registry.remove(connection)
    remembered = weakref.ref(wire)
    del connection, wire, timers, timer
    gc.collect()
    return remembered() is None


async def who_meets_an_open_breaker_is_forgotten(bench: Bench) -> bool:
    parts = bench.parts
    assert opens(parts.accept_breaker, kind="error")
    session = Session(parts.settings, upstream=parts.upstream, breaker=parts.accept_breaker, gate=parts.gate)
    newcomer = bench.newcomer()
    remembered = weakref.ref(newcomer.connection.wire)
    with contextlib.suppress(Rejected):
        await session.establish(newcomer)
    del newcomer
    gc.collect()
    return remembered() is None


async def late_handshake_of_tls_is_forgotten(bench: Bench) -> bool:
    bench.parts.clock = clock = TimersByHand()
    protocol, _ = tls_connection(bench)
    clock.advance(LONG)
    protocol.connection_lost(None)
    remembered = weakref.ref(protocol)
    del protocol
    gc.collect()
    return remembered() is None


async def a_ping_leaves_nothing_behind(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    pings = 10 * Frame(Opcode.PING, b"p").serialize(mask=True)
    protocol.data_received(pings)
    tracemalloc.start()
    try:
        protocol.data_received(pings)
        return tracemalloc.get_traced_memory()[0] < LITTLE
    finally:
        tracemalloc.stop()
        await end(protocol)


async def message_waits_outside_for_a_busy_handler(bench: Bench) -> bool:
    protocol, transport = await established(configured(bench.parts))
    protocol.data_received(2 * Frame(Opcode.TEXT, b"x").serialize(mask=True))
    paused = not transport.reading
    await end(protocol)
    return paused


async def reset_connection_leaves_no_thread(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    before = threading.active_count()
    protocol.connection_lost(ConnectionResetError())
    return threading.active_count() == before


async def whoever_leaves_leaves_nothing_to_resume(bench: Bench) -> bool:
    connection, _ = bench.client()
    bench.parts.registry.remove(connection)
    return len(bench.parts.sessions) == 0


async def broken_frame_leaves_no_file(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    before = _open_on_nothing()
    protocol.data_received(Frame(Opcode.TEXT, b"x").serialize(mask=False))
    await end(protocol)
    return _closed(_open_on_nothing() - before)


async def broken_request_leaves_no_file(bench: Bench) -> bool:
    http = HttpProtocol(configured(bench.parts), ServerState(), {})
    http.connection_made(RecordingTransport())
    before = _open_on_nothing()
    http.data_received(b"no HTTP at all\r\n\r\n")
    http.connection_lost(None)
    return _closed(_open_on_nothing() - before)


async def late_request_leaves_no_file(bench: Bench) -> bool:
    http = HttpProtocol(configured(bench.parts), ServerState(), {})
    http.connection_made(RecordingTransport())
    before = _open_on_nothing()
    http._request_is_late()
    http.connection_lost(None)
    return _closed(_open_on_nothing() - before)


async def flood_leaves_no_file(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    before = _open_on_nothing()
    protocol.fail(CloseCode.POLICY_VIOLATION, "message rate exceeded")
    await end(protocol)
    return _closed(_open_on_nothing() - before)


async def close_that_times_out_leaves_no_file(bench: Bench) -> bool:
    bench.parts.clock = clock = TimersByHand()
    protocol, _ = await established(configured(bench.parts))
    before = _open_on_nothing()
    protocol.transport.close()
    clock.advance(LONG)
    protocol.connection_lost(None)
    await turns_until(lambda: not protocol.tasks)
    return _closed(_open_on_nothing() - before)


async def cut_connection_leaves_nothing_that_waited(bench: Bench) -> bool:
    connection = bench.client()[0]
    connection.outbox.offer("for nobody")
    remembered = weakref.ref(connection.outbox)
    bench.parts.registry.remove(connection)
    connection.cut("slow consumer")
    del connection
    gc.collect()
    return remembered() is None


async def cut_short_in_tls_leaves_no_file(bench: Bench) -> bool:
    protocol, _ = tls_connection(bench)
    protocol._secured = True
    protocol.transport.set_protocol(asyncio.Protocol())
    before = _open_on_nothing()
    protocol.eof_received()
    protocol.connection_lost(None)
    return _closed(_open_on_nothing() - before)


def _closed(left: set[int]) -> bool:
    """Close them; whether there were none."""
    for descriptor in left:
        os.close(descriptor)
    return not left


def _wait_for(children: set[int]) -> None:
    for child in children:
        os.waitpid(child, 0)


def _children() -> set[int]:
    """Pids of this process's children, those included that have ended and are not waited for."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # others come and go meanwhile
            _, parent, *_ = file.read_text().rpartition(")")[2].split()
            if int(parent) == os.getpid():
                found.add(int(file.parent.name))
    return found


def _open_on_nothing() -> set[int]:
    """Descriptors of /dev/null: other files may be opened meanwhile, by the look itself for one."""
    return {int(file.name) for file in Path("/proc/self/fd").iterdir() if os.path.realpath(file) == os.devnull}


CHECKS: dict[str, Check] = {
    "a_session_for_everybody": whoever_leaves_leaves_nothing_to_resume,
    "a_thread_for_each_reset": reset_connection_leaves_no_thread,
    "bad_requests_keep_their_file": broken_request_leaves_no_file,
    "late_requests_keep_their_file": late_request_leaves_no_file,
    "broken_frames_keep_their_file": broken_frame_leaves_no_file,
    "closes_that_time_out_keep_their_file": close_that_times_out_leaves_no_file,
    "dead_letters_are_kept": cut_connection_leaves_nothing_that_waited,
    "floods_keep_their_file": flood_leaves_no_file,
    "truncated_tls_keeps_its_file": cut_short_in_tls_leaves_no_file,
    "a_page_for_each_request": request_costs_little,
    "compression_kept_after_the_end": lost_connection_lets_go_of_its_compression,
    "helpers_are_not_waited_for": whoever_leaves_leaves_no_process,
    "idle_close_keeps_its_file": idle_close_leaves_no_file,
    "late_handshakes_stay_in_their_table": late_handshake_of_tls_is_forgotten,
    "rejections_are_kept_with_their_frames": who_meets_an_open_breaker_is_forgotten,
    "the_old_stay_in_the_timetable": who_reaches_the_age_is_forgotten,
    "keep_session_per_connection": ended_connection_leaves_no_session,
    "keep_task_per_connection": ended_connection_leaves_no_task,
    "leak_fd_per_connection": lost_connection_leaves_no_file,
    "leak_fd_per_dead_peer": dead_peer_leaves_no_file,
    "leak_memory_per_connection": ended_connection_is_forgotten,
    "pings_are_kept_until_the_end": a_ping_leaves_nothing_behind,
    "reads_on_behind_a_busy_handler": message_waits_outside_for_a_busy_handler,
    "refusals_keep_their_file": who_is_turned_away_leaves_no_file,
    "replies_pile_up": reply_waits_for_room,
    "resets_keep_their_file": reset_connection_leaves_no_file,
}
