"""Defects that a hostile client, or a shortage, uses."""

from __future__ import annotations

import jwt

from ..fakes import TimersByHand
from .bench import LONG, OUR_PAGE, Bench, Check, FakeWebSocket, tls_connection

SECRET = "a key for tests only, no secret of anybody"


async def page_of_another_site_is_refused(bench: Bench) -> bool:
    websocket = FakeWebSocket()
    websocket.headers = {"origin": f"{OUR_PAGE}.elsewhere.test"}
    return bench.parts.gate.stranger(websocket) is not None  # type: ignore[arg-type]  # a stand-in


async def handshake_of_tls_is_bounded(bench: Bench) -> bool:
    bench.parts.clock = clock = TimersByHand()
    _, transport = tls_connection(bench)
    clock.advance(LONG)
    return transport.ended


def _let_in_with(bench: Bench, token: str | None) -> bool:
    gate, websocket = bench.parts.gate, FakeWebSocket()
    gate._settings = bench.parts.settings.model_copy(update={"websocket_jwt_secret": SECRET})
    websocket.headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return gate.token(websocket) is None  # type: ignore[arg-type]  # a stand-in


async def expired_token_is_refused(bench: Bench) -> bool:
    return not _let_in_with(bench, jwt.encode({"exp": 1}, SECRET, algorithm="HS256"))


async def unsigned_token_is_refused(bench: Bench) -> bool:
    return not _let_in_with(bench, jwt.encode({"exp": 2**33}, "", algorithm="none"))


async def nobody_comes_without_a_token(bench: Bench) -> bool:
    return not _let_in_with(bench, None)


CHECKS: dict[str, Check] = {
    "tokens_are_looked_at_where_there_are_any": nobody_comes_without_a_token,
    "tokens_choose_their_algorithm": unsigned_token_is_refused,
    "tokens_outlive_their_expiry": expired_token_is_refused,
    "no_deadline_before_tls": handshake_of_tls_is_bounded,
    "origins_compared_by_their_beginning": page_of_another_site_is_refused,
}
