"""Defects in saying goodbye."""

from __future__ import annotations

from reference_server import closes

from .bench import Bench, Check


async def shutdown_says_that_it_goes_away(bench: Bench) -> bool:
    connection, _ = bench.client()
    connection.close(closes.SHUTDOWN)
    return await connection.outbox.get() == closes.SHUTDOWN


CHECKS: dict[str, Check] = {
    "shutdown_says_goodbye_for_good": shutdown_says_that_it_goes_away,
}
