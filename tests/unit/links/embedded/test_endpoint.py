from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from chaos.links.embedded.endpoint import Endpoint
from chaos.links.embedded.hangup import HangupWatch
from chaos.links.embedded.items import End

from .peers import DEADLINE, address_of, arrival, connect, listener, reset


class Owner:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.told: list[object] = []
        self._news = asyncio.Event()

    def received(self, endpoint: Endpoint, data: bytes) -> None:
        self.data += data
        self._news.set()

    def fin_received(self, endpoint: Endpoint) -> None:
        self._tell("fin_received")

    def drained(self, endpoint: Endpoint) -> None:
        self._tell("drained")

    def fin_sent(self, endpoint: Endpoint) -> None:
        self._tell("fin_sent")

    def gone(self, endpoint: Endpoint, how: End, error: int) -> None:
        self._tell((how, errno.errorcode.get(error, "")))

    def hung_up(self, endpoint: Endpoint) -> None:
        self._tell("hung_up")

    def _tell(self, what: object) -> None:
        self.told.append(what)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it, looking whenever there is news."""
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self._news.clear()
                await self._news.wait()


class Bench:
    """An endpoint, and the socket of its peer."""

    def __init__(self, endpoint: Endpoint, peer: socket.socket, owner: Owner) -> None:
        self.endpoint = endpoint
        self.peer = peer
        self.owner = owner

    async def told(self, what: object) -> list[object]:
        await self.owner.until(lambda: what in self.owner.told)
        return self.owner.told


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    loop = asyncio.get_running_loop()
    watch = HangupWatch(loop)
    with listener() as listening:
        host, port = address_of(listening).split(":")
        peer = await connect((host, int(port)))
        sock, _ = await loop.sock_accept(listening)
        owner = Owner()
        endpoint = Endpoint(sock, loop=loop, watch=watch, owner=owner)
        with peer:
            yield Bench(endpoint, peer, owner)
        endpoint.close()
        watch.close()


async def test_nothing_is_read_until_wanted(bench: Bench):
    bench.peer.send(b"abc")
    bench.endpoint.read(True)
    await bench.owner.until(lambda: bench.owner.data == b"abc")
    bench.endpoint.read(False)
    bench.peer.send(b"def")
    await asyncio.sleep(0.02)  # as good as ever: it would take microseconds
    assert bench.owner.data == b"abc"
    assert bench.endpoint.received_bytes == 3


async def test_fin_and_rst_are_told_apart_while_reading(bench: Bench):
    bench.endpoint.read(True)
    bench.peer.shutdown(socket.SHUT_WR)
    await bench.told("fin_received")
    assert not bench.endpoint.closed
    reset(bench.peer)
    # After a FIN the kernel says EPIPE for an RST.
    assert await bench.told((End.RESET, "EPIPE")) == ["fin_received", (End.RESET, "EPIPE")]
    assert bench.endpoint.closed


async def test_a_reset_is_noticed_by_reading(bench: Bench):
    bench.endpoint.read(True)
    reset(bench.peer)
    assert await bench.told((End.RESET, "ECONNRESET")) == [(End.RESET, "ECONNRESET")]


async def test_a_reset_is_noticed_without_reading(bench: Bench):
    reset(bench.peer)
    assert await bench.told((End.RESET, "ECONNRESET")) == [(End.RESET, "ECONNRESET")]


async def test_a_hang_up_is_noticed_without_reading(bench: Bench):
    bench.peer.send(b"unread")
    bench.peer.shutdown(socket.SHUT_WR)
    assert await bench.told("hung_up") == ["hung_up"]
    bench.endpoint.read(True)
    assert await bench.told("fin_received") == ["hung_up", "fin_received"]
    assert bench.owner.data == b"unread"


async def test_a_reset_met_by_a_write_does_not_lose_what_was_sent_before_it(bench: Bench):
    bench.peer.send(b"last words")
    reset(bench.peer)
    bench.endpoint.read(True)
    bench.endpoint.write(b"x")  # takes the error off the socket: reading would see a FIN
    await bench.told((End.RESET, "ECONNRESET"))
    assert bench.owner.data == b"last words"


async def test_what_the_kernel_does_not_take_waits_and_the_end_waits_behind_it(bench: Bench):
    big = bytes(range(256)) * 40_000
    bench.endpoint.write(big)
    assert not bench.endpoint.has_room()
    bench.endpoint.finish(End.FIN)
    assert "fin_sent" not in bench.owner.told
    received = bytearray()
    while (data := await arrival(bench.peer)) != "FIN":
        assert isinstance(data, bytes)
        received += data
    assert received == big
    assert bench.owner.told == ["fin_sent"]
    assert bench.endpoint.sent_bytes == len(big)


async def test_draining_makes_room(bench: Bench):
    bench.endpoint.write(bytes(10_000_000))
    received = 0
    while received < 10_000_000:
        received += len(await arrival(bench.peer))
    await bench.told("drained")
    assert bench.endpoint.has_room()


async def test_close_closes_in_order_and_tells(bench: Bench):
    bench.endpoint.write(b"abc")
    bench.endpoint.finish(End.CLOSE)
    assert bench.owner.told == [(End.CLOSE, "")]
    assert await arrival(bench.peer) == b"abc"
    assert await arrival(bench.peer) == "FIN"
    assert not bench.endpoint.rst_sent


async def test_close_with_bytes_unread_is_known_for_a_reset(bench: Bench):
    bench.peer.send(b"unread")
    await asyncio.get_running_loop().sock_sendall(bench.peer, b"x")
    bench.endpoint.close()
    assert bench.endpoint.rst_sent
    assert await arrival(bench.peer) == "RST"


async def test_reset_overtakes_what_waits(bench: Bench):
    bench.endpoint.write(bytes(10_000_000))
    bench.endpoint.finish(End.RESET)
    assert bench.owner.told == [(End.RESET, "")]
    while (got := await arrival(bench.peer)) != "RST":
        assert isinstance(got, bytes)


async def test_the_graver_end_wins_and_the_lighter_is_ignored(bench: Bench):
    bench.endpoint.finish(End.FIN)
    bench.endpoint.finish(End.FIN)
    bench.endpoint.finish(End.RESET)
    bench.endpoint.finish(End.CLOSE)
    bench.endpoint.write(b"into the void")
    assert bench.owner.told == ["fin_sent", (End.RESET, "")]
