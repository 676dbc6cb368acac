"""What is said arrives: broadcasts, answers, sessions, and what one client says to all."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family

__all__ = ["AnswerOrder", "Delivery"]


class AnswerOrder(StrEnum):
    """In which order a client's messages are answered."""

    IN_ORDER = "in-order"
    """In the order in which the client sent them."""
    ANY_ORDER = "any-order"
    """In any order: one that is overtaken may come yet."""


class Delivery(Family):
    """Broadcasts go on, a slow consumer hurts only itself, and no message is lost, doubled or changed."""

    broadcast_interval: Annotated[Duration | None, Field(description="Between two broadcasts.")] = None
    answers: Annotated[
        AnswerOrder | None,
        Field(description="Every message on endpoints.echo is answered once and unaltered, in this order."),
    ] = None
    resume_within: Annotated[
        Duration | None,
        Field(
            description="A client of endpoints.resumable that comes back so soon after its connection's end misses "
            "nothing, and nothing comes twice."
        ),
    ] = None
    sessions_forgotten_within: Annotated[
        Duration | None,
        Field(description="From a connection's end to its session being forgotten, where the client stays away."),
    ] = None
    slow_consumer_cut_within: Annotated[
        Duration | None, Field(description="From the moment a client stops reading to its removal.")
    ] = None
    fetched_within: Annotated[
        Duration | None, Field(description="From a broadcast to endpoints.feed.fetch telling it or a later one.")
    ] = None
    reaches_all_within: Annotated[
        Duration | None,
        Field(
            description="What one client says at endpoints.room, everybody there has heard so soon after the first "
            "of them, whichever of the server's processes serves them."
        ),
    ] = None
    queue_process: Annotated[
        str | None,
        Field(
            min_length=1,
            description="A regular expression for the command line of the message queue between the server's "
            "processes, where it is a process below the server's own.",
            examples=["redis-server"],
        ),
    ] = None
    queue_back_within: Annotated[
        Duration | None,
        Field(
            description="From the death of the message queue's process to what one client says reaching everybody "
            "again."
        ),
    ] = None
