"""Defects in letting clients in: at once, up to the limit, from the right pages, and their places back."""

from __future__ import annotations

import asyncio
from unittest import mock

from reference_server.admission import Place
from reference_server.establishment import Establishment

from ..fakes import make_connection, turns_until
from .bench import Bench, Check, FakeWebSocket, a_dead_peer, all_done_at_once


async def ten_get_in_at_once(bench: Bench) -> bool:
    return await all_done_at_once([asyncio.create_task(bench.newcomer().accept()) for _ in range(10)])


async def twenty_get_in_at_once(bench: Bench) -> bool:
    return await all_done_at_once([asyncio.create_task(bench.newcomer().accept()) for _ in range(20)])


async def limit_holds_before_anybody_is_established(bench: Bench) -> bool:
    admission = bench.parts.admission
    return sum(admission.try_enter() is None for _ in range(2 * admission.limit)) == admission.limit


async def all_places_come_back(bench: Bench) -> bool:
    admission = bench.parts.admission
    inside = [None for _ in range(2 * admission.limit) if admission.try_enter() is None]
    for _ in inside:
        admission.leave()
    return admission.inside == 0


async def warned_at_the_threshold(bench: Bench) -> bool:
    connection, _ = bench.client()
    for _ in range(bench.parts.backpressure.warn_from):
        bench.parts.gate.enter()
    return len(connection.outbox) == 1


async def not_warned_below_the_threshold(bench: Bench) -> bool:
    connection, _ = bench.client()
    settings = bench.parts.settings
    for _ in range(int(settings.websocket_max_connections * settings.websocket_backpressure_threshold) - 1):
        bench.parts.gate.enter()
    return len(connection.outbox) == 0


async def newcomer_may_be_silent(bench: Bench) -> bool:
    connection, wire = make_connection(bench.parts.clock, endpoint="echo", counters=bench.parts.counters)
    loop = asyncio.get_running_loop()
    # Whatever is due later is due now.
    with mock.patch.object(loop, "call_later", lambda _, callback, *args: loop.call_soon(callback, *args)):
        await Establishment(FakeWebSocket(), connection, bench.parts).register()  # type: ignore[arg-type]  # a stand-in
    await turns_until(lambda: wire.was_cut, fail=False)
    return not wire.was_cut


async def place_of_the_dead_comes_back(bench: Bench) -> bool:
    bench.parts.admission.try_enter()
    a_dead_peer(bench)
    bench.parts.sweep.run()
    bench.parts.admission.leave()
    return bench.parts.admission.inside == 0


async def place_comes_back_once(bench: Bench) -> bool:
    admission = bench.parts.admission
    admission.try_enter()
    place = Place(bench.parts.gate.leave)
    place.give_back()
    place.give_back()
    return admission.inside == 0


async def place_comes_back_at_once(bench: Bench) -> bool:
    admission = bench.parts.admission
    admission.try_enter()
    bench.parts.gate.leave()
    return admission.inside == 0


async def those_who_come_back_get_in(bench: Bench) -> bool:
    for _ in range(60):
        connection, _ = bench.client()
        bench.parts.registry.remove(connection)
    return bench.parts.admission.try_enter() is None


async def ten_are_let_in_without_a_wait(bench: Bench) -> bool:
    return await all_done_at_once([asyncio.create_task(bench.newcomer().authenticate()) for _ in range(10)])


async def nobody_makes_room_for_a_newcomer(bench: Bench) -> bool:
    inside = [bench.client()[0] for _ in range(bench.parts.settings.websocket_max_connections)]
    return not any(connection.ended for connection in inside)


CHECKS: dict[str, Check] = {
    "accept_beyond_limit": limit_holds_before_anybody_is_established,
    "ban_after_a_storm": those_who_come_back_get_in,
    "establish_under_a_lock": ten_get_in_at_once,
    "looks_up_names_of_newcomers": ten_are_let_in_without_a_wait,
    "newcomers_push_out_others": nobody_makes_room_for_a_newcomer,
    "no_backpressure_warning": warned_at_the_threshold,
    "place_given_back_twice": place_comes_back_once,
    "places_given_back_by_a_timer": place_comes_back_at_once,
    "places_not_given_back": all_places_come_back,
    "places_reserved_for_the_dead": place_of_the_dead_comes_back,
    "quiet_newcomers_are_cut_off": newcomer_may_be_silent,
    "serve_one_at_a_time": ten_get_in_at_once,
    "slow_to_start_serving": twenty_get_in_at_once,
    "warned_at_half_of_it": not_warned_below_the_threshold,
}
