"""What the fix changes, before against after, in ratios of medians: `make measure NAME=breaker`, or

    .chaos/incidents/breaker/server/bin/python targets/incidents/breaker/measure.py

Starts the gateways of before.toml and after.toml in front of a session service that fails as it is told to, and lets
clients come. All durations of establishment are a fifth of the owners', as in the target files. Under four minutes, for
one client of before.toml waits three for a service that never answers. Linux; it judges nothing.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

from gateway_harness.client import PATIENCE, Visit, pings, visit
from gateway_harness.gateway import Gateway, environment_of, gateway
from gateway_harness.inside import MANAGERS, bare_loop, manager_bytes
from gateway_harness.upstream import ANSWERS, ERRORS, HANGS, Upstream

ROUNDS = 3
IDLE = 5.0
"""Seconds."""
PERIOD = 0.1
"""Seconds between two pings: the timer of the gateway's loop that a client can see."""
COMERS = 40
COMERS_TO_AN_OUTAGE = 20
SHORT, LONG = 0.5, 3.0
"""Seconds for which the service is away: 2.5 and 15 unscaled, within what the delays come to and beyond it."""
PAIRS = 300
"""Establishments of each of two gateways that are compared, by turns."""
AT_ONCE = 8
KNOWN_WITHIN = 200.0
"""Seconds; before.toml keeps a client for 180."""
BEFORE, AFTER = "before", "after"


@dataclass(slots=True)
class Figures:
    """Each figure of both variants, as often as it was measured, with what the owners told of it."""

    told: dict[str, str] = field(default_factory=dict)
    values: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)

    def add(self, what: str, variant: str, *values: float, told: str = "-") -> None:
        self.told.setdefault(what, told)
        self.values.setdefault(what, ([], []))[variant == AFTER].extend(values)

    def table(self) -> str:
        width = max(map(len, self.values))
        lines = [f"{'what':<{width}}  {'told':<26}{'before':>10}{'after':>10}{'ratio':>8}"]
        for what, both in self.values.items():
            before, after = map(statistics.median, both)
            ratio = f"{after / before:.2{'f' if after >= before / 10 else 'g'}}" if before else "-"
            lines.append(f"{what:<{width}}  {self.told[what]:<26}{before:>10.3f}{after:>10.3f}{ratio:>8}")
        return "\n".join(lines)


def main() -> int:
    figures = Figures()
    ends: dict[str, Counter[str]] = {}
    with Upstream(HANGS) as silent, ThreadPoolExecutor() as pool:
        kept = [pool.submit(_kept_waiting, silent.url, changes) for changes in ({}, _only_the_timeout())]
        for _ in range(ROUNDS):
            with (
                Upstream() as upstream,
                gateway(BEFORE, upstream.url, _often()) as before,
                gateway(AFTER, upstream.url, _often()) as after,
            ):
                both = {BEFORE: before, AFTER: after}
                _idle(both, figures)
                for variant, serving in both.items():
                    _outages(serving, upstream, variant, figures, ends)
                    _told(serving, variant, figures)
        _pairs(figures)
        _inside(figures)
        _known(kept, silent.url, figures, ends)
    print(figures.table())
    print(f"\nhow clients ended, of {ROUNDS} rounds:")
    for what, counted in ends.items():
        print(f"  {what}: {', '.join(f'{count} x {ended}' for ended, count in counted.most_common())}")
    return 0


def _often() -> dict[str, str]:
    return {"WEBSOCKET_HEARTBEAT_INTERVAL": str(PERIOD)}


def _only_the_timeout() -> dict[str, str]:
    """before.toml with the one change that the owners call 60 % faster: 360 s for 900, a fifth of each."""
    return {"WEBSOCKET_CONNECTION_TIMEOUT": environment_of("after")["WEBSOCKET_CONNECTION_TIMEOUT"]}


def _idle(both: Mapping[str, Gateway], figures: Figures) -> None:
    """Both at the same time or by turns, so that what others do on the machine meets the one as it does the other."""
    for serving in both.values():
        serving.wait_until_it_sleeps()
    used = {variant: serving.used() for variant, serving in both.items()}
    time.sleep(IDLE)
    for variant, serving in both.items():
        (cpu, woken), (cpu_later, woken_later) = used[variant], serving.used()
        figures.add("idle: CPU, ms a second", variant, (cpu_later - cpu) / IDLE * 1000, told="no CPU spinning")
        figures.add("idle: wake-ups a second", variant, (woken_later - woken) / IDLE, told="at least 1 (cap 1 s)")
    _timers("idle", both, figures, come=False)
    _timers("clients come", both, figures, come=True)
    times: dict[str, list[float]] = {variant: [] for variant in both}
    for _ in range(COMERS):
        for variant, serving in both.items():
            serving.wait_until_it_sleeps()
            times[variant].append(visit(serving.port).seconds * 1000)
    for variant, took in times.items():
        figures.add("establishment from idle, median, ms", variant, statistics.median(took), told="60 % faster")
        figures.add("establishment from idle, slowest, ms", variant, max(took), told="60 % faster")


def _timers(when: str, both: Mapping[str, Gateway], figures: Figures, *, come: bool) -> None:
    until = time.monotonic() + IDLE
    with ThreadPoolExecutor() as pool:
        came = {variant: pool.submit(pings, serving.port, until) for variant, serving in both.items()}
        while come and time.monotonic() < until:
            for serving in both.values():
                visit(serving.port)
            time.sleep(IDLE / COMERS)
    for variant, each in came.items():
        lags = _lags(each.result())
        figures.add(f"{when}: timer late, median, ms", variant, statistics.median(lags), told="no endless blocking")
        figures.add(f"{when}: timer late, longest, ms", variant, max(lags), told="no endless blocking")


def _lags(came: Sequence[float]) -> list[float]:
    """By how much each ping came later than a period after the one before, ms: each is timed anew from the last."""
    return [(later - sooner - PERIOD) * 1000 for sooner, later in pairwise(came)]


def _outages(
    serving: Gateway, upstream: Upstream, variant: str, figures: Figures, ends: dict[str, Counter[str]]
) -> None:
    for mode, seconds in ((ERRORS, SHORT), (HANGS, SHORT), (ERRORS, LONG)):
        visits = _come_during(serving, upstream, mode, seconds)
        lost = sum(each.ended != "welcome" for each in visits)
        what = f"{mode} for {seconds:g} s"
        figures.add(f"{what}: of {len(visits)} never in", variant, lost, told="80 % fewer")
        took = [each.seconds for each in visits]
        if mode == HANGS:
            figures.add(f"{what}: until in, or {PATIENCE:g} s, s", variant, *took, told="60 % faster")
        if seconds == LONG:
            figures.add(f"{what}: until a client knows, s", variant, *took)
        ends.setdefault(f"{variant}, {what}", Counter()).update(each.ended for each in visits)


def _come_during(serving: Gateway, upstream: Upstream, mode: str, seconds: float) -> list[Visit]:
    """All of them come in the first `SHORT` of it, each alone."""
    upstream.mode = mode
    back = threading.Timer(seconds, setattr, (upstream, "mode", ANSWERS))
    back.start()
    with ThreadPoolExecutor(COMERS_TO_AN_OUTAGE) as pool:
        coming = []
        for _ in range(COMERS_TO_AN_OUTAGE):
            coming.append(pool.submit(visit, serving.port))
            time.sleep(SHORT / 2 / COMERS_TO_AN_OUTAGE)
        visits = [each.result() for each in coming]
    back.join()
    return visits


def _told(serving: Gateway, variant: str, figures: Figures) -> None:
    claim = serving.statistics()["accept_breaker"]
    assert isinstance(claim, dict)
    figures.add("breaker's own time a client, us (claim)", variant, claim["overhead_us"], told="under 1 ms")
    data = int(serving.status("VmData").split()[0]) / 1024
    figures.add("data that the memory limit counts, MB", variant, data, told="2 to 4 GiB")


def _pairs(figures: Figures) -> None:
    """Two fixed gateways that differ in one variable; what is in the column of before is that variable's old value."""
    with (
        Upstream() as upstream,
        gateway(AFTER, upstream.url, {"WEBSOCKET_BREAKER_THRESHOLD": "999"}) as off,
        gateway(AFTER, upstream.url) as on,
    ):
        for _ in range(PAIRS):
            for variant, serving in ((BEFORE, off), (AFTER, on)):
                took = visit(serving.port).seconds * 1000
                figures.add(
                    f"threshold 999 against 3: establishment, {PAIRS}, ms", variant, took, told="under 1 ms more"
                )
    with (
        Upstream() as upstream,
        gateway(AFTER, upstream.url, {"GATEWAY_CORES": "1"}) as one,
        gateway(AFTER, upstream.url, {"GATEWAY_CORES": "2"}) as two,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        for _ in range(PAIRS // AT_ONCE):
            for variant, serving in ((BEFORE, one), (AFTER, two)):
                visits = list(pool.map(visit, [serving.port] * AT_ONCE))
                took = max(each.seconds for each in visits) * 1000
                figures.add(f"1 core against 2: the last of {AT_ONCE} at once, ms", variant, took, told="2 to 4 cores")


def _inside(figures: Figures) -> None:
    told = {"longest sleep": "at most 1 s", "timer late": "-", "client read": "-", "call left": "no endless blocking"}
    for _ in range(ROUNDS):
        for variant, cap in ((BEFORE, None), (AFTER, 1.0)):
            for what, seconds in bare_loop(cap).items():
                figures.add(f"bare loop, cap 1 s: {what}, ms", variant, seconds * 1000, told=told[what])
    for variant in (BEFORE, AFTER):
        environment = {**environment_of(AFTER), **environment_of(variant)}
        size = manager_bytes(environment) / 1000
        figures.add(f"time-out manager at work, each of {MANAGERS}, kB", variant, size, told="under 1 MB")


def _kept_waiting(upstream: str, changes: Mapping[str, str]) -> Visit:
    """A client of before.toml whose session never comes."""
    with gateway(BEFORE, upstream, changes) as serving:
        return visit(serving.port, patience=KNOWN_WITHIN)


def _known(kept: Sequence[Future[Visit]], upstream: str, figures: Figures, ends: dict[str, Counter[str]]) -> None:
    with gateway(AFTER, upstream) as serving:
        visits = [visit(serving.port) for _ in range(6)]
    closed, opened = visits[:3], visits[3:]
    before, shorter = (each.result() for each in kept)
    what = "stalls for good: until a client knows"
    figures.add(f"{what}, s", BEFORE, before.seconds, told="60 % faster")
    figures.add(f"{what}, s", AFTER, *(each.seconds for each in closed))
    figures.add(f"{what}, circuit open, s", BEFORE, before.seconds, told="60 % faster")
    figures.add(f"{what}, circuit open, s", AFTER, *(each.seconds for each in opened))
    figures.add(f"{what}, time-out alone, s", BEFORE, before.seconds, told="900 s to 360 s")
    figures.add(f"{what}, time-out alone, s", AFTER, shorter.seconds)
    ends["before, stalls for good"] = Counter([before.ended])
    ends["after, stalls for good"] = Counter(each.ended for each in visits)


if __name__ == "__main__":
    sys.exit(main())
