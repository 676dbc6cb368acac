"""An upstream that cannot be reached: nobody listens where it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import LinkError
from chaos.faults.base import Scene
from chaos.faults.upstream_down import UpstreamDown
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from tests.unit.faults.stage import make_scene, run_fault, run_with_broken_body
from tests.unit.faults.upstreams import ScriptedUpstream, asked


@pytest.fixture
def scene(upstream: ScriptedUpstream, upstream_link: Link) -> Scene:
    return make_scene(upstream.address, upstream=upstream.control, upstream_link=upstream_link)


async def test_connects_are_refused(
    scene: Scene, upstream: ScriptedUpstream, upstream_link: Link, tmp_path: Path
) -> None:
    async def look() -> None:
        assert await asked(upstream_link.address) == "ConnectionRefusedError"

    receipt, healing = await run_fault(UpstreamDown(), scene, tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        ("upstream", "200", "ConnectionRefusedError")
    ]
    assert receipt.since < receipt.at < healing.since < healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.before, seen.during) for seen in healing.evidence] == [("ConnectionRefusedError", "200")]
    assert await upstream.control.hits() == []


async def test_a_link_that_stays_up_does_not_bite(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do_nothing(self: Link) -> None:
        """As if it were down."""

    monkeypatch.setattr(Link, "down", do_nothing)
    receipt, _ = await run_fault(UpstreamDown(), scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[0].during == "200"


async def test_an_upstream_that_was_gone_before_is_no_proof(
    scene: Scene, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    await upstream.control.mode("refuse")
    receipt, _ = await run_fault(UpstreamDown(), scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert not receipt.evidence[0].before.isdigit()


async def test_a_link_that_stays_down_is_not_healed(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do_nothing(self: Link) -> None:
        """As if it were up."""

    monkeypatch.setattr(Link, "up", do_nothing)
    receipt, healing = await run_fault(UpstreamDown(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == "ConnectionRefusedError"


async def test_it_heals_when_the_body_raises(scene: Scene, upstream_link: Link, tmp_path: Path) -> None:
    healing = await run_with_broken_body(UpstreamDown(), scene, tmp_path)
    assert healing.state is HealingState.HEALED
    assert await asked(upstream_link.address) == 200


async def test_a_down_that_fails_half_way_is_undone(
    scene: Scene, upstream_link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = Link.down

    async def half_way(self: Link) -> None:
        await down(self)
        raise LinkError("not read back")

    monkeypatch.setattr(Link, "down", half_way)
    with pytest.raises(LinkError, match=r"^not read back$"):
        await run_fault(UpstreamDown(), scene, tmp_path)
    assert await asked(upstream_link.address) == 200
