"""One direction of a connection: bytes from a source, through a chain of toxics, to a sink."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chaos.links.embedded.endpoint import Endpoint
from chaos.links.embedded.items import Chunk, Direction, End, Item
from chaos.links.embedded.randomness import LinkSeed
from chaos.links.embedded.setting import Setting
from chaos.links.embedded.stub import Clock, Sink, Stub

__all__ = ["Link"]


class Link:
    """Reads its source as long as its chain has room; is itself the last sink of the chain.

    How the stream ends is settled at the sink, by the gravest thing that either the source or a toxic has said: a
    source that resets after its FIN, while a toxic still holds the FIN, leaves as RST.
    """

    def __init__(
        self, *, source: Endpoint, sink: Endpoint, clock: Clock, seed: LinkSeed, drawn: Callable[[Stub], None]
    ) -> None:
        """`drawn` is told of every stub that has drawn its toxicity."""
        self._source = source
        self._sink = sink
        self._clock = clock
        self._seed = seed
        self._drawn = drawn
        self._stubs: list[Stub] = []
        self._source_ended: End | None = None
        self._ended: End | None = None
        self._stopped = False

    @property
    def direction(self) -> Direction:
        return self._seed.direction

    def start(self, settings: Iterable[Setting]) -> None:
        """Begin to read, with these toxics in this order."""
        self._stubs = [self._stub(setting) for setting in settings]
        self._connect()
        for stub in self._stubs:
            self._start(stub)
        self._regulate()

    # What the source does

    def take(self, data: bytes) -> None:
        """The source was read."""
        self._first.offer(Chunk(data, self._clock.time()))
        self._regulate()

    def end(self, how: End) -> None:
        """The source has ended; it may end again, more gravely."""
        if self._stopped or (self._source_ended is not None and how <= self._source_ended):
            return
        first_time = self._source_ended is None
        self._source_ended = how
        if first_time:
            self._first.offer(how)
        elif self._ended is not None:
            self.offer(how)
        if how is End.RESET:
            # An RST does not wait for a window to open. The sink has room for all that the chain still holds:
            # it is bounded, and will be discarded when the RST has come through the chain.
            self.room_in_sink()

    # What the sink is for the chain

    def has_room(self) -> bool:
        return self._ended is None and (self._source_ended is End.RESET or self._sink.has_room())

    def offer(self, item: Item) -> None:
        if isinstance(item, Chunk):
            # A toxic before one that has cut the link may still hold something, and hand it on when it is removed.
            if self._ended is None:
                self._sink.write(item.data)
        elif not self._stopped:
            self._ended = max(item, self._source_ended or item)
            self._source.read(False)
            self._sink.finish(self._ended)

    def room_in_sink(self) -> None:
        """The sink may be written to again."""
        if self._stubs:
            self._stubs[-1].on_room()
        self._regulate()

    def stop(self) -> None:
        """The sink is gone: nothing can be delivered, so nothing more is read, and the source's window closes."""
        self._stopped = True
        self._source.read(False)
        for stub in self._stubs:
            stub.stop()

    # What the proxy's chain of toxics does

    def add(self, setting: Setting) -> None:
        """A toxic was added at the end of the chain."""
        self._stubs.append(self._stub(setting))
        self._connect()
        self._start(self._stubs[-1])
        self._restart_before(len(self._stubs) - 1)

    def update(self, setting: Setting) -> None:
        """The toxic of this name was changed."""
        stub = self._stubs[self._index(setting.name)]
        stub.restart(setting)
        self._drawn(stub)
        self._regulate()

    def remove(self, name: str) -> None:
        """The toxic of this name was removed. What it held goes on at once."""
        index = self._index(name)
        # It retires before its neighbours are connected: what waits before it must not overtake what it held.
        self._stubs[index].retire()
        del self._stubs[index]
        self._connect()
        self._restart_before(index)

    @property
    def _first(self) -> Sink:
        return self._stubs[0] if self._stubs else self

    def _stub(self, setting: Setting) -> Stub:
        return Stub(setting, clock=self._clock, seed=self._seed)

    def _connect(self) -> None:
        """Give every stub its neighbours."""
        on_room = self._regulate
        for index, stub in enumerate(self._stubs):
            last = index + 1 == len(self._stubs)
            stub.connect(sink=self if last else self._stubs[index + 1], on_room=on_room)
            on_room = stub.on_room

    def _start(self, stub: Stub) -> None:
        if self._stopped or self._ended is not None:
            stub.stop()
        else:
            stub.start()
            self._drawn(stub)

    def _restart_before(self, index: int) -> None:
        """Toxiproxy draws the toxicity of a toxic again when the one after it comes or goes; so do we."""
        if index > 0:
            self._stubs[index - 1].restart(self._stubs[index - 1].setting)
            self._drawn(self._stubs[index - 1])
        self._regulate()

    def _regulate(self) -> None:
        """Read the source if, and only if, what is read can go somewhere."""
        ended = self._stopped or self._source_ended is not None
        self._source.read(not ended and self._first.has_room())

    def _index(self, name: str) -> int:
        return next(index for index, stub in enumerate(self._stubs) if stub.setting.name == name)
