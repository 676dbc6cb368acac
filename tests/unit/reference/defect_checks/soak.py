"""Defects that show after hours."""

from __future__ import annotations

import sys
import tracemalloc

from reference_server.idle import IdleTimer

from ..fakes import TimersByHand, make_connection
from .bench import LITTLE, Bench, Check

MANY = 1 << 15
"""Messages, twice what is counted before anything shows."""


async def message_leaves_nothing_behind(bench: Bench) -> bool:
    connection, _ = bench.client()
    connection.heard()
    before = sys.getallocatedblocks()
    for _ in range(MANY):
        connection.heard()
    return sys.getallocatedblocks() - before < MANY / 2


async def every_message_is_answered(bench: Bench) -> bool:
    connection, _ = bench.client()
    for _ in range(MANY):
        connection.heard()
        await connection.reply({})
        if not len(connection.outbox):
            return False
        await connection.outbox.get()
    return True


async def everyone_is_warned(bench: Bench) -> bool:
    clock = TimersByHand()
    connection, _ = make_connection(clock)
    timer = IdleTimer(connection, clock=clock, timeout=10.0, warning=4.0)
    for _ in range(100):
        try:
            timer.warn()
        except IndexError:
            return False
        await connection.outbox.get()
    return True


async def idle_close_leaves_the_count_alone(bench: Bench) -> bool:
    clock = TimersByHand()
    connection, _ = make_connection(clock)
    before = bench.parts.admission.inside
    IdleTimer(connection, clock=clock, timeout=10.0, warning=4.0)
    clock.advance(11.0)
    return connection.ended and bench.parts.admission.inside == before


async def connection_costs_little(bench: Bench) -> bool:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        bench.client()
        return tracemalloc.get_traced_memory()[0] - before < LITTLE
    finally:
        tracemalloc.stop()


CHECKS: dict[str, Check] = {
    "buffer_of_a_megabyte_each": connection_costs_little,
    "history_for_each_client": connection_costs_little,
    "idle_close_keeps_its_place": idle_close_leaves_the_count_alone,
    "remembers_each_message": message_leaves_nothing_behind,
    "reply_lost_at_the_wrap": every_message_is_answered,
    "warnings_end_with_their_numbers": everyone_is_warned,
}
