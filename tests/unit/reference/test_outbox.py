"""The bounded queue: order, both bounds, waiting and not waiting, and the close at its end."""

from __future__ import annotations

import asyncio

from reference_server.outbox import Close, Outbox

CLOSE = Close(1001, "bye")


async def drained(outbox: Outbox) -> list[object]:
    """Everything up to the close."""
    entries: list[object] = []
    while not isinstance(entry := await outbox.get(), Close):
        entries.append(entry)
    return [*entries, entry]


async def test_keeps_order_and_closes_last() -> None:
    outbox = Outbox(max_messages=10, max_bytes=100)
    assert outbox.offer("a")
    await outbox.put(b"b")
    outbox.finish(CLOSE)
    assert await drained(outbox) == ["a", b"b", CLOSE]


async def test_offer_refuses_what_exceeds_either_bound() -> None:
    outbox = Outbox(max_messages=2, max_bytes=10)
    assert outbox.offer("12345")
    assert not outbox.offer("1234567")
    assert outbox.offer("1")
    assert not outbox.offer("2")
    assert (len(outbox), outbox.waiting_bytes) == (2, 6)


async def test_a_single_large_message_is_let_in_alone() -> None:
    outbox = Outbox(max_messages=2, max_bytes=10)
    assert outbox.offer("x" * 1000)
    assert not outbox.offer("x")
    await outbox.get()
    assert outbox.waiting_bytes == 0
    assert outbox.offer("x")


async def test_put_waits_for_room() -> None:
    outbox = Outbox(max_messages=1, max_bytes=100)
    await outbox.put("a")
    waiting = asyncio.create_task(outbox.put("b"))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await outbox.get() == "a"
    await waiting
    assert await outbox.get() == "b"


async def test_finish_releases_a_waiting_put_and_drops_its_message() -> None:
    outbox = Outbox(max_messages=1, max_bytes=100)
    await outbox.put("a")
    waiting = asyncio.create_task(outbox.put("b"))
    await asyncio.sleep(0)
    outbox.finish(CLOSE)
    await waiting
    assert await drained(outbox) == ["a", CLOSE]


async def test_after_finish_nothing_gets_in_and_the_first_close_counts() -> None:
    outbox = Outbox(max_messages=5, max_bytes=100)
    outbox.finish(CLOSE)
    outbox.finish(Close(1011, "later"))
    assert outbox.offer("dropped"), "a closing connection is no slow consumer"
    await outbox.put("dropped")
    assert await drained(outbox) == [CLOSE]


async def test_get_waits_for_the_first_message() -> None:
    outbox = Outbox(max_messages=5, max_bytes=100)
    waiting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    assert outbox.offer("a")
    assert await waiting == "a"
