"""The checks of the package `defect_checks` for defects that lose, double, change or misplace messages.

Asked of sound parts the answer is True, and of parts with the defect installed False.
"""

from __future__ import annotations

import asyncio
import json

from reference_server.connection import Connection
from reference_server.endpoints.echo import Echo
from reference_server.feed import ENDPOINT
from reference_server.outbox import Outbox
from reference_server.resumable import KeptSession
from websockets.frames import Frame, Opcode

from .defect_checks.bench import LONG, Bench, Check
from .fakes import FakeWire, make_connection, turns_until
from .wired import configured, end, established

HEARD = 5
"""Events that a client hears before its connection ends."""

MISSED = 3
"""Events that come while it is away."""


def traveller(bench: Bench) -> tuple[Connection, FakeWire]:
    """A client with room for all it may be sent."""
    outbox = Outbox(max_messages=1000, max_bytes=1_000_000)
    return make_connection(bench.parts.clock, endpoint="resumable", counters=bench.parts.counters, outbox=outbox)


async def heard(connection: Connection) -> list[dict[str, object]]:
    """What the server has for a client, as its writer takes it."""
    await asyncio.sleep(0)
    await turns_until(lambda: len(connection.outbox) > 0, fail=False)
    for _ in range(20):
        await asyncio.sleep(0)
    return [json.loads(str(await connection.outbox.get())) for _ in range(len(connection.outbox))]


async def begun(bench: Bench) -> tuple[KeptSession, Connection, FakeWire]:
    """A session whose client has heard `HEARD` events."""
    session = bench.parts.sessions.begin()
    assert session is not None
    connection, wire = traveller(bench)
    bench.parts.sessions.attach(session, connection, last=0)
    for _ in range(HEARD):
        bench.parts.sessions.tick()
    assert [event["number"] for event in await heard(connection)] == list(range(1, HEARD + 1))
    return session, connection, wire


async def lost(wire: FakeWire) -> None:
    wire.lost.set_result(None)
    await asyncio.sleep(0)


async def back(bench: Bench, token: str) -> list[object] | None:
    """The numbers that a client hears first when it comes back; None where it is refused."""
    session = bench.parts.sessions.resume(token, HEARD)
    if session is None:
        return None
    connection, _ = traveller(bench)
    bench.parts.sessions.attach(session, connection, last=HEARD)
    return [event["number"] for event in await heard(connection)]


async def hears_what_it_missed(bench: Bench) -> bool:
    session, _, wire = await begun(bench)
    await lost(wire)
    for _ in range(MISSED):
        bench.parts.sessions.tick()
    return await back(bench, session.token) == list(range(HEARD + 1, HEARD + MISSED + 1))


async def hears_what_was_written_in_vain(bench: Bench) -> bool:
    session, connection, _ = await begun(bench)
    for _ in range(MISSED):
        bench.parts.sessions.tick()
    await heard(connection)  # taken by a writer whose bytes go nowhere
    return await back(bench, session.token) == list(range(HEARD + 1, HEARD + MISSED + 1))


async def session_is_its_own(bench: Bench) -> bool:
    mine, _, wire = await begun(bench)
    await lost(wire)
    bench.time.advance(0.1)
    _, _, wire = await begun(bench)
    await lost(wire)
    return bench.parts.sessions.resume(mine.token, HEARD) is mine


async def message_is_applied_once(bench: Bench) -> bool:
    session, connection, _ = await begun(bench)
    session.apply(7, "once")
    session.apply(7, "once")
    return [event["applied"] for event in await heard(connection)] == [7]


async def acknowledged_message_survives_its_connection(bench: Bench) -> bool:
    session, _, wire = await begun(bench)
    session.apply(7, "text")
    await lost(wire)
    bench.parts.sessions.tick()
    return session.applied == 7


async def session_is_forgotten(bench: Bench) -> bool:
    _, _, wire = await begun(bench)
    await lost(wire)
    bench.time.advance(bench.parts.sessions.window + LONG)
    bench.parts.sweep.run()
    return len(bench.parts.sessions) == 0


async def latecomer_is_refused(bench: Bench) -> bool:
    session, _, wire = await begun(bench)
    await lost(wire)
    for _ in range(MISSED):
        bench.parts.sessions.tick()
    bench.time.advance(bench.parts.sessions.window + LONG)
    return await back(bench, session.token) is None


async def newcomer_changes_nothing_for_others(bench: Bench) -> bool:
    listener, _ = bench.client(endpoint=ENDPOINT)
    bench.parts.feed.broadcast()
    bench.client(endpoint=ENDPOINT)
    bench.parts.feed.broadcast()
    return len(listener.outbox) == 2


async def answers_that_wait_are_kept(bench: Bench) -> bool:
    connection, _ = bench.client()
    for number in range(3):
        await connection.reply({"number": number, "text": "x" * 200})
    return len(connection.outbox) == 3


async def long_answer_is_sent_before_the_next(bench: Bench) -> bool:
    connection, _ = traveller(bench)
    for number in range(5):
        await Echo().received(connection, f"{number}" * 200)
    first = [await connection.outbox.get() for _ in range(len(connection.outbox))]
    return [str(message)[0] for message in first] == list("01234")


async def who_talks_at_length_stays(bench: Bench) -> bool:
    connection, _ = traveller(bench)
    for number in range(9):
        await Echo().received(connection, f"{number}" * 200)
    return not connection.ended


async def fragments_stay_in_order(bench: Bench) -> bool:
    protocol, _ = await established(configured(bench.parts))
    pieces = ((Opcode.TEXT, b"ab", False), (Opcode.CONT, b"cd", False), (Opcode.CONT, b"ef", True))
    for opcode, data, fin in pieces:
        protocol.data_received(Frame(opcode, data, fin=fin).serialize(mask=True))
    whole = b"".join(protocol.frames)
    received = [protocol.queue.get_nowait() for _ in range(protocol.queue.qsize())]
    await end(protocol)
    return whole == b"abcdef" or any(event.get("text") == "abcdef" for event in received)


SESSION_CHECKS: dict[str, Check] = {
    "acknowledges_before_it_applies": acknowledged_message_survives_its_connection,
    "applies_again_what_is_sent_again": message_is_applied_once,
    "fragments_joined_in_the_wrong_order": fragments_stay_in_order,
    "hangs_up_after_five_long_messages": who_talks_at_length_stays,
    "live_events_before_kept_ones": hears_what_it_missed,
    "long_answers_are_overtaken": long_answer_is_sent_before_the_next,
    "newcomers_make_it_send_again": newcomer_changes_nothing_for_others,
    "resume_repeats_the_last": hears_what_it_missed,
    "resume_skips_the_first": hears_what_it_missed,
    "resumes_somebody_elses_session": session_is_its_own,
    "resumes_with_what_is_left": latecomer_is_refused,
    "sent_is_taken_for_received": hears_what_was_written_in_vain,
    "sessions_are_never_forgotten": session_is_forgotten,
    "waiting_answers_are_replaced": answers_that_wait_are_kept,
}
