"""The breaker incident's detection of clouds, settings, breaker, phases and selector: what no client can see."""

from __future__ import annotations

import asyncio
import selectors
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gateway.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from gateway.cloud import MARKERS
from gateway.door import Door
from gateway.limits import apply_limits
from gateway.phases import PhaseFailed, TimeoutManager
from gateway.selector import CappedSelector, new_loop
from gateway.sessions import SessionFailed
from gateway.settings import Settings, read_settings
from starlette.websockets import WebSocket

FOLDER = Path(__file__).resolve().parents[3] / "targets/incidents/breaker"
NO_PROTOCOL = "websocket_accept_no_protocol"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("marker", MARKERS)
def test_each_marker_makes_a_cloud_but_never_under_development(marker: str) -> None:
    there = read_settings({marker: "x"})
    assert (there.profile, there.on_cloud, there.selector_cap, there.connection_timeout) == ("production", True, 1, 360)
    here = read_settings({marker: "x", "ENVIRONMENT": "development"})
    assert (here.profile, here.on_cloud, here.selector_cap, here.connection_timeout) == (
        "development",
        False,
        None,
        900,
    )
    assert not read_settings({marker: ""}).on_cloud


@pytest.mark.parametrize(
    ("profile", "cloud", "threshold", "recovery", "gibibytes", "cores"),
    [("development", False, 50, 5, 2, 2), ("staging", True, 3, 15, 4, 4), ("production", True, 5, 60, 8, 8)],
)
def test_profiles(profile: str, cloud: bool, threshold: int, recovery: float, gibibytes: int, cores: int) -> None:
    settings = read_settings({"ENVIRONMENT": profile})
    assert (settings.on_cloud, settings.failure_threshold, settings.recovery_timeout) == (cloud, threshold, recovery)
    assert (settings.memory, settings.cores) == (gibibytes << 30, cores)


def test_time_outs_of_the_handshake_and_of_the_close_are_the_owners() -> None:
    settings = read_settings({"ENVIRONMENT": "staging"})
    assert (settings.handshake_timeout, settings.close_timeout) == (15, 10)
    assert read_settings({"WEBSOCKET_HANDSHAKE_TIMEOUT": "off"}).handshake_timeout is None


def test_without_a_word_it_is_development() -> None:
    assert read_settings({}).profile == "development"


TAKEN_BACK: Mapping[str, tuple[str, str, object]] = {
    "WEBSOCKET_BREAKER_THRESHOLD": ("failure_threshold", "999", None),
    "WEBSOCKET_TURN_AWAY": ("turn_away", "raise", "raise"),
    "WEBSOCKET_CONNECT_PHASES": ("phases", "off", None),
    "WEBSOCKET_CONNECT_TIMEOUT": ("connect_timeout", "off", None),
    "WEBSOCKET_CONNECTION_TIMEOUT": ("connection_timeout", "900", 900.0),
    "WEBSOCKET_SELECTOR_CAP": ("selector_cap", "off", None),
    "GATEWAY_MEMORY": ("memory", "2147483648", 2 << 30),
    "GATEWAY_CORES": ("cores", "2", 2),
}


@pytest.mark.parametrize("variable", TAKEN_BACK)
def test_each_change_is_taken_back_by_its_variable_and_changes_nothing_else(variable: str) -> None:
    field, text, value = TAKEN_BACK[variable]
    fixed = read_settings({"ENVIRONMENT": "staging"})
    assert getattr(fixed, field) != value
    assert read_settings({"ENVIRONMENT": "staging", variable: text}) == replace(fixed, **{field: value})  # type: ignore[arg-type]


def test_before_takes_back_all_of_them() -> None:
    before = tomllib.loads((FOLDER / "before.toml").read_text(encoding="utf-8"))
    assert before["start"]["environment"].keys() == TAKEN_BACK.keys()


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("ENVIRONMENT", "stagin"),
        ("WEBSOCKET_BREAKER_THRESHOLD", "0"),
        ("WEBSOCKET_CONNECT_PHASES", ""),
        ("WEBSOCKET_SELECTOR_CAP", "nan"),
        ("WEBSOCKET_HANDSHAKE_TIMEOUT", "0"),
        ("WEBSOCKET_CLOSE_TIMEOUT", "off"),
        ("WEBSOCKET_TURN_AWAY", "politely"),
    ],
)
def test_what_cannot_be_used_is_named(variable: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{variable} is '{text}': "):
        read_settings({variable: text})


def fails(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        permit = breaker.acquire()
        assert permit is not None
        breaker.failure(permit, NO_PROTOCOL)


def test_the_breaker_opens_at_its_threshold_and_one_trial_closes_it() -> None:
    clock = Clock()
    breaker = Breaker(threshold=3, recovery_timeout=15.0, monotonic=clock)
    fails(breaker, 2)
    assert breaker.state == CLOSED
    fails(breaker, 1)
    assert (breaker.state, breaker.acquire()) == (OPEN, None)
    clock.now += 15.0
    trial = breaker.acquire()
    assert trial is not None
    assert (breaker.state, breaker.acquire()) == (HALF_OPEN, None)
    breaker.success(trial)
    assert breaker.get_statistics() == {
        "state": CLOSED,
        "failures": {NO_PROTOCOL: 3},
        "failures_in_a_row": 0,
        "successes": 1,
        "rejected": 2,
        "opened": 1,
    }


def test_a_trial_that_says_nothing_is_due_to_the_next_client() -> None:
    clock = Clock()
    breaker = Breaker(threshold=1, recovery_timeout=15.0, monotonic=clock)
    fails(breaker, 1)
    clock.now += 15.0
    trial = breaker.acquire()
    assert trial is not None
    breaker.cancel(trial)
    assert breaker.acquire() is not None
    assert breaker.get_statistics()["opened"] == 1


@pytest.mark.parametrize(("text", "threshold"), [("998", 998), ("999", None), ("1000", None)])
def test_from_999_up_it_never_opens(text: str, threshold: int | None) -> None:
    settings = read_settings({"WEBSOCKET_BREAKER_THRESHOLD": text})
    assert settings.failure_threshold == threshold
    breaker = Breaker(threshold=settings.failure_threshold, recovery_timeout=15.0)
    fails(breaker, 998 if threshold else 1000)
    assert breaker.state == (OPEN if threshold else CLOSED)
    assert breaker.get_statistics()["failures_in_a_row"] == (998 if threshold else 1000)


def fast(**changes: object) -> Settings:
    settings = read_settings({"ENVIRONMENT": "staging", "WEBSOCKET_RETRY_BACKOFF": "0.0001"})
    return replace(settings, phases=(0.005, 0.004, 0.003), **changes)  # type: ignore[arg-type]


async def hang() -> None:
    await asyncio.Event().wait()


async def test_a_failure_names_its_phase() -> None:
    with pytest.raises(PhaseFailed, match=r"^phase 3 of 3: no answer within 0\.003 s$"):
        await TimeoutManager(fast()).run(hang)
    with pytest.raises(PhaseFailed, match=r"^phase 1 of 3: the 0\.001 s for all phases are over$"):
        await TimeoutManager(fast(connect_timeout=0.001)).run(hang)
    with pytest.raises(PhaseFailed, match=r"^recovery delay after phase 1: the 0\.05 s for all phases are over$"):
        await TimeoutManager(fast(connect_timeout=0.05, backoff=60.0, backoff_cap=60.0)).run(hang)


async def test_what_succeeds_in_a_later_phase_has_succeeded() -> None:
    tries = []

    async def third() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise SessionFailed("not yet")
        return "here"

    assert await TimeoutManager(fast()).run(third) == "here"


async def turned_away(door: Door, offered: list[str]) -> list[Any]:
    """What a client that does not get in is sent."""
    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "headers": [],
        "subprotocols": offered,
        "extensions": {"websocket.http.response": {}},
    }
    assert not await door.establish(WebSocket(scope, receive, send))  # type: ignore[arg-type]  # a stand-in
    return sent


@pytest.mark.parametrize(("offered", "kind"), [([], NO_PROTOCOL), (["chat"], "websocket_accept_with_protocol")])
async def test_failures_are_counted_by_what_the_client_offered(offered: list[str], kind: str) -> None:
    door = Door(fast(upstream="http://127.0.0.1:9"))
    sent = await turned_away(door, offered)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == 1011
    assert sent[1]["reason"].startswith("phase 3 of 3: ")
    assert door.get_statistics()["failures"] == {kind: 1}


async def test_who_is_turned_away_is_counted_with_the_time_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(float(second) for second in range(100))
    monkeypatch.setattr("gateway.door.time.perf_counter", lambda: next(clock))
    door = Door(fast(upstream="http://127.0.0.1:9", failure_threshold=1))
    await turned_away(door, [])
    assert door.get_statistics()["overhead_us"] == 2e6, "one client, a second to ask and one to tell how it ended"
    await turned_away(door, [])
    assert door.get_statistics()["rejected"] == 1
    assert door.get_statistics()["overhead_us"] == 1.5e6, "two clients, and the second had nothing to tell"


async def test_closing_before_accepting_is_all_that_was_told() -> None:
    door = Door(fast(upstream="http://127.0.0.1:9", turn_away="close"))
    assert [message["type"] for message in await turned_away(door, [])] == ["websocket.close"]


async def test_503_is_for_the_open_circuit_alone() -> None:
    door = Door(fast(upstream="http://127.0.0.1:9", turn_away="http-503", failure_threshold=1))
    assert (await turned_away(door, []))[1]["code"] == 1011
    assert (await turned_away(door, []))[0]["status"] == 503


def test_the_owners_phases_do_not_fit_into_their_operation_timeout() -> None:
    settings = read_settings({"ENVIRONMENT": "staging"})
    assert settings.phases is not None
    assert settings.connect_timeout is not None
    delays = [min(settings.backoff * 2**number, settings.backoff_cap) for number in range(len(settings.phases) - 1)]
    until_the_fourth = sum(settings.phases[:3]) + sum(delays[:3])
    assert until_the_fourth == settings.connect_timeout == 10.0


def test_a_capped_selector_never_sleeps_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []
    monkeypatch.setattr(selectors.DefaultSelector, "select", lambda self, timeout=None: asked.append(timeout) or [])
    with CappedSelector(1.0) as selector:
        for timeout in (None, 60.0, 0.2, 0):
            selector.select(timeout)
    assert asked == [1.0, 1.0, 0.2, 0]


def test_without_a_cap_the_loop_is_the_original_one() -> None:
    loop = new_loop(None)
    try:
        assert type(loop._selector) is selectors.DefaultSelector  # type: ignore[attr-defined]
    finally:
        loop.close()


def test_a_limit_that_cannot_be_had_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("not here")

    monkeypatch.setattr("gateway.limits.resource.setrlimit", refuse)
    monkeypatch.setattr("gateway.limits.os.sched_setaffinity", refuse)
    told = apply_limits(read_settings({"ENVIRONMENT": "staging"}))
    assert told == {"memory": "not applied: not here", "cores": "not applied: not here"}
