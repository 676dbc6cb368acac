"""Ping everybody at a fixed period, and say who is dead."""

from __future__ import annotations

import random
from functools import partial

from reference_server.clock import AttentiveClock
from reference_server.connection import Connection
from reference_server.liveness import Ping
from reference_server.registry import Registry
from reference_server.statistics import Counters


class Heartbeat:
    """Pings; the sweep asks `is_dead` and ends those who are.

    A dead peer is therefore gone within interval + timeout + sweep interval, however it died: silent, vanished, or
    stalled with full buffers.
    """

    def __init__(
        self, *, timeout: float, ping_timeout: float, clock: AttentiveClock, registry: Registry, counters: Counters
    ) -> None:
        self.timeout = timeout
        self.ping_timeout = ping_timeout
        self._clock = clock
        self._registry = registry
        self._counters = counters

    def watch(self, connection: Connection) -> None:
        """Hear the connection's pongs from now on."""
        connection.wire.on_pong = partial(self._ponged, connection)

    def beat(self) -> None:
        """Ping everybody; called every heartbeat interval."""
        for connection in self._registry.all():
            self.look(connection)
            self.ping(connection)

    def ping(self, connection: Connection) -> None:
        """Ping one peer, unless a ping is still waiting in the buffers: more of them would only lengthen the queue."""
        liveness = connection.liveness
        if connection.ended or (liveness.unanswered and not liveness.has_the_ping):
            return
        # A random payload: a pong counts only if its sender has seen the ping.
        payload = random.randbytes(4)
        ends_at = connection.wire.ping(payload)
        ping = Ping(payload=payload, sent_at=self._clock.now(), ends_at=ends_at)
        liveness.pinged(ping, connection.wire.evidence())
        self._counters.pings_sent += 1

    def look(self, connection: Connection) -> None:
        """Note how far the peer has come, if it owes an answer."""
        if connection.liveness.unanswered:
            connection.liveness.look(connection.wire.evidence(), now=self._clock.now())

    def is_dead(self, connection: Connection) -> bool:
        """Whether the peer has owed an answer for too long."""
        self.look(connection)
        liveness = connection.liveness
        patience = self.timeout if liveness.has_the_ping else self.ping_timeout
        return liveness.silence(self._clock.now()) > patience

    def _ponged(self, connection: Connection, payload: bytes) -> None:
        self._counters.pongs_received += connection.liveness.ponged(payload)
