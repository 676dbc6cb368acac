"""Defects in saying goodbye."""

from __future__ import annotations

from reference_server import closes
from websockets.frames import Close, Frame, Opcode

from ..fakes import turns_until
from ..wired import configured, end, established
from .bench import Bench, Check


async def shutdown_says_that_it_goes_away(bench: Bench) -> bool:
    connection, _ = bench.client()
    connection.close(closes.SHUTDOWN)
    return await connection.outbox.get() == closes.SHUTDOWN


async def shutdown_sends_what_waits(bench: Bench) -> bool:
    connection, _ = bench.client()
    connection.outbox.offer("an answer")
    connection.close(closes.SHUTDOWN)
    return await connection.outbox.get() == "an answer"


async def _events_of_a_close(bench: Bench) -> list[str]:
    """What happens to a transport when the application closes."""
    protocol, transport = await established(configured(bench.parts))
    transport.events.clear()
    await protocol.send({"type": "websocket.close", "code": 1001, "reason": ""})
    events = list(transport.events)
    await end(protocol)
    return events


async def close_frame_is_not_followed_by_a_reset(bench: Bench) -> bool:
    return "abort" not in await _events_of_a_close(bench)


async def close_frame_waits_for_its_answer(bench: Bench) -> bool:
    return "fin" not in await _events_of_a_close(bench)


async def close_is_answered_after_the_message_before_it(bench: Bench) -> bool:
    protocol, transport = await established(configured(bench.parts))
    transport.written.clear()
    asked = Frame(Opcode.TEXT, b"and one more thing").serialize(mask=True)
    protocol.data_received(asked + Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=True))
    await turns_until(lambda: "fin" in transport.events)
    written = b"".join(transport.written)
    await end(protocol)
    return written.startswith(b"\x81\x12and one more thing\x88")


async def tcp_ends_behind_the_answer_to_a_close(bench: Bench) -> bool:
    protocol, transport = await established(configured(bench.parts))
    protocol.data_received(Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=True))
    await turns_until(lambda: "fin" in transport.events, fail=False)
    ended = "fin" in transport.events
    await end(protocol)
    return ended


CHECKS: dict[str, Check] = {
    "answers_the_close_at_once": close_is_answered_after_the_message_before_it,
    "cuts_behind_its_close_frame": close_frame_is_not_followed_by_a_reset,
    "cuts_who_answers_the_close_late": close_frame_waits_for_its_answer,
    "drops_the_queue_at_shutdown": shutdown_sends_what_waits,
    "leaves_tcp_to_its_clients": tcp_ends_behind_the_answer_to_a_close,
    "shutdown_says_goodbye_for_good": shutdown_says_that_it_goes_away,
}
