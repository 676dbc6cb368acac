"""Sessions that outlive their connections: what is kept, for how long, and that nothing more is."""

from __future__ import annotations

from typing import Any

import pytest
from reference_server.clock import AttentiveClock
from reference_server.connection import Connection
from reference_server.outbox import Outbox
from reference_server.resumable import KeptSession, Sessions

from .fakes import AlwaysAttentive, FakeTime, FakeWire, make_connection
from .session_defect_checks import heard, lost


class Place:
    """Sessions on a clock that is set by hand."""

    def __init__(self, **limits: Any) -> None:
        self.time = FakeTime()
        self.clock: AttentiveClock = AlwaysAttentive(self.time)
        given = {"window": 6.0, "most": 3, "most_messages": 4, "most_bytes": 10_000, **limits}
        self.sessions = Sessions(now=self.clock.now, **given)

    def begin(self) -> KeptSession:
        session = self.sessions.begin()
        assert session is not None
        return session

    async def join(self, session: KeptSession, *, last: int = 0) -> tuple[Connection, FakeWire]:
        outbox = Outbox(max_messages=100, max_bytes=1_000_000)
        connection, wire = make_connection(self.clock, outbox=outbox)
        self.sessions.attach(session, connection, last=last)
        return connection, wire


def numbers(events: list[dict[str, object]]) -> list[object]:
    return [event["number"] for event in events]


async def test_who_comes_back_hears_what_it_missed_and_what_comes_next() -> None:
    place = Place()
    session = place.begin()
    connection, wire = await place.join(session)
    place.sessions.tick()
    assert numbers(await heard(connection)) == [1]
    await lost(wire)
    place.sessions.tick()
    place.sessions.tick()
    assert place.sessions.resume(session.token, 1) is session
    connection, _ = await place.join(session, last=1)
    place.sessions.tick()
    assert numbers(await heard(connection)) == [2, 3, 4]


async def test_who_comes_back_takes_the_place_of_its_own_dead_connection() -> None:
    place = Place()
    session = place.begin()
    old, wire = await place.join(session)
    new, _ = await place.join(session)
    assert wire.was_cut
    await lost(wire)
    assert session.lost_at is None
    place.sessions.tick()
    assert numbers(await heard(new)) == [1]
    assert not len(old.outbox)


@pytest.mark.parametrize("last", [-1, 0, 6, 99])
async def test_a_gap_is_refused(last: int) -> None:
    """Four events are kept, 2 to 5: whoever has heard 1 to 5 can go on."""
    place = Place()
    session = place.begin()
    for _ in range(5):
        place.sessions.tick()
    assert place.sessions.resume(session.token, 1) is session
    assert place.sessions.resume(session.token, 5) is session
    assert place.sessions.resume(session.token, last) is None


async def test_bytes_are_bounded_as_well() -> None:
    place = Place(most_bytes=300)
    session = place.begin()
    for number in range(1, 5):
        session.apply(number, "x" * 100)
    assert session._bytes <= 300
    assert place.sessions.resume(session.token, 4) is session
    assert place.sessions.resume(session.token, 0) is None


async def test_a_client_that_falls_behind_is_cut_and_misses_nothing_unnoticed() -> None:
    place = Place()
    session = place.begin()
    _, wire = await place.join(session)
    for _ in range(5):  # in one turn of the loop: the first is no longer kept when it could be sent
        place.sessions.tick()
    connection, _ = await place.join(session, last=5)
    assert wire.was_cut
    assert await heard(connection) == []


async def test_sessions_of_those_who_stay_away_are_forgotten() -> None:
    place = Place()
    session = place.begin()
    _, wire = await place.join(session)
    place.time.advance(100)
    place.sessions.forget_expired()
    assert (len(place.sessions), place.sessions.away()) == (1, 0)
    await lost(wire)
    place.time.advance(5.9)
    assert place.sessions.resume(session.token, 0) is session
    assert place.sessions.away() == 1
    place.time.advance(0.2)
    assert place.sessions.resume(session.token, 0) is None
    assert len(place.sessions) == 0


async def test_of_too_many_the_one_goes_that_has_been_away_longest() -> None:
    place = Place()
    sessions = [place.begin() for _ in range(3)]
    wires = [(await place.join(session))[1] for session in sessions]
    assert place.sessions.begin() is None
    for wire in (wires[1], wires[0]):
        await lost(wire)
        place.time.advance(1)
    place.begin()
    assert place.sessions.resume(sessions[1].token, 0) is None
    assert place.sessions.resume(sessions[0].token, 0) is sessions[0]


async def test_tokens_cannot_be_guessed() -> None:
    place = Place(most=100)
    tokens = {place.begin().token for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 22


async def test_a_message_is_applied_once() -> None:
    session = Place().begin()
    session.apply(3, "three")
    session.apply(3, "three")
    session.apply(2, "two")
    assert (session.applied, session.number) == (3, 1)
