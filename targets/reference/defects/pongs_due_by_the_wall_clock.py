"""Compares the time of day at which a ping was sent with the time of day now.

Breaks the heartbeat on the day that the clock is set back: whoever owes a pong has a day to send it, and the dead are
kept for as long as that.
"""

from __future__ import annotations

from reference_server.parts import Parts

from defects._wall_clock import WallClock

DESCRIPTION = "dead peers are not found once the server's wall clock was set back"


def install(parts: Parts) -> None:
    """The heartbeat asks another clock than everything else."""
    parts.heartbeat._clock = WallClock(tick_interval=parts.clock.tick_interval)
