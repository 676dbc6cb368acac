"""What the hub is told by its environment. A value that cannot be used stops the start."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Durations in seconds."""

    pumps: str
    """`raced`, as the incident had them, or `joined`, as its fix has them."""
    ping_interval: float
    pong_timeout: float
    handshake_timeout: float
    close_timeout: float
    upstream: str
    upstream_timeout: float
    failure_threshold: int
    reset_timeout: float
    message_limit: int
    message_rate: float
    """Messages a second of one client, as many at once; whoever sends more is closed with 1008."""
    secret: str
    """Signs the tokens; without one nobody needs a token."""
    origins: frozenset[str]
    """Pages that may connect; empty: all. Who names none is no browser, and may."""


def read_settings() -> Settings:
    """The settings of this process. Raises ValueError that names the variable."""
    return Settings(
        pumps=_read("HUB_PUMPS", "joined", _one_of("raced", "joined")),
        ping_interval=_read("HUB_PING_INTERVAL", "30", _positive),
        pong_timeout=_read("HUB_PONG_TIMEOUT", "10", _positive),
        handshake_timeout=_read("HUB_HANDSHAKE_TIMEOUT", "10", _positive),
        close_timeout=_read("HUB_CLOSE_TIMEOUT", "5", _positive),
        upstream=_read("UPSTREAM_URL", "", str),
        upstream_timeout=_read("HUB_UPSTREAM_TIMEOUT", "5", _positive),
        failure_threshold=_read("HUB_FAILURE_THRESHOLD", "5", _count),
        reset_timeout=_read("HUB_RESET_TIMEOUT", "300", _positive),
        message_limit=_read("HUB_MESSAGE_LIMIT", "1048576", _count),
        message_rate=_read("HUB_MESSAGE_RATE", "1000", _positive),
        secret=_read("HUB_JWT_SECRET", "", str),
        origins=_read("HUB_ORIGINS", "", lambda text: frozenset(text.split())),
    )


def _read(variable: str, default: str, parse: Callable[[str], T]) -> T:
    text = os.environ.get(variable, default)
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{variable} is {text!r}: {error}") from None


def _positive(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value <= 0:
        raise ValueError("a number above 0 is needed")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("a whole number from 1 up is needed")
    return value


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)} is needed")
        return text

    return parse
