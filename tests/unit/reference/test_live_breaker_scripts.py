"""Any script of an upstream's moods against a live server: the trace is legal for the library's breaker model.

One server for all scripts; what state the last one left it in does not matter, because the model begins with every
state. The script alone says what is done and when: nothing that is observed steers it. The trace is judged afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chaos.expectations.breaker_model import Limits, Word, follow
from chaos.expectations.record import Uncertainty
from chaos.journal import Call, Hit, Source
from tests.examples import examples

from .raw_client import RawClient
from .running import RunningServer, StartServer, started
from .upstreams import MoodyUpstream

RECOVERY = 0.3
"""Seconds. Short, so that a script of some steps goes through every state in a second or two."""
PACE = RECOVERY / 15
"""Seconds between two calls that are answered at once."""
UPSTREAM_TIMEOUT = 0.2
UNHURRIED = 5 * RECOVERY
"""Seconds. So long that what a defect does to it is more than this process, or the server, may be late by."""
SETTINGS = {
    "BREAKER_FAILURE_THRESHOLD": "3",
    "UPSTREAM_TIMEOUT": str(UPSTREAM_TIMEOUT),
    # Nobody of this test answers pings, and a pause may be long.
    "WEBSOCKET_HEARTBEAT_INTERVAL": "3600",
    "WEBSOCKET_IDLE_TIMEOUT_SECONDS": "0",
    "WEBSOCKET_MESSAGE_RATE": "0",
}


def recovering_in(seconds: float) -> dict[str, str]:
    """Settings of a breaker that stays open for so long."""
    return {"BREAKER_RECOVERY_TIMEOUT": str(seconds), "BREAKER_MAX_RECOVERY_TIMEOUT": str(4 * seconds)}


Step = tuple[str, int, float]
"""The upstream's mood, calls made in it, and the pause before them in recovery timeouts."""

STEPS = st.tuples(
    st.sampled_from(["ok", "ok", "error", "error", "hang", "drop", "slow"]),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.0, 0.5, 1.1, 2.2]),
)


@pytest.fixture(scope="module")
def moody() -> Iterator[MoodyUpstream]:
    upstream = MoodyUpstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def patient_server(moody: MoodyUpstream) -> Iterator[RunningServer]:
    server = started(profile="fast", environment={**SETTINGS, **recovering_in(RECOVERY), "UPSTREAM_URL": moody.url})
    yield server
    server.kill()


def wait(seconds: float) -> float:
    """Let time pass, as the script says; by how much this process came late out of it."""
    due = time.monotonic() + seconds
    time.sleep(seconds)
    return time.monotonic() - due


@dataclass(frozen=True, slots=True)
class LateBy:
    """Both the upstream, which is a thread of this process, and the server may be as late as this process was."""

    seconds: float

    def stamped_late(self, sent: float, stamped: float) -> Uncertainty:
        return Uncertainty(self.seconds)

    def undone(self, due: float, seen: float) -> Uncertainty:
        return Uncertainty(self.seconds)


def illegal(server: RunningServer, upstream: MoodyUpstream, script: list[Step], *, recovery: float = RECOVERY) -> str:
    """What the model says of the trace of a script, of a breaker that stays open for so many seconds."""
    limits = Limits(
        failure_threshold=3,
        recovery_timeout=recovery,
        success_threshold=2,
        call_timeout=UPSTREAM_TIMEOUT,
        backoff=2.0,
        longest_timeout=4 * recovery,
    )
    calls: list[Call] = []
    readings: list[Word] = []
    late = 0.0
    upstream.arrivals.clear()
    client = RawClient(server.url("/data"))
    try:
        for mood, count, pause in script:
            upstream.mood = mood
            late = max(late, wait(pause * recovery))
            for _ in range(count):
                late = max(late, wait(PACE))
                began = time.monotonic()
                answer = client.ask("get")
                calls.append(Call(at=time.monotonic(), began=began, source=Source(answer.get("source", "unavailable"))))
            asked = time.monotonic()
            state = server.stat("/breakers/upstream/state")
            now = time.monotonic()
            readings.append(Word(at=now, took=now - asked, state=state))
    finally:
        client.socket.close()
    hits = [Hit(at=at, path="/data", status=status) for at, status in upstream.arrivals]
    return follow(limits, calls=calls, hits=hits, readings=readings, ours=LateBy(late))


@settings(
    # 1.4 s each, of 300 on two cores under a load of 2 to 7: ten minutes of a night.
    max_examples=examples(0.1, thorough=420),
    # A live server is asked again for each smaller script, for minutes: the first one found will do.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(script=st.lists(STEPS, min_size=1, max_size=5))
def test_any_script_leaves_a_legal_trace(
    patient_server: RunningServer, moody: MoodyUpstream, script: list[Step]
) -> None:
    assert illegal(patient_server, moody, script) == ""


ROUND: list[Step] = [("ok", 3, 0.0), ("error", 5, 0.0), ("error", 1, 0.65), ("ok", 4, 1.5)]
"""Closed, open, a call amid the open time, after six tenths of it and well before its end, and closed again at last."""


@pytest.mark.parametrize(
    ("defect", "sentence"),
    [
        ("", ""),
        ("breaker_opens_late", "before a trial was due"),
        ("breaker_tries_too_early", "before a trial was due"),
        ("breaker_never_half_opens", "after a trial was due"),
        ("breaker_calls_while_open", "reached the upstream"),
    ],
)
def test_a_defect_leaves_an_illegal_one(
    start_server: StartServer, moody: MoodyUpstream, defect: str, sentence: str
) -> None:
    environment = {"DEFECT": defect} if defect else {}
    server = start_server("fast", **SETTINGS, **recovering_in(UNHURRIED), UPSTREAM_URL=moody.url, **environment)
    said = illegal(server, moody, ROUND, recovery=UNHURRIED)
    assert sentence in said
    assert bool(said) == bool(defect), said
