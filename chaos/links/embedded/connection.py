"""A proxied connection: a client, an upstream, and a link for each direction.

    client endpoint --- upstream link ----> upstream endpoint
    client endpoint <-- downstream link --- upstream endpoint

Each link tells its sink how to end; this class carries the news the other way: when an endpoint is gone, the link it
was the source of ends, and the link it was the sink of has nowhere to deliver to.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from chaos.links.embedded.chain import Chain
from chaos.links.embedded.endpoint import Endpoint
from chaos.links.embedded.environment import Environment
from chaos.links.embedded.items import Direction, End
from chaos.links.embedded.ledger import Record
from chaos.links.embedded.link import Link
from chaos.links.embedded.randomness import LinkSeed
from chaos.links.embedded.sockets import Dialled
from chaos.links.embedded.stub import Stub

__all__ = ["Connection", "Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """The proxy a connection belongs to, as it was when the connection was made."""

    proxy: str
    listen: str
    upstream: str


class Connection:
    """Two sockets joined by two links."""

    def __init__(
        self,
        client: socket.socket,
        upstream: Dialled,
        *,
        route: Route,
        record: Record,
        chain: Chain,
        environment: Environment,
        on_end: Callable[[Connection], None],
    ) -> None:
        self.record = record
        self._route = route
        self._chain = chain
        self._environment = environment
        self._on_end = on_end
        self._ended = False
        loop, watch = environment.loop, environment.watch
        self._client = Endpoint(client, loop=loop, watch=watch, owner=self)
        self._upstream = Endpoint(upstream.sock, loop=loop, watch=watch, owner=self, broken=upstream.broken)
        self._links = {
            self._client: self._link(Direction.UPSTREAM, self._client, self._upstream),
            self._upstream: self._link(Direction.DOWNSTREAM, self._upstream, self._client),
        }  # by source

    def start(self) -> None:
        """Begin to carry bytes, under the proxy's toxics of this moment."""
        for link in self._links.values():
            self._chain.attach(link)

    def close(self) -> None:
        """End it now, both sides, whatever is under way: the proxy is being disabled."""
        for endpoint in (self._client, self._upstream):
            self._close(endpoint)
        self._end()

    # What the endpoints tell

    def received(self, endpoint: Endpoint, data: bytes) -> None:
        self._links[endpoint].take(data)

    def fin_received(self, endpoint: Endpoint) -> None:
        self._note(endpoint, "fin_received")
        self._links[endpoint].end(End.FIN)
        self._end_if_done()

    def fin_sent(self, endpoint: Endpoint) -> None:
        self._note(endpoint, "fin_sent")
        self._end_if_done()

    def drained(self, endpoint: Endpoint) -> None:
        self._links[self._other(endpoint)].room_in_sink()

    def hung_up(self, endpoint: Endpoint) -> None:
        if self._other(endpoint).closed:
            # The other side is gone, a toxic keeps it from hearing, and now it has given up by itself.
            self._note(endpoint, "fin_received")
            self.close()

    def gone(self, endpoint: Endpoint, how: End, error: int) -> None:
        if error:
            self.record.note_failure(self._environment.loop.time(), self._side(endpoint), error)
        else:
            self._note_closed(endpoint)
        other = self._other(endpoint)
        self._links[other].stop()
        self._links[endpoint].end(how)
        if other.closed:
            self._end()

    def _link(self, direction: Direction, source: Endpoint, sink: Endpoint) -> Link:
        return Link(
            source=source,
            sink=sink,
            clock=self._environment.loop,
            seed=LinkSeed(self._environment.seed, self._route.proxy, self.record.number, direction),
            drawn=self._drawn,
        )

    def _drawn(self, stub: Stub) -> None:
        self.record.toxics[stub.setting.name] = stub.applies

    def _other(self, endpoint: Endpoint) -> Endpoint:
        return self._upstream if endpoint is self._client else self._client

    def _side(self, endpoint: Endpoint) -> str:
        return "client" if endpoint is self._client else "upstream"

    def _note(self, endpoint: Endpoint, what: str, detail: str = "") -> None:
        self.record.note(self._environment.loop.time(), self._side(endpoint), what, detail)

    def _close(self, endpoint: Endpoint) -> None:
        if not endpoint.closed:
            endpoint.close()
            self._note_closed(endpoint)

    def _note_closed(self, endpoint: Endpoint) -> None:
        """Note what closing an endpoint has put on the wire; nothing, if both FINs had passed before."""
        if endpoint.rst_sent:
            self._note(endpoint, "rst_sent")
        elif not endpoint.fin_sent:
            self._note(endpoint, "fin_sent")

    def _end_if_done(self) -> None:
        if all(end.fin_sent and end.fin_received for end in (self._client, self._upstream)):
            self.close()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        for link in self._links.values():
            link.stop()
            self._chain.detach(link)
        self._count()
        self._on_end(self)

    def count(self) -> None:
        """Bring the record's byte counts up to date."""
        self.record.from_client = self._client.received_bytes
        self.record.to_client = self._client.sent_bytes
        self.record.from_upstream = self._upstream.received_bytes
        self.record.to_upstream = self._upstream.sent_bytes

    def _count(self) -> None:
        self.count()
        for source, link in self._links.items():
            self._environment.traffic.add(
                link.direction,
                proxy=self._route.proxy,
                listener=self._route.listen,
                upstream=self._route.upstream,
                received=source.received_bytes,
                sent=self._other(source).sent_bytes,
            )
