"""Pings at the beat, and who is called dead, on fake wires."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reference_server.connection import Connection
from reference_server.heartbeat import Heartbeat
from reference_server.liveness import NOTHING_SEEN
from reference_server.registry import Registry
from reference_server.statistics import Counters
from reference_server.sweep import Sweep

from .fakes import AlwaysAttentive, FakeTime, FakeWire, make_connection

TIMEOUT, PING_TIMEOUT = 10.0, 4.0


class House:
    def __init__(self) -> None:
        self.time = FakeTime()
        self.clock = AlwaysAttentive(self.time)
        self.registry = Registry()
        self.counters = Counters()
        self.heartbeat = Heartbeat(
            timeout=TIMEOUT,
            ping_timeout=PING_TIMEOUT,
            clock=self.clock,
            registry=self.registry,
            counters=self.counters,
        )

    def add(self) -> tuple[Connection, FakeWire]:
        connection, wire = make_connection(self.clock, counters=self.counters)
        self.heartbeat.watch(connection)
        self.registry.add(connection)
        return connection, wire


@pytest.fixture
async def house() -> House:
    return House()


async def test_everybody_is_pinged_with_a_payload_of_its_own(house: House) -> None:
    _, first = house.add()
    _, second = house.add()
    house.heartbeat.beat()
    assert len(first.pings) == len(second.pings) == 1
    assert first.pings != second.pings


async def test_peer_that_answers_lives(house: House) -> None:
    connection, wire = house.add()
    for _ in range(10):
        house.heartbeat.beat()
        house.time.advance(TIMEOUT / 2)
        wire.on_pong(wire.pings[-1])
        assert not house.heartbeat.is_dead(connection)
    assert house.counters.pongs_received == 10


async def test_silent_peer_is_dead_after_the_timeout_and_not_before(house: House) -> None:
    connection, wire = house.add()
    house.heartbeat.beat()
    wire.seen = replace(NOTHING_SEEN, delivered=wire.written)
    house.time.advance(TIMEOUT)
    assert not house.heartbeat.is_dead(connection)
    house.time.advance(0.001)
    assert house.heartbeat.is_dead(connection)


async def test_stalled_peer_is_dead_after_the_ping_timeout(house: House) -> None:
    connection, wire = house.add()
    house.heartbeat.beat()
    wire.seen = replace(NOTHING_SEEN, outstanding=wire.written)
    house.time.advance(PING_TIMEOUT + 0.001)
    assert house.heartbeat.is_dead(connection)


async def test_no_second_ping_is_queued_behind_one_that_is_stuck(house: House) -> None:
    _, wire = house.add()
    for _ in range(5):
        house.heartbeat.beat()
    assert len(wire.pings) == 1


async def test_sweep_cuts_the_dead_and_only_them(house: House) -> None:
    dead, dead_wire = house.add()
    _living, living_wire = house.add()
    house.heartbeat.beat()
    house.time.advance(TIMEOUT + 1)
    living_wire.on_pong(living_wire.pings[0])
    sweep = Sweep(heartbeat=house.heartbeat, registry=house.registry, counters=house.counters)
    sweep.run()
    assert (dead_wire.was_cut, living_wire.was_cut) == (True, False)
    assert dead.ended
    sweep.run()
    assert house.counters.dead_found == 1


async def test_a_connection_that_cannot_be_ended_does_not_save_the_others(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    _, broken = house.add()
    _, dead = house.add()
    house.heartbeat.beat()
    house.time.advance(TIMEOUT + 1)

    def cannot() -> None:
        raise OSError("no such socket")

    broken.cut = cannot  # type: ignore[method-assign]  # this one breaks
    Sweep(heartbeat=house.heartbeat, registry=house.registry, counters=house.counters).run()
    assert dead.was_cut
    assert house.counters.cleanup_failures == 1
    assert "could not clean up test" in caplog.text
