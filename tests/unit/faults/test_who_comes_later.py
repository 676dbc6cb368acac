"""A fault on the link does as much to those who come later, and its receipt says how that shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.address import Address
from chaos.faults import Bandwidth, Composed, Fault, Jitter, Latency, Sliced
from chaos.journal import Attempt
from chaos.links.link import Link
from tests.unit.faults.stage import DirectLink, InProcess, make_scene, make_victims, run_fault

LATE = 0.05


@pytest.mark.parametrize(
    ("fault", "least"),
    [
        (Latency(delay=LATE, jitter=0.01), 0.04),
        (Jitter(delay=0.06, jitter=0.04), 0.02),
        # The shortest 101 is 129 bytes, 17 pieces: a pause after each but the last.
        (Sliced(size=8, pause=0.001), 0.016),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_their_101_is_late(
    fault: Fault, least: float, link: Link, server: Address, worker: InProcess, tmp_path: Path
) -> None:
    late = await make_victims(worker, link)
    came: list[Attempt] = []

    async def come() -> None:
        came.extend(await late.connect())

    receipt, healing = await run_fault(fault, make_scene(server, link), tmp_path, come)
    assert receipt.total == 0, "nobody was there"
    entrance = receipt.entrance
    assert entrance is not None
    assert (entrance.address, entrance.at_least) == (str(link.address), pytest.approx(least))
    assert healing.began is not None
    for attempt in came:
        assert attempt.handshake is not None
        assert attempt.handshake >= entrance.at_least
        assert receipt.since < entrance.since <= attempt.began < healing.began <= healing.since


async def test_without_it_nobodys_is(link: Link, server: Address, worker: InProcess, tmp_path: Path) -> None:
    """What the test above sees is the fault's: on the same path without it a handshake is shorter than that."""
    receipt, _ = await run_fault(Latency(delay=LATE), make_scene(server, link), tmp_path)
    assert receipt.entrance is not None
    (attempt,) = await (await make_victims(worker, DirectLink(link.address), 1)).connect()
    assert attempt.handshake is not None
    assert attempt.handshake < receipt.entrance.at_least


async def test_a_composed_fault_shows_as_its_parts_do(link: Link, server: Address, tmp_path: Path) -> None:
    fault = Composed(parts=(Sliced(), Latency(delay=LATE)))
    receipt, _ = await run_fault(fault, make_scene(server, link), tmp_path)
    assert receipt.entrance is not None
    assert receipt.entrance.at_least == LATE


async def test_a_narrow_link_shows_nothing_in_a_handshake(link: Link, server: Address, tmp_path: Path) -> None:
    receipt, _ = await run_fault(Bandwidth(), make_scene(server, link), tmp_path)
    assert receipt.entrance is None
