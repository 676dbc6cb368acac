"""A toxic at work on one link.

Stubs form a chain from the link's source to its sink. An item is *offered* to the first one, waits in its inbox, goes
through its toxic's `pipe`, and is offered to the next. A stub whose successor has no room waits; one whose inbox is
full tells its predecessor, and in the end the source is no longer read: that is the whole flow control.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Protocol

from chaos.links.embedded.items import NEVER, Chunk, End, Item, Pipe, Receive, Sleep
from chaos.links.embedded.randomness import LinkSeed
from chaos.links.embedded.setting import Setting
from chaos.links.embedded.toxics.noop import Noop

__all__ = ["Clock", "Sink", "Stub", "Timer"]

_NOOP = Noop()


class Timer(Protocol):
    """A callback that is due."""

    def cancel(self) -> None:
        """Do not call it."""
        ...


class Clock(Protocol):
    """The two methods of an event loop that a stub needs; a test brings its own."""

    def time(self) -> float:
        """The moment, in seconds of a monotonic clock."""
        ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call `callback` at the moment `when`."""
        ...


class Sink(Protocol):
    """Whatever a stub hands its items to: the next stub, or the end of the link."""

    def has_room(self) -> bool:
        """Whether a chunk may be offered now."""
        ...

    def offer(self, item: Item) -> None:
        """Take an item. An End may be offered at any time, and is the last."""
        ...


class Stub:
    """Runs one toxic on one link."""

    __slots__ = (
        "_acted",
        "_blocked",
        "_clock",
        "_hand",
        "_handed_on",
        "_inbox",
        "_input_ended",
        "_on_room",
        "_pipe",
        "_random",
        "_receiving",
        "_seed",
        "_sink",
        "_timer",
        "_toxicity",
        "applies",
        "finished",
        "setting",
        "transmitted",
    )

    def __init__(self, setting: Setting, *, clock: Clock, seed: LinkSeed) -> None:
        self.setting = setting
        self.finished = False
        """Whether an End has been handed on: nothing follows it."""
        self.applies = False
        """Whether the toxicity was drawn, so that the toxic acts on this link."""
        self.transmitted = 0
        self._acted = False  # whether it ever applied
        self._random: Random | None = None
        self._toxicity: Random | None = None
        self._clock = clock
        self._seed = seed
        self._sink: Sink
        self._on_room: Callable[[], None]
        self._inbox: deque[Item] = deque()
        self._input_ended = False
        self._pipe: Pipe | None = None
        self._receiving = False
        self._timer: Timer | None = None
        self._blocked: Chunk | None = None  # handed on by the pipe, refused by the sink for lack of room
        self._hand: Item | None = None  # received by the pipe last
        self._handed_on = 0  # bytes handed on since then

    @property
    def random(self) -> Random:
        # Made when it is first asked for: most toxics draw nothing, and a generator weighs 2.5 KB.
        if self._random is None:
            self._random = self._seed.generator(self.setting.name, "data")
        return self._random

    def now(self) -> float:
        return self._clock.time()

    def has_room(self) -> bool:
        return not self._input_ended and not self.finished and len(self._inbox) < self.setting.toxic.capacity

    def offer(self, item: Item) -> None:
        if self._input_ended or self.finished:
            return
        self._input_ended = isinstance(item, End)
        self._inbox.append(item)
        if self._receiving:
            self._wake()

    def connect(self, *, sink: Sink, on_room: Callable[[], None]) -> None:
        """Say what comes after this stub, and whom to call whenever its inbox has room again."""
        self._sink = sink
        self._on_room = on_room

    def start(self) -> None:
        """Draw the toxicity and let the toxic act on what is in the inbox and on what comes."""
        self.applies = self._draw()
        self._acted = self._acted or self.applies
        toxic = self.setting.toxic if self.applies else _NOOP
        self._pipe = toxic.pipe(self)
        self._run(None)

    def restart(self, setting: Setting) -> None:
        """Draw again and start from scratch, with what the toxic holds put back in front of the inbox.

        Toxiproxy does this to a toxic that is updated, and also to the one before a toxic that is added or removed.
        """
        self.setting = setting
        if self.finished:
            return
        self._inbox.extendleft(self._take_back())
        self.start()
        self._on_room()

    def retire(self) -> None:
        """The toxic is being removed: hand on at once whatever is held, room or no room."""
        if self.finished:
            return
        closes = self._acted and self.setting.toxic.closes_when_removed
        held = [*self._take_back(), *self._inbox]
        self.stop()
        for item in held:
            self._sink.offer(item)
        if closes:
            self._sink.offer(End.CLOSE)

    def stop(self) -> None:
        """End it here: nothing more is handed on, what is held is forgotten."""
        self._take_back()
        self._inbox.clear()
        self.finished = True

    def on_room(self) -> None:
        """The sink has room again."""
        if self._blocked is not None and self._sink.has_room():
            chunk, self._blocked = self._blocked, None
            self._hand_on(chunk)
            if self._pipe is not None:
                self._run(None)

    def _draw(self) -> bool:
        if self.setting.toxicity >= 1:
            return True
        if self._toxicity is None:
            self._toxicity = self._seed.generator(self.setting.name, "toxicity")
        return self._toxicity.random() < self.setting.toxicity

    def _take_back(self) -> list[Item]:
        """Interrupt the pipe; return the item it had in hand, or what is left of it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._pipe is not None:
            self._pipe.close()
        hand, handed_on = self._hand, self._handed_on
        self._pipe = self._timer = self._blocked = self._hand = None
        self._receiving = False
        self._handed_on = 0
        if isinstance(hand, Chunk):
            rest = hand.data[handed_on:]
            return [Chunk(rest, hand.arrived)] if rest else []
        return [] if hand is None else [hand]

    def _run(self, value: Item | None) -> None:
        """Carry out the pipe's steps until one of them has to wait: for an item, for a moment, for room."""
        pipe = self._pipe
        assert pipe is not None
        while self._pipe is pipe:  # handing on may end the connection, and this stub with it
            step = pipe.send(value)
            value = None
            if isinstance(step, Chunk):
                if not self._sink.has_room():
                    self._blocked = step
                    return
                self._hand_on(step)
            elif isinstance(step, Receive):
                self._hand = None
                self._handed_on = 0
                if not self._inbox:
                    self._receiving = True
                    self._set_timer(step.until)
                    return
                value = self._take()
            elif isinstance(step, Sleep):
                if step.until > self._clock.time():
                    self._set_timer(step.until)
                    return
            else:
                self.stop()
                self._sink.offer(step)
                return

    def _take(self) -> Item:
        self._hand = item = self._inbox.popleft()
        self._on_room()
        return item

    def _hand_on(self, chunk: Chunk) -> None:
        self._handed_on += len(chunk.data)
        self._sink.offer(chunk)

    def _set_timer(self, when: float) -> None:
        if when != NEVER:
            self._timer = self._clock.call_at(when, self._wake)

    def _wake(self) -> None:
        """What the pipe waits for has come: an item, or the moment."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        receiving, self._receiving = self._receiving, False
        self._run(self._take() if receiving and self._inbox else None)
