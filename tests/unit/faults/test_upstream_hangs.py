"""An upstream that takes every request and never answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaos.errors import FaultError
from chaos.faults.base import Scene
from chaos.faults.upstream_hangs import UpstreamHangs
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.upstream.client import Mode, UpstreamControl
from tests.unit.faults.stage import IMPATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.faults.upstreams import ScriptedUpstream, asked


@pytest.fixture
def scene(upstream: ScriptedUpstream, upstream_link: Link) -> Scene:
    return make_scene(upstream.address, upstream=upstream.control, upstream_link=upstream_link)


async def test_a_request_is_taken_and_never_answered(
    scene: Scene, upstream: ScriptedUpstream, upstream_link: Link, tmp_path: Path
) -> None:
    async def look() -> None:
        assert await asked(upstream_link.address, within=IMPATIENCE) == "TimeoutError"

    receipt, healing = await run_fault(UpstreamHangs(), scene, tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [("upstream", "200", "no answer")]
    assert receipt.since < receipt.at < healing.since < healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.before, seen.during) for seen in healing.evidence] == [("no answer", "200")]
    assert [(hit.path, hit.status) for hit in await upstream.control.hits()] == [("/value", 0)]


async def test_a_request_that_hangs_already_hangs_on_after_healing(
    scene: Scene, upstream_link: Link, tmp_path: Path
) -> None:
    hanging: list[asyncio.Task[int | str]] = []

    async def begin() -> None:
        hanging.append(asyncio.create_task(asked(upstream_link.address)))
        await asyncio.wait(hanging, timeout=IMPATIENCE)

    _, healing = await run_fault(UpstreamHangs(), scene, tmp_path, begin)
    assert healing.state is HealingState.HEALED
    assert not hanging[0].done()
    hanging[0].cancel()
    await asyncio.wait(hanging)


async def test_an_upstream_that_answers_on_does_not_bite(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take_no_notice(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        """As if it had been followed."""

    monkeypatch.setattr(UpstreamControl, "mode", take_no_notice)
    receipt, healing = await run_fault(UpstreamHangs(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)
    assert receipt.evidence[0].during == "200"


async def test_a_script_that_stays_is_not_healed(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow = UpstreamControl.mode

    async def never_ok(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        if mode != "ok":
            await follow(self, mode)

    with monkeypatch.context() as patch:
        patch.setattr(UpstreamControl, "mode", never_ok)
        receipt, healing = await run_fault(UpstreamHangs(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == "no answer"


async def test_it_heals_when_the_body_raises(scene: Scene, upstream_link: Link, tmp_path: Path) -> None:
    healing = await run_with_broken_body(UpstreamHangs(), scene, tmp_path)
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
        await run_fault(UpstreamHangs(), scene, tmp_path)
    assert await asked(upstream_link.address) == 200
