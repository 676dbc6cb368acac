"""Ends that come at once, and what errors of the kernel mean for an attempt and for an open connection."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import Any

import pytest

from chaos.crowd.endings import Ending, setback_of_error
from chaos.crowd.plan import ClientState, Mode
from chaos.journal import Attempt, Ended, Event, Outcome

from .making import make_crowd
from .servers import TEXT, Peer, close_frame, frame, raw_server, websocket_server

ASKING: dict[str, Any] = {"send": "hello {n}", "expect": "hello {n}", "first_message": True}


async def test_an_answer_followed_by_the_end_is_open_and_then_ended() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        _, question = await peer.frame()
        await peer.send(frame(TEXT, question) + close_frame(1001, "bye"))
        peer.writer.close()

    async with raw_server(script) as address:
        crowd, recorded = make_crowd(address, **ASKING)
        (found,) = await crowd.connect(Mode.SIMULTANEOUS)
        (ended,) = await crowd.wait_ended(timeout=5)
    assert found.outcome is Outcome.OPEN
    assert recorded.events[:2] == [found, ended]
    assert (ended.by, ended.how, ended.code, ended.reason) == ("server", "close", 1001, "bye")


async def test_an_end_in_the_very_turn_in_which_it_opened_is_recorded_after_the_attempt() -> None:
    async with websocket_server() as address:
        crowd, recorded = make_crowd(address)
        (client,) = crowd._clients

        def record(event: Event) -> None:
            recorded.events.append(event)
            if isinstance(event, Attempt) and client.connection is not None:
                # What asyncio would call when it learns of an RST right now.
                client.connection.connection_lost(ConnectionResetError())

        client.setting = replace(client.setting, record=record)
        await crowd.connect(Mode.SIMULTANEOUS)
        assert [type(event) for event in recorded.events] == [Attempt, Ended]
        assert client.state is ClientState.CLOSED
        assert client.connection is not None
        assert client.connection.transport is not None
        client.connection.transport.abort()


def test_what_follows_the_servers_fin_is_our_own_leaving() -> None:
    end = Ending(eof_at=1.0).end(at=2.0, error=ConnectionResetError())
    assert (end.by, end.how, end.at) == ("server", "eof", 1.0)


@pytest.mark.parametrize(
    ("error", "how", "reason"),
    [
        (None, "eof", ""),
        (ConnectionResetError(), "reset", ""),
        (BrokenPipeError(), "reset", ""),
        (TimeoutError(), "timeout", "the kernel gave up sending again"),
        (OSError("No route to host"), "reset", "No route to host"),
    ],
)
def test_how_tcp_was_lost(error: Exception | None, how: str, reason: str) -> None:
    end = Ending().end(at=2.0, error=error)
    assert (end.by, end.how, end.reason, end.at) == ("server", how, reason, 2.0)


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.ECONNREFUSED, Outcome.REFUSED),
        (errno.EHOSTUNREACH, Outcome.REFUSED),
        (errno.ENETUNREACH, Outcome.REFUSED),
        (errno.ECONNRESET, Outcome.RESET),
        (errno.EPIPE, Outcome.RESET),
        (errno.ETIMEDOUT, Outcome.TIMEOUT),
    ],
)
def test_errors_of_the_kernel(number: int, outcome: Outcome) -> None:
    setback = setback_of_error(OSError(number, "said by the test"), at=1.0)
    assert setback is not None
    assert (setback.outcome, setback.at) == (outcome, 1.0)


def test_an_error_of_this_machine_says_nothing_about_the_server() -> None:
    assert setback_of_error(OSError(errno.EMFILE, "said by the test"), at=1.0) is None
