"""A steady stream of samples into the open segment.

The stream has a thread of its own, so that a busy request side does not make it late, with a netlink socket of its own.
It keeps to a fixed schedule (start + k * interval): a late sample does not shift those after it, and a missed one is
left out, never made up for. What was missed is told in a Note.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.agent.reading import Reader, unlimited
from chaos.agent.recorder import Recorder
from chaos.errors import AgentError, ChaosError

__all__ = ["Plan", "Sampler"]

_NOTE_EVERY = 1.0
"""Seconds between two notes about missed samples, so that an overloaded machine's journal stays readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to sample and how often."""

    interval: float
    """Seconds from one sample's beginning to the next one's."""
    port: int
    roots: Callable[[], Sequence[int]]
    """The server's root pids at this moment; called from the sampling thread."""
    name: str | None = None
    """The name under which the agent spawned the server, where it did."""


class Sampler:
    """The thread that samples. All methods are called from one other thread."""

    def __init__(self, recorder: Recorder, *, throttled: Callable[[], float] = unlimited) -> None:
        """`throttled`: see `Reader`."""
        self._recorder = recorder
        self._throttled = throttled
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._failure = ""
        self.plan: Plan | None = None

    def start(self, plan: Plan) -> None:
        """Sample according to `plan` from now on, in place of any plan before."""
        self.stop()
        self.plan = plan
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(plan, self._stop), name="sampler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the stream; returns once the last sample is written. Fine when there is none.

        Raises AgentError when it had ended by itself, because then there are samples missing.
        """
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None
        self.plan = None
        failure, self._failure = self._failure, ""
        if failure:
            raise AgentError(failure)

    def _run(self, plan: Plan, stop: threading.Event) -> None:
        reader = Reader(throttled=self._throttled)
        try:
            _keep_time(plan, stop, reader, self._recorder)
        except (ChaosError, OSError) as error:
            self._failure = f"sampling ended before it was told to: {error}"
            print(f"chaos.agent: {self._failure}", file=sys.stderr, flush=True)
        finally:
            reader.close()


def _keep_time(plan: Plan, stop: threading.Event, reader: Reader, recorder: Recorder) -> None:
    due = time.monotonic()
    missed = 0
    worst = 0.0
    noted = due - _NOTE_EVERY
    while not stop.wait(max(0.0, due - time.monotonic())):
        began = time.monotonic()
        behind = int((began - due) / plan.interval)
        missed, worst = missed + behind, max(worst, began - due)
        if missed and began - noted >= _NOTE_EVERY:
            recorder.note(_fell_behind(missed, worst, plan.interval))
            missed, worst, noted = 0, 0.0, began
        if recorder.is_open:
            recorder.sample(began, reader.read(plan.roots(), plan.port))
        due += (behind + 1) * plan.interval
    if missed:
        recorder.note(_fell_behind(missed, worst, plan.interval))


def _fell_behind(missed: int, worst: float, interval: float) -> str:
    return f"sampling fell behind: {missed} samples of {interval:g} s left out, the latest was {worst:.3f} s late"
