"""Defects of heartbeat, idle timeout and maximum age."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from unittest import mock

from reference_server.clock import AttentiveTimer
from reference_server.idle import IdleTimer
from reference_server.liveness import NOTHING_SEEN
from reference_server.timers import Timers
from reference_server.transport import BoundedTransport

from ..fakes import TimersByHand, make_connection
from .bench import LONG, Bench, Check

RETRANSMISSION = 0.2
"""Seconds after which a kernel sends a lost packet again (TCP_RTO_MIN on Linux)."""


class LosingTransport(asyncio.Transport):
    """Takes what is written and sees none of it acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.was_cut = False
        self._waiting = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._waiting += len(data)

    def get_write_buffer_size(self) -> int:
        return self._waiting

    def is_closing(self) -> bool:
        return self.was_cut

    def abort(self) -> None:
        self.was_cut = True


async def pinged_at_every_beat(bench: Bench) -> bool:
    _, wire = bench.client()
    for beat in range(1, 5):
        bench.parts.heartbeat.beat()
        wire.on_pong(wire.pings[-1])
        wire.seen = replace(NOTHING_SEEN, received=10 * beat)
    return len(wire.pings) == 4


async def slow_pong_is_waited_for(bench: Bench) -> bool:
    _, wire = bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(bench.parts.settings.websocket_heartbeat_interval)
    bench.parts.heartbeat.beat()
    bench.parts.sweep.run()
    return not wire.was_cut


async def lost_packet_is_waited_for(bench: Bench) -> bool:
    wire = LosingTransport()
    BoundedTransport(wire, clock=bench.parts.clock, close_timeout=LONG).write(b"answer")
    await asyncio.sleep(RETRANSMISSION)
    return not wire.was_cut


async def pause_kills_nobody(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.parts.heartbeat.beat()
    wire.on_pong(wire.pings[-1])
    # The machine's clock has gone on, the attentive one has not: nobody could be heard meanwhile.
    with mock.patch.object(time, "monotonic", return_value=time.monotonic() + LONG):
        return not bench.parts.heartbeat.is_dead(connection)


async def pong_is_no_activity(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.time.advance(LONG)
    wire.on_pong(b"")
    return connection.idle_for() == LONG


async def answer_to_the_warning_counts(bench: Bench) -> bool:
    clock = TimersByHand()
    connection, _ = make_connection(clock)
    IdleTimer(connection, clock=clock, timeout=10.0, warning=4.0)
    for _ in range(2):
        clock.advance(7.0)
        if "idle_warning" not in str(await connection.outbox.get()):
            return False
        connection.heard()
    return True


async def age_counts_from_the_start(bench: Bench) -> bool:
    connection, _ = bench.client()
    timers = Timers(connection, bench.parts, idles=False)
    bench.time.advance(bench.parts.settings.websocket_max_age - 1)
    connection.heard()
    bench.time.advance(2)
    (age,) = timers._running
    assert isinstance(age, AttentiveTimer)
    age._check()
    timers.cancel()
    return connection.ended


async def nobody_waits_for_another_pong(bench: Bench) -> bool:
    bench.client()
    _, second = bench.client()
    bench.parts.heartbeat.beat()
    for _ in range(5):
        await asyncio.sleep(0)
    return len(second.pings) == 1


async def warning_leaves_time(bench: Bench) -> bool:
    clock = TimersByHand()
    connection, _ = make_connection(clock)
    IdleTimer(connection, clock=clock, timeout=10.0, warning=4.0)
    clock.advance(7.0)
    return len(connection.outbox) == 1 and "idle_warning" in str(await connection.outbox.get()) and not connection.ended


CHECKS: dict[str, Check] = {
    "age_starts_anew": age_counts_from_the_start,
    "cut_everyone_after_pause": pause_kills_nobody,
    "cut_slow_peers": slow_pong_is_waited_for,
    "cut_unacknowledged": lost_packet_is_waited_for,
    "heartbeat_waits_for_each": nobody_waits_for_another_pong,
    "idle_never_closed": pong_is_no_activity,
    "idle_timer_not_reset": answer_to_the_warning_counts,
    "idle_warning_too_late": warning_leaves_time,
    "ping_every_other_time": pinged_at_every_beat,
}
