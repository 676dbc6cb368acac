"""An upstream that answers and fails by turns, seen through the link as the server sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import FaultError
from chaos.faults.base import Scene
from chaos.faults.upstream_flapping import UpstreamFlapping
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.upstream.client import Mode, UpstreamControl
from tests.unit.faults.stage import make_scene, run_fault, run_with_broken_body
from tests.unit.faults.upstreams import ScriptedUpstream, asked


@pytest.fixture
def scene(upstream: ScriptedUpstream, upstream_link: Link) -> Scene:
    return make_scene(upstream.address, upstream=upstream.control, upstream_link=upstream_link)


async def test_requests_are_answered_and_refused_by_turns_beginning_with_an_answer(
    scene: Scene, upstream: ScriptedUpstream, upstream_link: Link, tmp_path: Path
) -> None:
    async def look() -> None:
        assert [await asked(upstream_link.address) for _ in range(5)] == [200, 500, 200, 500, 200]

    receipt, healing = await run_fault(UpstreamFlapping(), scene, tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        ("upstream", "200, 200", "200, 500")
    ]
    assert receipt.since < receipt.at < healing.since < healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [
        ("upstream", "200, 500", "200, 200")
    ]
    # The fault's own requests are nobody's hits: a breaker is judged by those.
    assert [(hit.path, hit.status) for hit in await upstream.control.hits()] == [
        ("/value", 200),
        ("/value", 500),
        ("/value", 200),
        ("/value", 500),
        ("/value", 200),
    ]


async def test_an_upstream_that_flapped_before_is_no_proof(
    scene: Scene, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    await upstream.control.mode("flap")
    receipt, _ = await run_fault(UpstreamFlapping(), scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert (receipt.evidence[0].before, receipt.evidence[0].during) == ("200, 500", "200, 500")


@pytest.mark.parametrize(("instead", "found"), [("ok", "200, 200"), ("error", "500, 500")])
async def test_an_upstream_that_always_does_the_same_does_not_bite(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instead: Mode, found: str
) -> None:
    follow = UpstreamControl.mode

    async def always_the_same(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        await follow(self, instead if mode == "flap" else mode)

    monkeypatch.setattr(UpstreamControl, "mode", always_the_same)
    receipt, healing = await run_fault(UpstreamFlapping(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)
    assert receipt.evidence[0].during == found


async def test_a_script_that_stays_is_not_healed(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow = UpstreamControl.mode

    async def never_ok(self: UpstreamControl, mode: Mode, *, status: int = 500, delay: float = 0.0) -> None:
        if mode != "ok":
            await follow(self, mode)

    with monkeypatch.context() as patch:
        patch.setattr(UpstreamControl, "mode", never_ok)
        receipt, healing = await run_fault(UpstreamFlapping(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == "200, 500"


async def test_it_heals_when_the_body_raises(scene: Scene, upstream_link: Link, tmp_path: Path) -> None:
    healing = await run_with_broken_body(UpstreamFlapping(), scene, tmp_path)
    assert healing.state is HealingState.HEALED
    assert [await asked(upstream_link.address) for _ in range(2)] == [200, 200]


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
        await run_fault(UpstreamFlapping(), scene, tmp_path)
    assert [await asked(upstream_link.address) for _ in range(2)] == [200, 200]
