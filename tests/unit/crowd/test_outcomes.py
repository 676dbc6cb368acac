"""Every way an attempt can end, told apart and timed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chaos.address import Address
from chaos.crowd.plan import Mode
from chaos.journal import Attempt, Outcome

from .making import PATIENT, SHORT, WITHIN, make_crowd
from .servers import (
    BINARY,
    TEXT,
    Peer,
    close_frame,
    frame,
    full_port,
    raw_server,
    reset,
    unused_port,
    websocket_server,
)

ASKING: dict[str, Any] = {"send": "hello {n}", "expect": "hello {n}", "first_message": True}


async def attempt(address: Address, **plan: Any) -> Attempt:
    """One client's attempt; what it leaves open is closed."""
    crowd, recorded = make_crowd(address, **plan)
    (found,) = await crowd.connect(Mode.SIMULTANEOUS)
    await crowd.reset()
    assert recorded.attempts == [found]
    return found


async def test_open_without_a_first_message_ends_with_the_101() -> None:
    async with websocket_server() as address:
        found = await attempt(address)
    assert (found.outcome, found.phase, found.status) == (Outcome.OPEN, "handshake", 101)
    assert found.tcp is not None
    assert found.handshake is not None
    assert 0 < found.tcp < found.handshake
    assert found.first_message is None
    assert found.at == pytest.approx(found.began + found.handshake)
    assert found.local_port > 0


async def test_open_with_the_answer_to_an_exchange() -> None:
    async with websocket_server() as address:
        found = await attempt(address, **ASKING)
    assert (found.outcome, found.phase) == (Outcome.OPEN, "first_message")
    assert found.handshake is not None
    assert found.first_message is not None
    assert found.handshake < found.first_message
    assert found.at == pytest.approx(found.began + found.first_message)


async def test_open_with_a_greeting_that_follows_another_message() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(frame(TEXT, b"please hold") + frame(TEXT, b"welcome aboard"))

    async with raw_server(script) as address:
        found = await attempt(address, greeting="^welcome", first_message=True)
    assert found.outcome is Outcome.OPEN
    assert found.first_message is not None


async def test_open_with_101_and_greeting_in_one_segment() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(peer.accept() + frame(TEXT, b"welcome"))

    async with raw_server(script) as address:
        found = await attempt(address, greeting="welcome", first_message=True)
    assert found.outcome is Outcome.OPEN
    assert found.first_message == found.handshake


async def test_refused_by_a_closed_port() -> None:
    with unused_port() as address:
        found = await attempt(address)
    assert (found.outcome, found.phase, found.tcp) == (Outcome.REFUSED, "tcp", None)
    assert found.detail == "Connection refused"


async def test_timeout_in_the_tcp_phase() -> None:
    with full_port() as address:
        found = await attempt(address, tcp=SHORT)
    assert (found.outcome, found.phase, found.tcp) == (Outcome.TIMEOUT, "tcp", None)
    assert SHORT <= found.at - found.began < PATIENT
    assert found.local_port > 0


async def test_timeout_in_the_handshake_phase() -> None:
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await _read_for_ever(peer)
        left.set()

    async with raw_server(script) as address:
        found = await attempt(address, handshake=SHORT)
        # Who gives up leaves: nothing of the attempt is held on to.
        await asyncio.wait_for(left.wait(), timeout=WITHIN)
    assert (found.outcome, found.phase, found.handshake) == (Outcome.TIMEOUT, "handshake", None)
    assert found.tcp is not None
    assert SHORT <= found.at - found.began - found.tcp < PATIENT
    assert found.detail == ""


async def test_timeout_in_the_handshake_phase_quotes_what_came() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 101 Switching")
        await _read_for_ever(peer)

    async with raw_server(script) as address:
        found = await attempt(address, handshake=SHORT)
    assert (found.outcome, found.detail) == (Outcome.TIMEOUT, "after 'HTTP/1.1 101 Switching'")


async def test_timeout_in_the_first_message_phase() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await _read_for_ever(peer)

    async with raw_server(script) as address:
        found = await attempt(address, wait=SHORT, **ASKING)
    assert (found.outcome, found.phase, found.status) == (Outcome.TIMEOUT, "first_message", 101)
    assert found.handshake is not None
    assert SHORT <= found.at - found.began - found.handshake < PATIENT


async def test_another_message_is_not_the_greeting() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(frame(TEXT, b"please hold") + frame(BINARY, b"welcome"))
        await _read_for_ever(peer)

    async with raw_server(script) as address:
        found = await attempt(address, wait=SHORT, greeting="^welcome", first_message=True)
    assert (found.outcome, found.phase) == (Outcome.TIMEOUT, "first_message")


async def test_another_message_is_not_the_first_message() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.send(frame(TEXT, b"hello 17") + frame(BINARY, b"hello 1"))
        await _read_for_ever(peer)

    async with raw_server(script) as address:
        found = await attempt(address, wait=SHORT, **ASKING)
    assert (found.outcome, found.phase) == (Outcome.TIMEOUT, "first_message")


@pytest.mark.parametrize("taken", [False, True], ids=["after accept", "after the request"])
async def test_reset_in_the_handshake_phase(taken: bool) -> None:
    async def script(peer: Peer) -> None:
        if taken:
            await peer.request()
        reset(peer)

    async with raw_server(script) as address:
        found = await attempt(address)
    assert (found.outcome, found.phase, found.detail) == (Outcome.RESET, "handshake", "Connection reset by peer")
    assert found.status is None


async def test_reset_in_the_first_message_phase() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.frame()
        reset(peer)

    async with raw_server(script) as address:
        found = await attempt(address, **ASKING)
    assert (found.outcome, found.phase, found.status) == (Outcome.RESET, "first_message", 101)


async def test_http_status_with_retry_after() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nfull")
        await _read_for_ever(peer)

    async with raw_server(script) as address:
        found = await attempt(address)
    assert (found.outcome, found.phase) == (Outcome.HTTP, "handshake")
    assert (found.status, found.retry_after, found.detail) == (503, "7", "full")


@pytest.mark.parametrize(
    ("ending", "detail"), [("eof", "full"), ("reset", "its body was cut short: reset")], ids=["eof", "reset"]
)
async def test_http_status_whose_body_has_no_length(ending: str, detail: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 503 Service Unavailable\r\nretry-after:  7 \r\n\r\nfull")
        if ending == "eof":
            peer.writer.close()
        else:
            reset(peer)

    async with raw_server(script) as address:
        found = await attempt(address)
    assert (found.outcome, found.status, found.retry_after) == (Outcome.HTTP, 503, "7")
    assert found.detail == detail


async def test_http_status_whose_body_never_comes() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 429 Slow Down\r\nContent-Length: 4\r\n\r\n")
        await _read_for_ever(peer)

    async with raw_server(script) as address:
        found = await attempt(address, handshake=SHORT)
    assert (found.outcome, found.status, found.retry_after) == (Outcome.HTTP, 429, None)
    assert found.detail == "its body was cut short: timeout"


@pytest.mark.parametrize("at_once", [False, True], ids=["later", "with the 101"])
async def test_closed_before_the_first_message(at_once: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if at_once:
            await peer.send(peer.accept() + close_frame(1013, "try again later"))
        else:
            await peer.send(peer.accept())
            await peer.frame()
            await peer.send(close_frame(1013, "try again later"))
        while (await peer.frame())[0] == TEXT:
            pass

    async with raw_server(script) as address:
        found = await attempt(address, **ASKING)
    assert (found.outcome, found.phase, found.code) == (Outcome.CLOSED, "first_message", 1013)
    assert (found.detail, found.status) == ("try again later", 101)


async def test_eof_in_the_handshake_phase() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.close()

    async with raw_server(script) as address:
        found = await attempt(address)
    assert (found.outcome, found.phase, found.status) == (Outcome.EOF, "handshake", None)


async def test_eof_in_the_first_message_phase() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.frame()
        peer.writer.close()

    async with raw_server(script) as address:
        found = await attempt(address, **ASKING)
    assert (found.outcome, found.phase, found.status) == (Outcome.EOF, "first_message", 101)


async def test_garbage_is_an_invalid_answer() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"SSH-2.0-OpenSSH_9.2\r\n")
        await _read_for_ever(peer)

    async with raw_server(script) as address:
        found = await attempt(address)
    assert (found.outcome, found.phase) == (Outcome.INVALID, "handshake")
    assert found.detail == "did not receive a valid HTTP response: invalid HTTP status line: SSH-2.0-OpenSSH_9.2"


async def test_a_101_for_another_key_is_an_invalid_answer() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(peer.accept(key=b"another"))
        await _read_for_ever(peer)

    async with raw_server(script) as address:
        found = await attempt(address)
    assert (found.outcome, found.phase, found.status) == (Outcome.INVALID, "handshake", 101)
    assert found.detail.startswith("invalid Sec-WebSocket-Accept header: ")


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (frame(TEXT, b"hello 1", first=0xC0), "reserved bits must be 0"),
        (frame(TEXT, b"\xff"), "a text message is no UTF-8: invalid start byte at position 0"),
    ],
    ids=["reserved bit", "bad UTF-8"],
)
async def test_a_broken_frame_is_an_invalid_answer(answer: bytes, detail: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.frame()
        await peer.send(answer)
        await peer.frame()

    async with raw_server(script) as address:
        found = await attempt(address, **ASKING)
    assert (found.outcome, found.phase, found.detail) == (Outcome.INVALID, "first_message", detail)


async def _read_for_ever(peer: Peer) -> None:
    while await peer.reader.read(1024):
        pass
    await asyncio.sleep(0)
