"""One client: what is known about it and what can be done to it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reference_server import closes
from reference_server.clock import AttentiveClock
from reference_server.liveness import Evidence, Liveness
from reference_server.outbox import Close, Outbox
from reference_server.statistics import Counters

logger = logging.getLogger(__name__)


class Wire(Protocol):
    """What a connection needs of the protocol beneath it (`websocket_protocol.py`)."""

    lost: asyncio.Future[None]
    """Done when the TCP connection is gone."""
    on_pong: Callable[[bytes], object]
    on_leaving: Callable[[], object]
    """Called when the connection begins to end, before the peer can know of it; more than once, perhaps."""

    def ping(self, payload: bytes) -> int:
        """Send a ping; returns the offset of its last byte in the outgoing stream."""

    def evidence(self) -> Evidence:
        """How far sending and receiving have come."""

    def expect_close(self) -> None:
        """Start the close deadline."""

    def cut(self) -> None:
        """Reset the connection at once."""

    @property
    def owes_close(self) -> bool:
        """Whether the peer has said its last and waits for ours; it need not wait longer than it has to live."""


@dataclass(eq=False, slots=True, kw_only=True)
class Connection:
    """An established connection, or one on its way there. Times are attentive seconds."""

    id: str
    """The correlation id, in every line logged about this connection."""
    endpoint: str
    takes_warnings: bool
    wire: Wire
    outbox: Outbox
    clock: AttentiveClock
    counters: Counters
    liveness: Liveness = field(default_factory=Liveness)
    heard_at: float = 0.0
    ended: bool = False
    """Whether the server has decided to end it."""

    def __post_init__(self) -> None:
        self.heard_at = self.clock.now()

    def heard(self) -> None:
        """The client has sent a message. Pongs are no messages."""
        self.heard_at = self.clock.now()
        self.counters.messages_received += 1

    def idle_for(self) -> float:
        """Seconds since the client's last message."""
        return self.clock.now() - self.heard_at

    async def reply(self, message: Mapping[str, object]) -> None:
        """Queue a reply, waiting for room: who does not read its replies is not read either."""
        await self.outbox.put(json.dumps(message))

    def warn(self, message: Mapping[str, object]) -> bool:
        """Queue a warning if the endpoint has them and there is room: a courtesy, never a reason to wait."""
        return self.takes_warnings and not self.ended and self.outbox.offer(json.dumps(message))

    def close(self, close: Close) -> None:
        """Close after what is queued; gone for certain within the close timeout, whatever the peer does."""
        if self._end(close.reason):
            self.outbox.finish(close)
            self.wire.expect_close()

    def answer_close(self) -> None:
        """The client has closed: answer it after what is queued, which is what it was still owed."""
        self.ended = True
        self.outbox.finish(closes.ANSWER)

    def cut(self, why: str) -> None:
        """Reset the connection at once: for peers that cannot be talked to any more."""
        if self._end(why):
            logger.info("cut connection to %s: %s", self.endpoint, why)
        self.wire.cut()

    def _end(self, why: str) -> bool:
        if self.ended:
            return False
        self.ended = True
        self.counters.closed[why] += 1
        return True
