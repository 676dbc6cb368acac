"""Defects in cleaning up behind who has ended or died."""

from __future__ import annotations

import asyncio

from .bench import LONG, Bench, Check, tls_connection


async def silent_peer_is_dead(bench: Bench) -> bool:
    connection, _ = bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)
    return bench.parts.heartbeat.is_dead(connection)


class Told(asyncio.Protocol):
    """Remembers that it was told of an end."""

    lost = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


async def truncated_tls_is_told_as_an_end(bench: Bench) -> bool:
    above = Told()
    protocol, _ = tls_connection(bench)
    protocol._secured = True
    protocol.transport.set_protocol(above)
    protocol.eof_received()
    protocol.connection_lost(None)
    return above.lost


async def thirty_who_left_are_counted_out(bench: Bench) -> bool:
    inside = [bench.client()[0] for _ in range(30)]
    for connection in inside:
        bench.parts.registry.remove(connection)
    bench.parts.sweep.run()
    return len(bench.parts.registry) == 0


async def dead_are_found_after_a_calm_time(bench: Bench) -> bool:
    for _ in range(5):
        bench.parts.sweep.run()
    bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)
    bench.parts.sweep.run()
    return bench.parts.counters.dead_found == 1


CHECKS: dict[str, Check] = {
    "keep_dead_connections": silent_peer_is_dead,
    "leavers_counted_in_batches": thirty_who_left_are_counted_out,
    "sweeps_less_often_while_calm": dead_are_found_after_a_calm_time,
    "truncated_tls_is_no_end": truncated_tls_is_told_as_an_end,
}
