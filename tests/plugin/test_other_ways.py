"""Servers that keep a promise in another way than the reference does: their cells are as green."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from chaos.report import CellOutcome
from tests.plugin.cells import cell_of, told
from tests.plugin.conftest import WriteTarget
from tests.running import ROOT

AGEING = """
import asyncio, struct, sys
from websockets.asyncio.server import serve

AGE = 0.85  # seconds; each is told then: the promise is a second, and a connection that ends before 0.75 is cut young

async def echo(connection):
    asyncio.get_running_loop().call_later(AGE, tell, connection.transport)
    async for message in connection:
        await connection.send(message)

def tell(transport):
    # Nobody reads any more, so the library does not answer the client's close frame by ending TCP.
    transport.pause_reading()
    transport.write(struct.pack("!BBH", 0x88, 2, CODE))
    asyncio.get_running_loop().call_later(HELD, transport.close)

async def main(port):
    async with serve(echo, "127.0.0.1", port, ping_interval=None, compression=None):
        await asyncio.get_running_loop().create_future()

asyncio.run(main(int(sys.argv[1])))
"""

AGED = """
[promises.liveness]
max_age = "1s"
"""

HELD = 1.8
"""Seconds that a server holds TCP after its close frame: until after the scenario has stopped looking for it, twice the
age after the clients came, and well within the 10 s that a client waits for the end of TCP."""


def reference(directory: Path, **changed: str) -> Path:
    """A target file of the reference server in which some tables are others: the text of each by its name, with `__`
    for the dots in it; what begins with `without` leaves keys out."""
    without = changed.pop("without", "[]")
    tables = "".join(f"[{name.replace('__', '.')}]\n{text}\n" for name, text in changed.items())
    file = directory / "target.toml"
    base = ROOT / "targets/reference/target.toml"
    file.write_text(f'extends = "{base}"\nwithout = {without}\n{tables}', encoding="utf-8")
    return file


def ageing(*, code: int, held: float) -> str:
    """A server that tells each of its clients with `code`, and ends TCP `held` seconds later."""
    return textwrap.dedent(AGEING).replace("CODE", str(code)).replace("HELD", str(held))


@pytest.mark.parametrize(
    ("promised", "outcome"),
    [("", CellOutcome.HELD), ("age_code = 4001", CellOutcome.HELD), ("age_code = 1001", CellOutcome.VIOLATED)],
    ids=["none promised", "as promised", "another promised"],
)
def test_a_close_code_of_its_own(
    promised: str, outcome: CellOutcome, write_target: WriteTarget, tmp_path: Path
) -> None:
    target = write_target(ageing(code=4001, held=0.0), more=AGED + promised)
    cell = cell_of("test_liveness.py::test_no_connection_gets_too_old[calm]", target, tmp_path / "state")
    assert cell.outcome is outcome, told(cell)


def test_tcp_that_outlasts_the_close_frame(write_target: WriteTarget, tmp_path: Path) -> None:
    target = write_target(ageing(code=1000, held=HELD), more=AGED)
    cell = cell_of("test_liveness.py::test_no_connection_gets_too_old[calm]", target, tmp_path / "state")
    assert cell.outcome is CellOutcome.HELD, told(cell)


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        (
            "test_one_failure_changes_nothing",
            "promises.breaker.failure_threshold = 1, so that a single failure opens it rightly",
        ),
        (
            "test_success_clears_the_count",
            "promises.breaker.failure_threshold = 1, so that there is nothing to add up: each failure opens it rightly",
        ),
    ],
)
def test_a_breaker_that_opens_at_the_first_failure(scenario: str, says: str, tmp_path: Path) -> None:
    target = reference(
        tmp_path,
        start__environment='BREAKER_FAILURE_THRESHOLD = "1"',
        promises__breaker="failure_threshold = 1",
        promises__accept_breaker="failure_threshold = 1",
    )
    cell = cell_of(f"test_breaker.py::{scenario}[upstream-errors]", target, tmp_path / "state")
    assert (cell.outcome, cell.detail) == (CellOutcome.SKIPPED, says)


def test_a_server_without_a_cache(tmp_path: Path) -> None:
    """The reference has one; where the target says that what comes from it is its word for "unavailable", it has none
    as far as anybody outside can see."""
    target = reference(
        tmp_path, without='["endpoints.data.cached"]', endpoints__data='unavailable = \'"source": ?"cached"\''
    )
    cell = cell_of("test_breaker.py::test_spares_the_upstream[upstream-errors]", target, tmp_path / "state")
    assert cell.outcome is CellOutcome.HELD, told(cell)


@pytest.mark.parametrize(
    ("scenario", "within"),
    [
        ("test_sequential", "2.02s (of which the link adds 20ms)"),
        ("test_simultaneous", "2.1s (of which the link adds 100ms)"),
        ("test_ramp", "2.1s (of which the link adds 100ms)"),
    ],
)
def test_what_a_slow_link_adds_to_establishment_is_not_the_servers(
    scenario: str, within: str, write_target: WriteTarget, tmp_path: Path
) -> None:
    """The 101 and the first answer come late one after the other: 50 ms each, and where clients come
    one after the other 10 ms each."""
    target = write_target(more="sequential = 3\nsimultaneous = 3\nramp = [3]\n")
    cell = cell_of(f"test_establishment.py::{scenario}[latency]", target, tmp_path / "state")
    (established,) = [finding for finding in cell.findings if finding.expectation == "established"]
    assert established.promised == f"all of 3 attempts open, first message within {within}"


LIMITED = """
import asyncio, sys
from websockets.asyncio.server import serve

LIMIT = 4
taken = 0

def place(connection, request):
    global taken
    if taken >= LIMIT:
        return connection.respond(503, "full")
    taken += 1

def give_back():
    global taken
    taken -= 1

async def echo(connection):
    try:
        async for message in connection:
            await connection.send(message)
    finally:
        asyncio.get_running_loop().call_later(1.0, give_back)

async def main(port):
    async with serve(echo, "127.0.0.1", port, ping_interval=None, compression=None, process_request=place):
        await asyncio.get_running_loop().create_future()

asyncio.run(main(int(sys.argv[1])))
"""
"""A place is free again a second after its client has gone, and two are promised."""

LIMIT = """
[promises.rejection]
max_connections = 4
answer = "http-503"
within = "2s"

[promises.cleanup]
closed_within = "2s"
"""


def test_a_place_is_given_back_within_the_time_that_release_may_take(write_target: WriteTarget, tmp_path: Path) -> None:
    target = write_target(LIMITED, more=LIMIT)
    cell = cell_of("test_rejection.py::test_places_are_given_again[burst]", target, tmp_path / "state")
    assert cell.outcome is CellOutcome.HELD, told(cell)
