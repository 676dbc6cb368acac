"""Parts too small for a file of tests of their own."""

from __future__ import annotations

import asyncio
import logging
import time
from itertools import pairwise
from pathlib import Path

import pytest
from reference_server import logs
from reference_server.alerts import Alerts
from reference_server.breaker_window import FailureWindow
from reference_server.closes import establishment_failed
from reference_server.defects import UnknownDefect, available, load
from reference_server.feed import Feed
from reference_server.periodic import every
from reference_server.phases import EstablishmentFailed, Phases
from reference_server.registry import Registry
from reference_server.statistics import Counters

from .fakes import AlwaysAttentive, FakeTime, make_connection

LIMITS = (0.05, 0.05, 0.05, 0.05, 0.05)


async def test_phase_that_hangs_is_named() -> None:
    phases = Phases(LIMITS, total=10)
    with pytest.raises(EstablishmentFailed, match=r"^register: not done within 0.05 s$"):
        await phases.run("register", asyncio.Event().wait())


async def test_phases_share_a_total() -> None:
    phases = Phases((10, 10, 10, 10, 10), total=0.05)
    with pytest.raises(EstablishmentFailed, match=r"^greet: not done within 0\.0\d+ s$"):
        await phases.run("greet", asyncio.Event().wait())
    assert phases.limit("greet") == 0


async def test_phase_passes_on_its_result() -> None:
    async def answer() -> int:
        return 42

    assert await Phases(LIMITS, total=1).run("upstream", answer()) == 42


def test_close_reason_fits_its_frame() -> None:
    close = establishment_failed("upstream", "ü" * 200)
    assert close.code == 1011
    assert close.reason == "upstream: " + "ü" * 56
    assert len(close.reason.encode()) <= 123


async def test_feed_reaches_everybody_and_cuts_who_has_no_room() -> None:
    clock = AlwaysAttentive(FakeTime())
    registry, counters = Registry(), Counters()
    feed = Feed(registry=registry, counters=counters, status=lambda: {"n": 1})
    listeners = [make_connection(clock, endpoint="feed", counters=counters) for _ in range(3)]
    for connection, _ in listeners:
        registry.add(connection)
    (stuck, stuck_wire), *living = listeners
    while stuck.outbox.offer("x"):
        pass
    feed.broadcast()
    feed.broadcast()
    assert stuck_wire.was_cut
    assert counters.slow_consumers_cut == 1
    for connection, wire in living:
        assert not wire.was_cut
        assert '"sequence": 1,' in str(await connection.outbox.get())


def test_feed_adds_filler() -> None:
    feed = Feed(registry=Registry(), counters=Counters(), status=dict, payload_bytes=1000)
    assert 1000 < len(feed.update()) < 1200


def test_registry_snapshots_survive_changes() -> None:
    async def check() -> None:
        clock = AlwaysAttentive(FakeTime())
        registry = Registry()
        members = [make_connection(clock, endpoint="feed")[0] for _ in range(3)]
        for member in members:
            registry.add(member)
        for member in registry.of("feed"):
            registry.remove(member)
            registry.remove(member)
        assert len(registry) == 0
        assert registry.counts() == {"feed": 0}

    asyncio.run(check())


def test_alerts_are_raised_and_gone() -> None:
    full = True
    alerts = Alerts({"full": lambda: full, "never": lambda: False})
    assert alerts.update() == ["full"]
    assert alerts.update() == ["full"]
    full = False
    assert alerts.update() == []
    full = True
    assert alerts.update() == ["full"]
    assert alerts.times_raised == {"full": 2}


def test_window_is_bounded_in_time_and_number() -> None:
    window = FailureWindow(seconds=10)
    for _ in range(3 * FailureWindow.MOST_CALLS):
        window.record(succeeded=False, now=0)
    window.record(succeeded=True, now=9)
    assert window.calls(9) == FailureWindow.MOST_CALLS
    assert window.calls(10) == 1
    assert window.rate(10) == 0
    assert window.rate(19) == 0
    assert window.calls(19) == 0


async def test_periodic_does_not_add_its_work_to_the_interval() -> None:
    loop = asyncio.get_running_loop()
    interval, beats = 0.04, 8
    times: list[float] = []
    enough = asyncio.Event()

    def beat() -> None:
        times.append(loop.time())
        time.sleep(interval / 2)  # work
        if len(times) == beats:
            enough.set()

    task = asyncio.create_task(every(interval, beat))
    await asyncio.wait_for(enough.wait(), timeout=100 * interval)
    task.cancel()
    # With the work added it would be one and a half.
    assert (times[-1] - times[0]) / (beats - 1) < 1.25 * interval


async def test_periodic_keeps_its_beat_and_skips_what_it_missed() -> None:
    loop = asyncio.get_running_loop()
    interval = 0.05
    beats: list[float] = []
    enough = asyncio.Event()

    def beat() -> None:
        beats.append(loop.time())
        if len(beats) == 3:
            time.sleep(6 * interval)  # the loop is blocked
        if len(beats) == 6:
            enough.set()

    task = asyncio.create_task(every(interval, beat))
    await asyncio.wait_for(enough.wait(), timeout=100 * interval)
    task.cancel()
    gaps = [later - earlier for earlier, later in pairwise(beats)]
    assert max(gaps) == gaps[2]
    # No burst to catch up: after the block the distance is a whole interval again.
    assert min(gaps[3:]) > interval / 2


@pytest.mark.parametrize(("proposed", "kept"), [("abc-123", True), ("", False), ("a b", False), ("x" * 65, False)])
def test_correlation_id_is_the_clients_if_it_is_harmless(proposed: str, kept: bool) -> None:
    assert (logs.begin(proposed) == proposed) is kept


def test_every_line_carries_a_correlation_id(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    try:
        logs.configure("info")
        logs.begin("my-id")
        logging.getLogger("somewhere").info("hello")
    finally:
        root.handlers[:], root.level = before
    assert "INFO [my-id] somewhere: hello" in capsys.readouterr().err


def test_defects_load_by_name(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("DESCRIPTION = 'breaks'\ndef install(parts): parts.append('first')\n")
    (tmp_path / "_helper.py").write_text("")
    assert available(tmp_path) == ["first"]
    (defect,) = load(" first ,", directory=tmp_path)
    parts: list[str] = []
    defect.install(parts)  # type: ignore[arg-type]  # any object will do
    assert (defect.name, defect.description, parts) == ("first", "breaks", ["first"])
    with pytest.raises(UnknownDefect, match=r"^bad setting DEFECT: no defect is called 'fist'; did you mean first\?$"):
        load("fist", directory=tmp_path)
    with pytest.raises(UnknownDefect, match=r"^bad setting DEFECT: no defect is called 'zzz'; there are: first$"):
        load("zzz", directory=tmp_path)
