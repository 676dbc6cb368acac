"""An upstream that answers late, seen through the link as the server sees it."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from chaos.errors import FaultError
from chaos.faults.base import Scene
from chaos.faults.upstream_slow import UpstreamSlow
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.upstream.client import Mode, UpstreamControl
from tests.unit.faults.stage import make_scene, run_fault, run_with_broken_body
from tests.unit.faults.upstreams import ScriptedUpstream, asked

DELAY = 0.3
"""Seconds: longer than an answer that is not late takes on a busy machine, and than a proof waits for one."""

LATE = "200, no sooner than after 300ms"


@pytest.fixture
def scene(upstream: ScriptedUpstream, upstream_link: Link) -> Scene:
    return make_scene(upstream.address, upstream=upstream.control, upstream_link=upstream_link)


async def test_every_request_is_answered_as_ever_and_late(
    scene: Scene, upstream: ScriptedUpstream, upstream_link: Link, tmp_path: Path
) -> None:
    took: list[float] = []

    async def look() -> None:
        began = time.monotonic()
        assert await asked(upstream_link.address) == 200
        took.append(time.monotonic() - began)

    receipt, healing = await run_fault(UpstreamSlow(delay=DELAY), scene, tmp_path, look)
    assert took[0] >= DELAY
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [("upstream", "200", LATE)]
    assert receipt.since < receipt.at < healing.since < healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [("upstream", LATE, "200")]
    # The fault's own requests are nobody's hits: a breaker is judged by those.
    assert [(hit.path, hit.status) for hit in await upstream.control.hits()] == [("/value", 200)]


async def test_a_request_that_waits_is_answered_in_its_own_time_also_after_healing(
    scene: Scene, upstream_link: Link, tmp_path: Path
) -> None:
    waiting: list[asyncio.Task[int | str]] = []
    began = time.monotonic()

    async def begin() -> None:
        waiting.append(asyncio.create_task(asked(upstream_link.address)))
        await asyncio.wait(waiting, timeout=DELAY / 3)

    _, healing = await run_fault(UpstreamSlow(delay=DELAY), scene, tmp_path, begin)
    assert healing.state is HealingState.HEALED
    assert await waiting[0] == 200
    # Once for the proof, once for this one.
    assert time.monotonic() - began >= 2 * DELAY


async def test_an_upstream_that_was_as_slow_before_is_no_proof(
    scene: Scene, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    await upstream.control.mode("slow", delay=DELAY)
    receipt, _ = await run_fault(UpstreamSlow(delay=DELAY), scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert (receipt.evidence[0].before, receipt.evidence[0].during) == (LATE, LATE)


async def test_an_upstream_that_fails_late_does_not_bite(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = UpstreamControl.mode

    async def fail_instead(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        await follow(self, "error" if mode == "slow" else mode)

    monkeypatch.setattr(UpstreamControl, "mode", fail_instead)
    receipt, _ = await run_fault(UpstreamSlow(delay=DELAY), scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[0].during == "500"


async def test_an_upstream_that_answers_on_at_once_does_not_bite(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take_no_notice(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        """As if it had been followed."""

    monkeypatch.setattr(UpstreamControl, "mode", take_no_notice)
    receipt, healing = await run_fault(UpstreamSlow(delay=DELAY), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)
    assert receipt.evidence[0].during == "200"


async def test_a_script_that_stays_is_not_healed(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow = UpstreamControl.mode

    async def never_ok(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        if mode != "ok":
            await follow(self, mode, delay=delay)

    with monkeypatch.context() as patch:
        patch.setattr(UpstreamControl, "mode", never_ok)
        receipt, healing = await run_fault(UpstreamSlow(delay=DELAY), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == LATE


async def test_it_heals_when_the_body_raises(scene: Scene, upstream_link: Link, tmp_path: Path) -> None:
    healing = await run_with_broken_body(UpstreamSlow(delay=DELAY), scene, tmp_path)
    assert healing.state is HealingState.HEALED
    assert await asked(upstream_link.address, within=DELAY) == 200


async def test_a_script_whose_answer_was_lost_is_taken_back(
    scene: Scene, upstream_link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = UpstreamControl.mode

    async def follow_and_fail(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        await follow(self, mode, delay=delay)
        if mode != "ok":
            raise FaultError("the upstream's control did not answer")

    monkeypatch.setattr(UpstreamControl, "mode", follow_and_fail)
    with pytest.raises(FaultError, match=r"^the upstream's control did not answer$"):
        await run_fault(UpstreamSlow(delay=DELAY), scene, tmp_path)
    assert await asked(upstream_link.address, within=DELAY) == 200


@pytest.mark.parametrize("delay", [0, -1.0, 3600.5, float("nan"), True, "1s"])
def test_a_delay_that_is_none_is_refused(delay: object) -> None:
    with pytest.raises(ValueError, match=rf"^delay is seconds above 0, 3600 at most; found {re.escape(repr(delay))}$"):
        UpstreamSlow(delay=delay)  # type: ignore[arg-type]  # as somebody may write it


def test_it_may_take_as_long_as_an_answer_takes() -> None:
    assert UpstreamSlow(delay=60.0).within(2.0) == UpstreamSlow(delay=20.0).within(2.0) + 40.0
