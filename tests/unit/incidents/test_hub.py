"""The hub's breaker, rate, gate and settings; its pumps are what the scenarios are about."""

from __future__ import annotations

import time
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import jwt
import pytest
from hub.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from hub.gate import refusal
from hub.rate import Rate
from hub.settings import Settings, read_settings
from websockets.datastructures import Headers
from websockets.http11 import Request

from chaos.target_file import load_target

HUB = Path(__file__).resolve().parents[3] / "targets/incidents/hub"
KEY = "a key for tests only, no secret of anybody"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(threshold=5, reset_timeout=2.0, monotonic=clock)
    for _ in range(5):
        permit = breaker.acquire()
        assert permit is not None
        breaker.failure(permit)
    return breaker


def test_five_failures_in_a_row_open_it_and_four_do_not() -> None:
    breaker = Breaker(threshold=5, reset_timeout=2.0, monotonic=Clock())
    for ended in [breaker.failure] * 4 + [breaker.success] + [breaker.failure] * 4:
        permit = breaker.acquire()
        assert permit is not None
        ended(permit)
    assert breaker.state == CLOSED
    permit = breaker.acquire()
    assert permit is not None
    breaker.failure(permit)
    assert (breaker.state, breaker.acquire()) == (OPEN, None)


def test_after_its_timeout_one_trial_passes_and_decides() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.999
    assert breaker.acquire() is None
    clock.now += 0.001
    trial = breaker.acquire()
    assert trial is not None
    assert (breaker.state, breaker.acquire()) == (HALF_OPEN, None)
    breaker.failure(trial)
    assert breaker.acquire() is None
    clock.now += 2.0
    trial = breaker.acquire()
    assert trial is not None
    breaker.success(trial)
    assert [state for state, _ in breaker.transitions] == [OPEN, HALF_OPEN, OPEN, HALF_OPEN, CLOSED]


def test_a_trial_that_was_given_up_is_due_to_the_next_caller() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 2.0
    trial = breaker.acquire()
    assert trial is not None
    breaker.cancel(trial)
    assert breaker.acquire() is not None


def test_what_comes_back_from_a_state_that_is_over_changes_nothing() -> None:
    clock = Clock()
    breaker = Breaker(threshold=1, reset_timeout=2.0, monotonic=clock)
    late, first = breaker.acquire(), breaker.acquire()
    assert late is not None
    assert first is not None
    breaker.failure(first)
    breaker.success(late)
    assert breaker.state == OPEN


def test_a_rate_allows_as_many_at_once_as_in_a_second() -> None:
    clock = Clock()
    rate = Rate(8, monotonic=clock)
    assert [rate.allows() for _ in range(9)] == [True] * 8 + [False]
    clock.now += 0.125
    assert [rate.allows() for _ in range(2)] == [True, False]
    clock.now += 60
    assert sum(rate.allows() for _ in range(20)) == 8


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HUB_JWT_SECRET", KEY)
    monkeypatch.setenv("HUB_ORIGINS", "https://app.example.test")
    return read_settings()


def request(**headers: str) -> Request:
    return Request("/ws", Headers(headers))


def token(**claims: object) -> str:
    return "Bearer " + jwt.encode({"exp": time.time() + 60, **claims}, KEY, algorithm="HS256")


def test_who_comes_in_and_who_does_not(settings: Settings) -> None:
    assert refusal(request(Authorization=token()), settings) is None
    assert refusal(request(Authorization=token(), Origin="https://app.example.test"), settings) is None
    assert refusal(request(), replace(settings, secret="", origins=frozenset())) is None
    expired = refusal(request(Authorization=token(exp=1)), settings)
    assert expired == (HTTPStatus.UNAUTHORIZED, "token missing, invalid or expired")
    foreign = refusal(request(Authorization=token(), Origin="https://app.example.test.elsewhere.test"), settings)
    assert foreign == (HTTPStatus.FORBIDDEN, "origin not allowed")


def test_each_that_the_target_file_has_refused_is_refused_for_itself_alone(settings: Settings) -> None:
    target = load_target(HUB / "after.toml")
    own = target.endpoints.echo.headers
    assert target.promises.survival is not None
    unauthorized = target.promises.survival.unauthorized
    assert unauthorized is not None
    assert refusal(request(**own), settings) is None
    for name, headers in unauthorized.items():
        asked = {key: value for key, value in {**own, **headers}.items() if value}
        assert refusal(request(**asked), settings) is not None, name


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HUB_PUMPS", "both", "HUB_PUMPS is 'both': one of raced, joined is needed"),
        ("HUB_PING_INTERVAL", "nan", "HUB_PING_INTERVAL is 'nan': a number above 0 is needed"),
        ("HUB_MESSAGE_RATE", "0", "HUB_MESSAGE_RATE is '0': a number above 0 is needed"),
        ("HUB_FAILURE_THRESHOLD", "0", "HUB_FAILURE_THRESHOLD is '0': a whole number from 1 up is needed"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match="is needed") as caught:
        read_settings()
    assert str(caught.value) == said
