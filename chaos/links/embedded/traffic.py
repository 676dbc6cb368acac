"""Byte counters per proxy and direction, for `/metrics`."""

from __future__ import annotations

from typing import NamedTuple

from chaos.links.embedded.items import Direction

__all__ = ["Flow", "Traffic"]


class Flow(NamedTuple):
    """The labels of Toxiproxy's counters, in the order in which it prints them."""

    direction: str
    listener: str
    proxy: str
    upstream: str


class Traffic:
    """Bytes of ended connections: like Toxiproxy's, the counters move when a connection ends."""

    def __init__(self) -> None:
        self.received: dict[Flow, int] = {}
        """From the source of a direction: the client for upstream, the server for downstream."""
        self.sent: dict[Flow, int] = {}
        """To the sink of a direction."""

    def add(self, direction: Direction, *, proxy: str, listener: str, upstream: str, received: int, sent: int) -> None:
        """One direction of one connection has ended."""
        flow = Flow(direction.value, listener, proxy, upstream)
        self.received[flow] = self.received.get(flow, 0) + received
        self.sent[flow] = self.sent.get(flow, 0) + sent
