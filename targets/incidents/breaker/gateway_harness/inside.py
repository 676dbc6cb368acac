"""What no client can see, measured in this process: a bare loop with the cap and without, and time-out managers."""

from __future__ import annotations

import asyncio
import gc
import socket
import statistics
import sys
import threading
import time
import tracemalloc
from collections.abc import Awaitable, Mapping

from gateway_harness.gateway import FOLDER

sys.path.insert(0, str(FOLDER / "server"))

from gateway.phases import TimeoutManager
from gateway.selector import new_loop
from gateway.settings import read_settings

ALONE = 2.5
"""Seconds of a loop with nothing to do but one timer at their end: no whole number of caps, so that neither the cap nor
the timer wakes it for the other."""
COMES_AT = 0.3
"""Seconds after which somebody comes to that loop."""
CLIENTS = 10
"""Who come to it, of whom the median is taken: a single one was read after 0.07 ms or 4 on a busy machine."""
MANAGERS = 1000


def bare_loop(cap: float | None) -> dict[str, float]:
    """A loop without uvicorn's ten looks a second: how long it sleeps, and who waits for that.

    The call of another thread is left with `call_soon`, which wakes no loop: the mistake that makes a selector seem to
    block. `call_soon_threadsafe` would be as fast as the client.
    """
    loop = new_loop(cap)
    try:
        slept = _watched(loop)
        late = loop.run_until_complete(_alone(loop))
        longest = max(slept)
        read = statistics.median(loop.run_until_complete(_somebody(loop, wakes=True)) for _ in range(CLIENTS))
        left = loop.run_until_complete(_somebody(loop, wakes=False))
    finally:
        loop.close()
    return {"longest sleep": longest, "timer late": late, "client read": read, "call left": left}


def manager_bytes(environment: Mapping[str, str]) -> float:
    """What Python has allocated for each of so many establishments whose time-outs run: task, timers and frames too."""
    return asyncio.run(_held(environment))


def _watched(loop: asyncio.AbstractEventLoop) -> list[float]:
    """How long each of its sleeps is, as they come."""
    selector = loop._selector  # type: ignore[attr-defined]  # asyncio tells nobody
    select, slept = selector.select, []

    def timed(timeout: float | None = None) -> object:
        began = time.monotonic()
        ready = select(timeout)
        slept.append(time.monotonic() - began)
        return ready

    selector.select = timed
    return slept


async def _alone(loop: asyncio.AbstractEventLoop) -> float:
    due = loop.time() + ALONE
    done = loop.create_future()
    loop.call_at(due, done.set_result, None)
    await done
    return loop.time() - due


async def _somebody(loop: asyncio.AbstractEventLoop, *, wakes: bool) -> float:
    """Seconds from when another thread writes to a socket, or leaves a call, until the loop has noticed."""
    ours, theirs = socket.socketpair()
    sent: list[float] = []
    noticed = loop.create_future()

    def notice() -> None:
        if not noticed.done():
            noticed.set_result(loop.time())

    def come() -> None:
        time.sleep(COMES_AT)
        sent.append(time.monotonic())
        if wakes:
            theirs.send(b"x")
        else:
            loop.call_soon(notice)

    with ours, theirs:
        ours.setblocking(False)
        loop.add_reader(ours, notice)
        timer = loop.call_later(ALONE, lambda: None)
        thread = threading.Thread(target=come)
        thread.start()
        at = await noticed
        thread.join()
        timer.cancel()
        loop.remove_reader(ours)
    return float(at - sent[0])


async def _held(environment: Mapping[str, str]) -> float:
    settings = read_settings(environment)
    never = asyncio.Event()

    async def hang() -> None:
        await never.wait()

    def establish() -> Awaitable[None]:
        return asyncio.ensure_future(TimeoutManager(settings).run(hang))

    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    under_way = [establish() for _ in range(MANAGERS)]
    await asyncio.sleep(0)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    never.set()
    await asyncio.gather(*under_way)
    return held / MANAGERS
