"""What can only be the server's doing is red, and not inconclusive."""

from __future__ import annotations

import textwrap
from pathlib import Path

from chaos.verdict import Verdict
from tests.plugin.cells import cell_of, told
from tests.plugin.conftest import WriteTarget

KEEPING = """
import asyncio, os, sys
from asyncio.selector_events import _SelectorSocketTransport as Transport
from websockets.asyncio.server import ServerConnection, serve

Transport.write_eof = lambda transport: None
kept = []

class Keeping(ServerConnection):
    def connection_made(self, transport):
        kept.append(os.dup(transport.get_extra_info("socket").fileno()))
        super().connection_made(transport)

async def echo(connection):
    async for message in connection:
        await connection.send(message)

async def main(port):
    async with serve(echo, "127.0.0.1", port, ping_interval=None, compression=None, create_connection=Keeping):
        await asyncio.get_running_loop().create_future()

asyncio.run(main(int(sys.argv[1])))
"""
"""Whoever's handshake it refuses is answered, and leaves; the socket stays, in CLOSE_WAIT."""

HOSTILE = """
[promises.survival]
hostile_within = "1s"
"""


HANGING_UP = """
import asyncio, sys
from websockets.asyncio.server import serve

async def echo(connection):
    for _ in range(5):
        await connection.send(await connection.recv())

async def main(port):
    async with serve(echo, "127.0.0.1", port, ping_interval=None, compression=None):
        await asyncio.get_running_loop().create_future()

asyncio.run(main(int(sys.argv[1])))
"""
"""Whoever has had five answers is closed, in between two questions."""

ROUND_TRIPS = """
[promises.latency]
p99 = "1s"
"""


def test_a_server_that_hangs_up_in_the_middle_of_talking(write_target: WriteTarget, tmp_path: Path) -> None:
    target = write_target(textwrap.dedent(HANGING_UP), more=ROUND_TRIPS)
    cell = cell_of("test_latency.py::test_round_trips[calm]", target, tmp_path / "state")
    # Whoever has asked just then goes unanswered besides, which is true as well.
    (cut_off,) = [finding for finding in cell.findings if finding.expectation == "undisturbed"]
    assert cut_off.verdict == Verdict.VIOLATED, told(cell)
    assert cut_off.observed == "10 of 10 untouched clients were cut off, the first by close 1000"


def test_places_that_are_kept_for_ever_after_an_answer(write_target: WriteTarget, tmp_path: Path) -> None:
    target = write_target(textwrap.dedent(KEEPING), more=HOSTILE)
    cell = cell_of("test_survival.py::test_broken_handshakes[hostile-handshakes]", target, tmp_path / "state")
    (released,) = [finding for finding in cell.findings if finding.expectation == "released_within"]
    assert released.verdict == Verdict.VIOLATED, released.observed
    assert "dead connections still held" in released.observed
