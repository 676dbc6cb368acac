"""What is known about one peer's life: the pings it has not answered, and what excuses it. Pure, no input or output.

A peer is dead when a ping goes unanswered for too long, *unless it could not have answered yet*. Three excuses:

- it is still taking bytes that lie before the ping: slow, not dead;
- this server is not reading from it, so the pong may be waiting in our own kernel;
- it is in the middle of sending a frame, and a pong cannot overtake that.

Each needs movement between two looks, the first of which is at the ping. A stalled peer moves nothing and gets no
excuse; a silent one takes its ping, and nothing moves after that.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping waiting for its pong."""

    payload: bytes
    sent_at: float
    ends_at: int
    """Offset of its last byte in the outgoing stream: once that much is delivered, the peer's kernel has the ping."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One look at a connection."""

    delivered: int
    """Bytes of the outgoing stream the peer's kernel has acknowledged."""
    outstanding: int
    """Bytes written and not acknowledged."""
    received: int
    """Bytes that came in so far."""
    mid_frame: bool
    """Whether the last of them are the beginning of an unfinished frame."""
    reading: bool
    """Whether this server reads from the connection at present."""


NOTHING_SEEN = Evidence(delivered=0, outstanding=0, received=0, mid_frame=False, reading=True)


@dataclass(slots=True)
class Liveness:
    """The peer's debts. Times are attentive seconds."""

    unanswered: deque[Ping] = field(default_factory=deque)
    seen: Evidence = NOTHING_SEEN
    seen_at: float = float("-inf")
    excused_at: float = float("-inf")

    def pinged(self, ping: Ping, evidence: Evidence) -> None:
        """A ping has been sent; `evidence` is how things stood then."""
        self.unanswered.append(ping)
        self.seen, self.seen_at = evidence, ping.sent_at

    def ponged(self, payload: bytes) -> bool:
        """A pong has come. It answers its ping and all earlier ones (RFC 6455, 5.5.3); others are unsolicited."""
        if not any(ping.payload == payload for ping in self.unanswered):
            return False
        while self.unanswered.popleft().payload != payload:
            pass
        return True

    def look(self, evidence: Evidence, *, now: float) -> None:
        """Compare with the last look and note what excuses the peer."""
        before, self.seen = self.seen, evidence
        before_at, self.seen_at = self.seen_at, now
        if not self.unanswered:
            return
        ping = self.unanswered[0]
        takes = evidence.delivered > before.delivered
        # Delivered at the first look after it was sent, the ping met no queue: its time counts from the sending.
        waited_before = before.delivered < ping.ends_at and before_at > ping.sent_at
        had_to_wait = waited_before or evidence.delivered < ping.ends_at
        still_before_the_ping = takes and had_to_wait
        we_do_not_listen = not evidence.reading and (takes or not evidence.outstanding)
        still_sending = evidence.mid_frame and evidence.received > before.received
        if still_before_the_ping or we_do_not_listen or still_sending:
            self.excused_at = now

    @property
    def has_the_ping(self) -> bool:
        """Whether the oldest unanswered ping has reached the peer's kernel."""
        return bool(self.unanswered) and self.seen.delivered >= self.unanswered[0].ends_at

    def silence(self, now: float) -> float:
        """Seconds for which the peer has owed an answer without an excuse."""
        if not self.unanswered:
            return 0.0
        return now - max(self.unanswered[0].sent_at, self.excused_at)
