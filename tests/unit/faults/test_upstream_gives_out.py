"""An upstream of which one request is left waiting, while all others fail."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from chaos.faults.base import Scene
from chaos.faults.upstream_gives_out import UpstreamGivesOut
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.upstream.client import Mode, UpstreamControl
from tests.unit.faults.stage import IMPATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.faults.upstreams import ScriptedUpstream, asked

LATE = 0.3
"""Seconds: longer than an answer that is not late takes on a busy machine, and than a proof waits for one."""


@pytest.fixture
def scene(upstream: ScriptedUpstream, upstream_link: Link) -> Scene:
    return make_scene(upstream.address, upstream=upstream.control, upstream_link=upstream_link)


async def test_the_first_request_hangs_and_each_later_one_fails(
    scene: Scene, upstream: ScriptedUpstream, upstream_link: Link, tmp_path: Path
) -> None:
    async def look() -> None:
        assert await asked(upstream_link.address, within=IMPATIENCE) == "TimeoutError"
        assert [await asked(upstream_link.address) for _ in range(2)] == [500, 500]

    receipt, healing = await run_fault(UpstreamGivesOut(), scene, tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        ("upstream", "200, 200", "no answer, 500")
    ]
    assert receipt.since < receipt.at < healing.since < healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [
        ("upstream", "no answer, 500", "200, 200")
    ]
    # The fault's own requests are nobody's hits: a breaker is judged by those.
    assert [(hit.path, hit.status) for hit in await upstream.control.hits()] == [
        ("/value", 0),
        ("/value", 500),
        ("/value", 500),
    ]


async def test_the_first_request_is_answered_late_and_others_fail_meanwhile(
    scene: Scene, upstream_link: Link, tmp_path: Path
) -> None:
    async def look() -> None:
        first = asyncio.create_task(asked(upstream_link.address))
        await asyncio.wait({first}, timeout=LATE / 3)
        assert await asked(upstream_link.address) == 500
        assert not first.done()
        assert await first == 200

    receipt, healing = await run_fault(UpstreamGivesOut(late=LATE), scene, tmp_path, look)
    assert receipt.bite is Bite.BIT
    assert receipt.evidence[0].during == "200, no sooner than after 300ms, 500"
    assert healing.state is HealingState.HEALED


@pytest.mark.parametrize(
    ("instead", "found"), [("ok", "200, 200"), ("error", "500, 500"), ("hang", "no answer, no answer")]
)
async def test_an_upstream_that_always_does_the_same_does_not_bite(
    instead: Mode, found: str, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = UpstreamControl.mode

    async def another(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        await follow(self, instead if mode == "give-out" else mode, status=status, delay=delay)

    monkeypatch.setattr(UpstreamControl, "mode", another)
    receipt, _ = await run_fault(UpstreamGivesOut(), scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[0].during == found


async def test_it_heals_when_the_body_raises(scene: Scene, upstream_link: Link, tmp_path: Path) -> None:
    healing = await run_with_broken_body(UpstreamGivesOut(), scene, tmp_path)
    assert healing.state is HealingState.HEALED
    assert [await asked(upstream_link.address) for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("late", [-0.1, 3601, True, "soon"])
def test_no_delay_at_all(late: object) -> None:
    with pytest.raises(ValueError, match=re.escape(f"late is seconds from 0 to 3600; found {late!r}")):
        UpstreamGivesOut(late=late)  # type: ignore[arg-type]  # what a scenario may get wrong


def test_each_has_a_column_of_its_own() -> None:
    assert [UpstreamGivesOut().label, UpstreamGivesOut(late=1.0).label] == [
        "upstream-gives-out",
        "upstream-gives-out-late",
    ]
