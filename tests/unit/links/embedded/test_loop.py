from __future__ import annotations

import asyncio
import statistics
import sys

import pytest

from chaos.links.embedded.loop import new_event_loop


async def lateness(seconds: float, *, times: int) -> list[float]:
    """By how much `call_later` calls late, in seconds; early is negative."""
    loop = asyncio.get_running_loop()
    late = []
    for _ in range(times):
        due = loop.time() + seconds
        called: asyncio.Future[float] = loop.create_future()
        loop.call_at(due, lambda future=called: future.set_result(loop.time()))
        late.append(await called - due)
    return late


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is asyncio's own loop")
def test_timers_are_later_by_a_fraction_of_a_millisecond_only():
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        exact = runner.run(lateness(0.0013, times=50))
    with asyncio.Runner() as runner:
        usual = runner.run(lateness(0.0013, times=50))
    assert min(exact) >= 0
    # epoll rounds 1.3 ms up to 2; measured: 0.07 ms late here, 0.8 ms there.
    assert statistics.median(exact) < statistics.median(usual) / 2


def test_it_is_a_loop_like_any_other():
    async def echo() -> bytes:
        server = await asyncio.start_server(lambda r, w: (w.write(b"hello"), w.close()), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        data = await reader.read()
        writer.close()
        server.close()
        return data

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(echo()) == b"hello"
