"""A Toxiproxy that hangs: found within the deadline, avoided where it can be, and replaced where it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from signal import SIGCONT, SIGSTOP
from subprocess import Popen

import pytest

from chaos.address import Address
from chaos.agent.sockdiag import SockDiag
from chaos.errors import LinkError
from chaos.links.link import Link
from chaos.links.toxics import BandwidthToxic, LatencyToxic, SlicerToxic, Toxic
from chaos.links.toxiproxy import Toxiproxy
from chaos.links.traits import LinkKind
from tests.unit.links.servers import PATIENCE, ending, linger_zero, pair_through, running

DEADLINE = 0.5
"""Seconds; of a call that hangs in these tests. A call that does not takes 0.002 (measured)."""

BUT_FOR_IT = 10 * DEADLINE
"""Seconds; a call to a process that is stopped would hang for ever."""

LOOKS, BETWEEN_LOOKS = 5, 0.02
"""Queues that are the same so many times, so many seconds apart, are at rest: a busy sender's change in 0.001."""


@pytest.fixture
def server() -> Iterator[tuple[Address, Popen[bytes]]]:
    """The Go binary, as the embedded proxy does not hang; one for each test, as what hangs is of no use to the next."""
    with running(LinkKind.TOXIPROXY) as started:
        yield started


@pytest.fixture
def hasty(server: tuple[Address, Popen[bytes]]) -> Toxiproxy:
    """Impatient, so that a hang is found soon. Not closed: its process ends with the test."""
    return Toxiproxy(server[0], deadline=DEADLINE)


# -- the whole process hangs ----------------------------------------------------------------------------------------


def _stop(process: Popen[bytes]) -> None:
    """Stop a process and wait until all its threads have: on a busy machine one still answers for a while."""
    process.send_signal(SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


@pytest.mark.parametrize("stopped_kind", list(LinkKind))
async def test_a_stopped_process_is_found_within_the_deadline(stopped_kind: LinkKind, upstream: Address) -> None:
    with running(stopped_kind) as (api, process):
        toxiproxy = Toxiproxy(api, deadline=DEADLINE)
        link = await toxiproxy.create_link("stopped", upstream)
        _stop(process)
        began = time.monotonic()
        with pytest.raises(LinkError) as caught:
            await toxiproxy.version()
        assert DEADLINE <= time.monotonic() - began < BUT_FOR_IT
        assert str(caught.value) == f"Toxiproxy at {api} hangs: asking for its version was not answered within 500ms"
        await _until_no_call_is_left()

        began = time.monotonic()
        with pytest.raises(LinkError) as caught:
            await link.add(LatencyToxic(latency=0.05))
        assert time.monotonic() - began < BUT_FOR_IT
        assert str(caught.value) == (
            f"Toxiproxy at {api} hangs: adding 'latency-1' to 'stopped' was not answered within 500ms; "
            "it answers nothing else either: restart it"
        )

        with pytest.raises(LinkError, match="hangs: removing 'stopped' was not answered within 500ms"):
            await link.close()
        process.send_signal(SIGCONT)
        await link.close()
        assert await toxiproxy.proxies() == ()


async def _until_no_call_is_left() -> None:
    """The threads of calls that were given up end too."""
    for thread in threading.enumerate():
        if thread.name == "toxiproxy call":
            await asyncio.to_thread(thread.join, PATIENCE)
            assert not thread.is_alive()


async def test_the_loop_goes_on_while_a_call_hangs(hasty: Toxiproxy, server: tuple[Address, Popen[bytes]]) -> None:
    _stop(server[1])
    call = asyncio.create_task(hasty.version())
    turns = 0
    while not call.done():
        await asyncio.sleep(0.001)
        turns += 1
    with pytest.raises(LinkError, match="hangs"):
        await call
    # Of some hundreds. One that waited for the call would have had a turn before it and one after it.
    assert turns > 10


# -- one proxy hangs ------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _held_for_one_who_left(
    toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket, toxic: Toxic
) -> AsyncIterator[Link]:
    """A link whose toxic holds data for a client that has been reset, and its handle."""
    link = await toxiproxy.create_link("held", upstream)
    with pair_through(link.address, listener) as pair:
        await link.add(toxic)
        pair.server.sendall(b"held" * 100_000)  # many of Go's chunks of 32 KiB: when the first finds nobody, more wait
        await _until_still(pair.server)
        linger_zero(pair.client)
        pair.client.close()
        await asyncio.to_thread(ending, pair.server)
        yield link


HOLDING = [
    LatencyToxic(latency=5.0),
    SlicerToxic(average_size=100, delay=1.0),
    BandwidthToxic(rate=1000),
]


@pytest.mark.parametrize("toxic", HOLDING, ids=lambda toxic: toxic.type)
async def test_what_is_held_for_a_client_that_left_is_let_go_before_removal(
    hasty: Toxiproxy, upstream: Address, listener: socket.socket, toxic: Toxic
) -> None:
    async with _held_for_one_who_left(hasty, upstream, listener, toxic) as link:
        (handle,) = await link.toxics()
        await link.remove(handle)
        assert await link.toxics() == ()
    with pair_through(link.address, listener) as pair:
        pair.downstream(b"x")


async def test_without_letting_go_the_proxy_hangs(
    hasty: Toxiproxy, upstream: Address, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap itself: what the test above is protected from."""
    monkeypatch.setattr(LatencyToxic, "released", lambda self: None)
    async with _held_for_one_who_left(hasty, upstream, listener, LatencyToxic(latency=5.0)) as link:
        (handle,) = await link.toxics()
        with pytest.raises(LinkError) as caught:
            await link.remove(handle)
        assert str(caught.value) == (
            f"Toxiproxy at {hasty.api} hangs: removing 'latency-1' from 'held' was not answered within 500ms; "
            f"'held' was recreated on {link.listen}: its connections are cut and its toxics are gone"
        )
    assert await link.toxics() == ()
    with pair_through(link.address, listener) as pair:
        pair.downstream(b"x")


def _flood(sock: socket.socket) -> threading.Thread:
    """Send until the other side is gone."""

    def send() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock.sendall(b"flood" * 6000)

    sock.settimeout(None)
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


async def _until_still(sender: socket.socket) -> None:
    """Wait until a sender's data has gone as far as it will: the kernel's queues, here and at the proxy, rest."""
    ends = (sender.getsockname(), sender.getpeername())
    seen: list[set[tuple[object, ...]]] = []
    with contextlib.closing(SockDiag()) as kernel:
        async with asyncio.timeout(PATIENCE):
            while len(seen) < LOOKS or any(look != seen[-1] for look in seen[-LOOKS:]):
                await asyncio.sleep(BETWEEN_LOOKS)
                found = kernel.sockets(ends[0][1])
                seen.append(
                    {(one.local, one.rqueue, one.wqueue) for one in found if {one.local, one.remote} == {*ends}}
                )


async def test_a_client_that_does_not_read_makes_it_hang_and_the_proxy_is_replaced(
    hasty: Toxiproxy, upstream: Address, listener: socket.socket
) -> None:
    link = await hasty.create_link("stalled", upstream)
    with pair_through(link.address, listener) as pair:
        flood = _flood(pair.server)
        await _until_still(pair.server)
        with pytest.raises(LinkError) as caught:
            await link.add(LatencyToxic(latency=0.05))
        assert str(caught.value) == (
            f"Toxiproxy at {hasty.api} hangs: adding 'latency-1' to 'stalled' was not answered within 500ms; "
            f"'stalled' was recreated on {link.listen}: its connections are cut and its toxics are gone"
        )
        flood.join(PATIENCE)
        assert not flood.is_alive()
    with pair_through(link.address, listener) as pair:
        pair.downstream(b"x")
    await link.close()
    assert await hasty.proxies() == ()


async def test_a_connection_opened_meanwhile_makes_all_hang_and_it_says_so(
    hasty: Toxiproxy, upstream: Address, listener: socket.socket
) -> None:
    link = await hasty.create_link("stalled", upstream)
    with pair_through(link.address, listener) as pair:
        _flood(pair.server)
        await _until_still(pair.server)
        adding = asyncio.create_task(link.add(LatencyToxic(latency=0.05)))
        await asyncio.sleep(DEADLINE / 2)
        with (
            socket.create_connection((link.address.host, link.address.port), timeout=PATIENCE),
            pytest.raises(LinkError) as caught,
        ):
            await adding
        assert str(caught.value) == (
            f"Toxiproxy at {hasty.api} hangs: adding 'latency-1' to 'stalled' was not answered within 500ms; "
            f"the proxy could not be recreated either (Toxiproxy at {hasty.api} hangs: removing 'stalled' was not "
            "answered within 500ms): restart Toxiproxy"
        )


async def test_a_link_closes_while_a_client_does_not_read(
    hasty: Toxiproxy, upstream: Address, listener: socket.socket
) -> None:
    link = await hasty.create_link("stalled", upstream)
    await link.add(LatencyToxic(latency=1.0))
    with pair_through(link.address, listener) as pair:
        flood = _flood(pair.server)
        await _until_still(pair.server)
        await link.close()
        flood.join(PATIENCE)
        assert not flood.is_alive()
    assert await hasty.proxies() == ()


@pytest.mark.parametrize("load_kind", list(LinkKind))
async def test_removal_under_load(load_kind: LinkKind, upstream: Address, listener: socket.socket) -> None:
    """Toxics come and go while data flows without a pause, and it goes on flowing."""
    with running(load_kind) as (api, _):
        async with Toxiproxy(api) as toxiproxy, await toxiproxy.create_link("busy", upstream) as link:
            with pair_through(link.address, listener) as pair:
                more = threading.Event()

                def read() -> None:
                    with contextlib.suppress(OSError):
                        while pair.client.recv(65_536):
                            more.set()

                reader = threading.Thread(target=read, daemon=True)
                reader.start()
                flood = _flood(pair.server)
                for toxic in (LatencyToxic(latency=0.1), SlicerToxic(average_size=1000), BandwidthToxic(rate=10**8)):
                    handle = await link.add(toxic)
                    more.clear()
                    assert await asyncio.to_thread(more.wait, PATIENCE)
                    await link.remove(handle)
                assert await link.toxics() == ()
                await link.close()
                flood.join(PATIENCE)
                reader.join(PATIENCE)
