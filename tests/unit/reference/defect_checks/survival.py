"""Defects that a hostile client, or a shortage, uses."""

from __future__ import annotations

from ..fakes import TimersByHand
from .bench import LONG, OUR_PAGE, Bench, Check, FakeWebSocket, tls_connection


async def page_of_another_site_is_refused(bench: Bench) -> bool:
    websocket = FakeWebSocket()
    websocket.headers = {"origin": f"{OUR_PAGE}.elsewhere.test"}
    return bench.parts.gate.stranger(websocket) is not None  # type: ignore[arg-type]  # a stand-in


async def handshake_of_tls_is_bounded(bench: Bench) -> bool:
    bench.parts.clock = clock = TimersByHand()
    _, transport = tls_connection(bench)
    clock.advance(LONG)
    return transport.ended


CHECKS: dict[str, Check] = {
    "no_deadline_before_tls": handshake_of_tls_is_bounded,
    "origins_compared_by_their_beginning": page_of_another_site_is_refused,
}
