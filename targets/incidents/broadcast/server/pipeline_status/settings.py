"""What the server is told by its environment. A value that cannot be used stops the start."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pipeline_status.mistakes import NAMES

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Durations in seconds."""

    handler: str
    """`waiting`, as the incident had it, or `broadcasting`, as its fix has it."""
    ageing: str
    """`meant`: who answers no ping is stale, and each connection has a timer for its age. `told`: who sends no text is
    stale, and a sweep closes those who are older. A handler that waits ages nobody."""
    mistakes: frozenset[str]
    """Of ours, for what the story did not break: `none`, or names of mistakes/ with commas between them."""
    database: str
    """`postgresql`, `sqlite`, or `auto`: the first where its programs are here, else the second."""
    pool_size: int
    pool_overflow: int
    pool_timeout: float
    max_connections: int
    broadcast_interval: float
    connection_timeout: float
    """How long the handler waits for a client's text, as it was and as told: then a client is stale. As meant, a
    client is stale that has answered no ping by then: where PING_TIMEOUT is not set, it is what the interval leaves."""
    max_age: float
    age_sweep: float
    ping_interval: float
    ping_timeout: float
    close_timeout: float


def read_settings() -> Settings:
    """The settings of this process. Raises ValueError that names the variable.

    The pool's defaults are SQLAlchemy's own, the ping interval and the close timeout uvicorn's; the others are the
    owners', in seconds.
    """
    interval = _read("PING_INTERVAL", "20", _seconds)
    stale_after = _read("CONNECTION_TIMEOUT", "60", _seconds)
    return Settings(
        handler=_read("STATUS_HANDLER", "broadcasting", _one_of("waiting", "broadcasting")),
        ageing=_read("STATUS_AGEING", "meant", _one_of("meant", "told")),
        mistakes=_read("STATUS_MISTAKES", "none", _some_of(*NAMES)),
        database=_read("STATUS_DATABASE", "auto", _one_of("auto", "postgresql", "sqlite")),
        pool_size=_read("POOL_SIZE", "5", _count),
        pool_overflow=_read("POOL_OVERFLOW", "10", _count),
        pool_timeout=_read("POOL_TIMEOUT", "30", _seconds),
        max_connections=_read("MAX_CONNECTIONS", "50", _count),
        broadcast_interval=_read("BROADCAST_INTERVAL", "5", _seconds),
        connection_timeout=stale_after,
        max_age=60 * _read("MAX_AGE_MINUTES", "30", _seconds),
        age_sweep=60 * _read("AGE_SWEEP_MINUTES", "30", _seconds),
        ping_interval=interval,
        ping_timeout=_read("PING_TIMEOUT", f"{stale_after - interval:g}", _seconds),
        close_timeout=_read("CLOSE_TIMEOUT", "10", _seconds),
    )


def _read(variable: str, default: str, parse: Callable[[str], T]) -> T:
    text = os.environ.get(variable, default)
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{variable} is {text!r}: {error}") from None


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)} is needed")
        return text

    return parse


def _some_of(*names: str) -> Callable[[str], frozenset[str]]:
    def parse(text: str) -> frozenset[str]:
        found = frozenset(text.split(",")) - {"none"}
        if found - set(names):
            raise ValueError(f"none is needed, or some of {', '.join(names)}")
        return found

    return parse


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError("a number above 0 is needed")
    return number


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("a whole number from 1 up is needed")
    return int(text)
