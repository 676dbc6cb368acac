"""An upstream that answers with errors, seen through the link as the server sees it."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from chaos.errors import FaultError
from chaos.faults.base import Scene
from chaos.faults.upstream_errors import UpstreamErrors
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.upstream.client import Mode, UpstreamControl
from tests.unit.faults.stage import make_scene, run_fault, run_with_broken_body
from tests.unit.faults.upstreams import ScriptedUpstream, asked


@pytest.fixture
def scene(upstream: ScriptedUpstream, upstream_link: Link) -> Scene:
    return make_scene(upstream.address, upstream=upstream.control, upstream_link=upstream_link)


async def test_every_request_is_answered_with_an_error(
    scene: Scene, upstream: ScriptedUpstream, upstream_link: Link, tmp_path: Path
) -> None:
    async def look() -> None:
        assert [await asked(upstream_link.address) for _ in range(2)] == [500, 500]

    receipt, healing = await run_fault(UpstreamErrors(), scene, tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [("upstream", "200", "500")]
    assert receipt.since < receipt.at < healing.since < healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [("upstream", "500", "200")]
    # The fault's own requests are nobody's hits: a breaker is judged by those.
    assert [hit.path for hit in await upstream.control.hits()] == ["/value", "/value"]


async def test_an_upstream_that_was_broken_before_is_no_proof(
    scene: Scene, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    await upstream.control.mode("error")
    receipt, _ = await run_fault(UpstreamErrors(), scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert (receipt.evidence[0].before, receipt.evidence[0].during) == ("500", "500")


async def test_an_upstream_that_answers_on_does_not_bite(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take_no_notice(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        """As if it had been followed."""

    monkeypatch.setattr(UpstreamControl, "mode", take_no_notice)
    receipt, healing = await run_fault(UpstreamErrors(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)
    assert receipt.evidence[0].during == "200"


async def test_a_script_that_stays_is_not_healed(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow = UpstreamControl.mode

    async def never_ok(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        if mode != "ok":
            await follow(self, mode)

    with monkeypatch.context() as patch:
        patch.setattr(UpstreamControl, "mode", never_ok)
        receipt, healing = await run_fault(UpstreamErrors(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == "500"


async def test_it_heals_when_the_body_raises(scene: Scene, upstream_link: Link, tmp_path: Path) -> None:
    healing = await run_with_broken_body(UpstreamErrors(), scene, tmp_path)
    assert healing.state is HealingState.HEALED
    assert await asked(upstream_link.address) == 200


async def test_a_script_whose_answer_was_lost_is_taken_back(
    scene: Scene, upstream_link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = UpstreamControl.mode

    async def follow_and_fail(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        await follow(self, mode)
        if mode != "ok":
            raise FaultError("the upstream's control did not answer")

    monkeypatch.setattr(UpstreamControl, "mode", follow_and_fail)
    with pytest.raises(FaultError, match=r"^the upstream's control did not answer$"):
        await run_fault(UpstreamErrors(), scene, tmp_path)
    assert await asked(upstream_link.address) == 200


async def test_it_answers_with_the_status_that_is_asked_for(scene: Scene, tmp_path: Path) -> None:
    receipt, healing = await run_fault(UpstreamErrors(status=404), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert (receipt.evidence[0].before, receipt.evidence[0].during) == ("200", "404")


@pytest.mark.parametrize("status", [200, 399, 600, True, 404.0])
def test_what_is_no_error_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match="status is a whole number from 400 to 599; found"):
        UpstreamErrors(status=status)


DELAY = 0.3
"""Seconds: longer than an answer that is not late takes on a busy machine, and than a proof waits for one."""

LATE = "500, no sooner than after 300ms"


async def test_an_error_may_come_late_and_does_so_after_healing_too(
    scene: Scene, upstream_link: Link, tmp_path: Path
) -> None:
    waiting: list[asyncio.Task[int | str]] = []
    began = time.monotonic()

    async def begin() -> None:
        waiting.append(asyncio.create_task(asked(upstream_link.address)))
        await asyncio.wait(waiting, timeout=DELAY / 3)

    receipt, healing = await run_fault(UpstreamErrors(delay=DELAY), scene, tmp_path, begin)
    assert receipt.bite is Bite.BIT
    assert (receipt.evidence[0].before, receipt.evidence[0].during) == ("200", LATE)
    assert healing.state is HealingState.HEALED
    assert (healing.evidence[0].before, healing.evidence[0].during) == (LATE, "200")
    assert await waiting[0] == 500
    # Once for the proof, once for this one.
    assert time.monotonic() - began >= 2 * DELAY


@pytest.mark.parametrize("instead", ["error at once", "slow"])
async def test_what_is_not_late_or_no_error_does_not_bite(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instead: str
) -> None:
    follow = UpstreamControl.mode

    async def another(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        if instead == "slow" and mode == "error":
            await follow(self, "slow", delay=delay)
        else:
            await follow(self, mode, status=status)

    monkeypatch.setattr(UpstreamControl, "mode", another)
    receipt, _ = await run_fault(UpstreamErrors(delay=DELAY), scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[0].during == ("500" if instead != "slow" else "200, no sooner than after 300ms")


@pytest.mark.parametrize("delay", [-0.1, 3600.5, float("nan"), True, "1s"])
def test_a_delay_that_is_none_is_refused(delay: object) -> None:
    with pytest.raises(ValueError, match=rf"^delay is seconds from 0 to 3600; found {re.escape(repr(delay))}$"):
        UpstreamErrors(delay=delay)  # type: ignore[arg-type]  # as somebody may write it


def test_it_may_take_as_long_as_an_answer_takes() -> None:
    assert UpstreamErrors(delay=60.0).within(2.0) == UpstreamErrors().within(2.0) + 60.0
