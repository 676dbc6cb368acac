"""What the gateway is told by its environment: a profile, and over it each value by itself.

Every change of the fix has a variable of its own, so that each is taken back by the environment alone; `off` switches
an optional one off. A value that cannot be used stops the start.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from gateway.cloud import DEVELOPMENT, PRODUCTION, STAGING, on_cloud, profile_of

T = TypeVar("T")

SWITCHED_OFF = 999
"""The failure threshold from which the breaker is off, as its owners had it."""
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    DEVELOPMENT: {"threshold": "50", "recovery": "5", "memory": "2147483648", "cores": "2"},
    STAGING: {"threshold": "3", "recovery": "15", "memory": "4294967296", "cores": "4"},
    PRODUCTION: {"threshold": "5", "recovery": "60", "memory": "8589934592", "cores": "8"},
}
"""By profile. Staging's and production's breaker are the owners'; "permissive", "short", "more", "less" are read so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Durations in seconds. None: switched off."""

    profile: str
    on_cloud: bool
    upstream: str
    tokens: frozenset[str]
    """Who may come in; empty: everybody."""
    failure_threshold: int | None
    recovery_timeout: float
    breaker_scope: str
    """`dependency`: one breaker for the session service, which all need; `request`: one for each client."""
    breaker_counts: str
    """`dependency`: what the session service failed at; `everything` that kept a client out, its own doing as well."""
    turn_away: str
    """How a client is turned away: `accept` and then close, `close` before it, `raise` and let uvicorn answer, or
    `http-503` while the breaker is open and `accept` otherwise."""
    phases: tuple[float, ...] | None
    """Each try to get a session, and how long it may take; None: one try, of any length."""
    backoff: float
    """Before the second try; twice as long before each later one."""
    backoff_cap: float
    connect_timeout: float | None
    """For all tries and the delays between them."""
    connection_timeout: float
    """For the establishment as a whole."""
    handshake_timeout: float | None
    """For the head of the first request, from when TCP is there; the owners' 15 s."""
    close_timeout: float
    """For the answer to a close frame; the owners' 10 s."""
    heartbeat_interval: float
    heartbeat_timeout: float
    selector_cap: float | None
    """The longest that the selector sleeps; None: the event loop is the original one."""
    memory: int | None
    """Bytes of data the process may hold."""
    cores: int | None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises ValueError that names the variable."""
    profile, cloud = profile_of(environment), on_cloud(environment)
    defaults = DEFAULTS[profile]

    def read(variable: str, default: str, parse: Callable[[str], T]) -> T:
        text = environment.get(variable, default)
        try:
            return parse(text)
        except ValueError as error:
            raise ValueError(f"{variable} is {text!r}: {error}") from None

    return Settings(
        profile=profile,
        on_cloud=cloud,
        upstream=read("UPSTREAM_URL", "", str),
        tokens=read("GATEWAY_TOKENS", "", lambda text: frozenset(text.split())),
        failure_threshold=read("WEBSOCKET_BREAKER_THRESHOLD", defaults["threshold"], _threshold),
        recovery_timeout=read("WEBSOCKET_BREAKER_RECOVERY", defaults["recovery"], _seconds),
        breaker_scope=read("WEBSOCKET_BREAKER_SCOPE", "dependency", _one_of("dependency", "request")),
        breaker_counts=read("WEBSOCKET_BREAKER_COUNTS", "dependency", _one_of("dependency", "everything")),
        turn_away=read("WEBSOCKET_TURN_AWAY", "accept", _one_of("accept", "close", "http-503", "raise")),
        phases=read("WEBSOCKET_CONNECT_PHASES", "3.0 2.0 1.5 1.0 0.8", _optional(_several_seconds)),
        backoff=read("WEBSOCKET_RETRY_BACKOFF", "0.5", _seconds),
        backoff_cap=read("WEBSOCKET_RETRY_BACKOFF_CAP", "30", _seconds),
        connect_timeout=read("WEBSOCKET_CONNECT_TIMEOUT", "10", _optional(_seconds)),
        connection_timeout=read("WEBSOCKET_CONNECTION_TIMEOUT", "360" if cloud else "900", _seconds),
        handshake_timeout=read("WEBSOCKET_HANDSHAKE_TIMEOUT", "15", _optional(_seconds)),
        close_timeout=read("WEBSOCKET_CLOSE_TIMEOUT", "10", _seconds),
        heartbeat_interval=read("WEBSOCKET_HEARTBEAT_INTERVAL", "15", _seconds),
        heartbeat_timeout=read("WEBSOCKET_HEARTBEAT_TIMEOUT", "45", _seconds),
        selector_cap=read("WEBSOCKET_SELECTOR_CAP", "1" if cloud else "off", _optional(_seconds)),
        memory=read("GATEWAY_MEMORY", defaults["memory"], _optional(_count)),
        cores=read("GATEWAY_CORES", defaults["cores"], _optional(_count)),
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value <= 0:
        raise ValueError("a number above 0 is needed")
    return value


def _several_seconds(text: str) -> tuple[float, ...]:
    values = tuple(_seconds(each) for each in text.split())
    if not values:
        raise ValueError("numbers above 0 are needed")
    return values


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("a whole number from 1 up is needed")
    return value


def _threshold(text: str) -> int | None:
    value = _count(text)
    return None if value >= SWITCHED_OFF else value


def _optional(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    return lambda text: None if text == "off" else parse(text)


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)} is needed")
        return text

    return parse
