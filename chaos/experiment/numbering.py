"""How the clients of an endpoint number their messages, by what its target file says."""

from __future__ import annotations

from chaos.contract import AnswerOrder
from chaos.crowd.exchange import NUMBER
from chaos.crowd.numbered import Numbered
from chaos.experiment.outcome import NotJudged
from chaos.target import Echo, Feed, Resumable

__all__ = ["numbered_broadcasts", "numbered_echoes", "numbered_session"]

OFTEN = 0.02
"""Seconds between two messages of a client whose connection is to be cut: some are under way in most cuts."""


def numbered_echoes(echo: Echo, order: AnswerOrder) -> Numbered:
    """Messages that are answered one by one: with a payload where the file has one, else the number is all there is.

    Raises NotJudged where an answer does not say which message it is to.
    """
    if NUMBER not in echo.expect and echo.payload_expect is None:
        raise NotJudged(f"endpoints.echo.expect has no {NUMBER}, so nobody knows which message an answer is to")
    payload = echo.payload_send is not None and echo.payload_expect is not None
    return Numbered(
        send=echo.payload_send if payload else echo.send,
        answer=echo.payload_expect if payload else echo.expect,
        in_order=order is AnswerOrder.IN_ORDER,
    )


def numbered_broadcasts(feed: Feed) -> Numbered:
    """The server's broadcasts. Raises NotJudged where they have no numbers."""
    if feed.sequence is None:
        raise NotJudged("endpoints.feed.sequence is not declared, so nobody knows which broadcasts there are")
    return Numbered(message=feed.message, sequence=feed.sequence, identical=feed.identical)


def numbered_session(resumable: Resumable) -> Numbered:
    """Both directions of a session that goes on after its connection."""
    return Numbered(
        send=resumable.send,
        answer=resumable.acknowledged,
        applied=resumable.applied,
        sequence=resumable.sequence,
        session=resumable.greeting,
        resumed=resumable.resumed,
        resume=resumable.resume,
        every=OFTEN,
    )
