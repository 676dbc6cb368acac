"""A link on a bench: a clock that moves when told, endpoints that remember, no sockets and no event loop."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence

from chaos.links.embedded.items import Direction, End
from chaos.links.embedded.link import Link
from chaos.links.embedded.randomness import LinkSeed
from chaos.links.embedded.setting import Setting
from chaos.links.embedded.stub import Stub
from chaos.links.embedded.toxics import Toxic

__all__ = ["FakeClock", "FakeEndpoint", "LinkBench", "setting"]


class FakeTimer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """Starts at 100 s, so that nobody mistakes a moment for a duration."""

    def __init__(self) -> None:
        self.now = 100.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> FakeTimer:
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass; what is due is called at its moment, in order."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            if timer.callback is not None:
                timer.callback()
        self.now = end

    @property
    def pending(self) -> int:
        """Timers that would still call."""
        return sum(timer.callback is not None for *_, timer in self._timers)


class FakeEndpoint:
    """Records what a link asks of it."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.room = True
        self.reading = False
        self.written: list[tuple[float, bytes]] = []
        self.ended: tuple[float, End] | None = None

    def read(self, wanted: bool) -> None:
        self.reading = wanted

    def has_room(self) -> bool:
        return self.room

    def write(self, data: bytes) -> None:
        assert self.ended is None, "written to after its end"
        self.written.append((self.clock.now, data))

    def finish(self, how: End) -> None:
        self.ended = (self.clock.now, how)

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.written)


def setting(toxic: Toxic, *, name: str | None = None, toxicity: float = 1.0) -> Setting:
    """A toxic as configured, downstream."""
    return Setting(name or toxic.kind, "downstream", Direction.DOWNSTREAM, toxicity, toxic)


class LinkBench:
    """A link between two fake endpoints."""

    def __init__(self, *toxics: Toxic | Setting, seed: int = 1, connection: int = 1) -> None:
        self.clock = FakeClock()
        self.start = self.clock.now
        self.source = FakeEndpoint(self.clock)
        self.sink = FakeEndpoint(self.clock)
        self.draws: list[tuple[str, bool]] = []
        self.link = Link(
            source=self.source,
            sink=self.sink,
            clock=self.clock,
            seed=LinkSeed(seed, "proxy", connection, Direction.DOWNSTREAM),
            drawn=self._drawn,
        )
        self.link.start([item if isinstance(item, Setting) else setting(item) for item in toxics])

    def feed(self, *chunks: bytes) -> None:
        """The source sends; each chunk is read on its own."""
        for chunk in chunks:
            self.link.take(chunk)

    def feed_as_read(self, chunks: Sequence[bytes]) -> list[bytes]:
        """The source sends as long as it is read; return what it could not send."""
        rest = list(chunks)
        while rest and self.source.reading:
            self.link.take(rest.pop(0))
        return rest

    def end(self, how: End) -> None:
        """The source ends."""
        self.link.end(how)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def make_room(self, room: bool = True) -> None:
        """The sink drains, or fills."""
        self.sink.room = room
        if room:
            self.link.room_in_sink()

    @property
    def arrivals(self) -> list[tuple[float, bytes]]:
        """What the sink was given, with milliseconds since the start."""
        return [(round((at - self.start) * 1000, 6), data) for at, data in self.sink.written]

    @property
    def ended(self) -> tuple[float, End] | None:
        """How the sink was ended, with milliseconds since the start."""
        if self.sink.ended is None:
            return None
        at, how = self.sink.ended
        return round((at - self.start) * 1000, 6), how

    def _drawn(self, stub: Stub) -> None:
        self.draws.append((stub.setting.name, stub.applies))
