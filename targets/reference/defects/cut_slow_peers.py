"""Cuts whoever has not answered the last ping by the time of the next one: the interval is taken for the timeout.

Breaks the counterpart of finding the dead: a living peer whose pongs come late, but within the heartbeat timeout,
must stay. Seen in the wild: the heartbeat example in the README of `ws` for Node.js clears a flag with each ping and
ends who has not set it by the next. With its interval of 30 s that harms nobody; with a short one it cuts every slow
peer.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "a peer has only until the next ping to answer the last one, though the timeout is longer"


def install(parts: Parts) -> None:
    """Look before each beat whether the last ping was answered."""
    beat_on = parts.heartbeat.beat

    def beat() -> None:
        for connection in parts.registry.all():
            if connection.liveness.unanswered:
                connection.cut("no pong since the last ping")
        beat_on()

    parts.heartbeat.beat = beat  # type: ignore[method-assign]  # a defect replaces a method
