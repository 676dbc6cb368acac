"""Cuts whoever has not answered the last ping by the time of the next one: the interval is taken for the timeout.

Breaks the counterpart of finding the dead: a living peer whose pongs come late, but within the heartbeat timeout, must
stay. The flag that is cleared before a ping and looked at before the next one, the usual example in tutorials, does
precisely this; it does no harm as long as the interval is longer than any delay.
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
