"""Half a record and a FIN, and no close_notify between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults import TlsTruncated
from chaos.journal import Bite, HealingState
from tests.unit.crowd.making import until
from tests.unit.crowd.tls_servers import CutShort, SecurePeer, secure_server
from tests.unit.faults.secure import known_by
from tests.unit.faults.stage import IMPATIENCE, Direct, InProcess, run_fault, run_with_broken_body

SILENT = {"send": None, "expect": None, "first_message": False}


@pytest.fixture
async def secure(
    worker: InProcess, agent: AsyncAgent, ends: list[str], tmp_path: Path
) -> AsyncIterator[tuple[Direct, CrowdHandle]]:
    """Three clients that are open, and a server that notes how their TLS ended."""
    tls, context = known_by(tmp_path / "certificates")

    async def serve(peer: SecurePeer) -> None:
        await peer.upgrade()
        try:
            ends.append("close_notify" if not await peer.read() else "data")
        except (CutShort, ConnectionResetError) as error:
            ends.append(type(error).__name__)
        peer.tcp.writer.close()

    async with secure_server(context, serve) as address:
        direct = Direct(address, worker, agent)
        yield direct, await direct.connect(tls=tls, **SILENT)


async def test_the_server_has_read_half_a_record_before_the_end(
    secure: tuple[Direct, CrowdHandle], ends: list[str], tmp_path: Path
) -> None:
    direct, victims = secure
    receipt, healing = await run_fault(TlsTruncated(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    sockets, beginning = receipt.evidence
    assert (sockets.side, sockets.before) == ("server kernel", "3 ESTABLISHED")
    assert "ESTABLISHED" not in sockets.during
    assert (beginning.what, beginning.during) == ("half a TLS record, read by the server", "3 of 3")
    await until(lambda: len(ends) == 3)
    assert ends == ["CutShort"] * 3
    assert healing.state is HealingState.HEALED


async def test_an_end_without_a_beginning_does_not_bite(
    secure: tuple[Direct, CrowdHandle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct, victims = secure
    begin = CrowdHandle.begin_record

    async def of_two(self: CrowdHandle) -> list[int]:
        return await begin(self.subset([0, 1]))

    monkeypatch.setattr(CrowdHandle, "begin_record", of_two)
    receipt, _ = await run_fault(TlsTruncated(), direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)


async def test_connections_that_stay_are_not_covered(
    secure: tuple[Direct, CrowdHandle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct, victims = secure

    async def stay(self: CrowdHandle) -> list[int]:
        return []

    monkeypatch.setattr(CrowdHandle, "fin", stay)
    receipt, healing = await run_fault(TlsTruncated(), direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert healing.state is HealingState.FAILED


async def test_it_is_over_when_the_body_raises(secure: tuple[Direct, CrowdHandle], tmp_path: Path) -> None:
    direct, victims = secure
    healing = await run_with_broken_body(TlsTruncated(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0
