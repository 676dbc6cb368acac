"""What the service is told by its environment: each setting is the variable of its name in capitals.

A value that cannot be used stops the start.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Durations in seconds, memory in megabytes."""

    websocket_resource_manager: str
    """`on`, as the fix has it, or `off`, as it was before: then nothing below is used."""
    websocket_max_connections: int
    websocket_idle_timeout_seconds: float
    websocket_idle_warning_seconds: float
    """How long before the idle timeout a client is warned."""
    websocket_heartbeat_interval_seconds: float
    websocket_heartbeat_timeout_seconds: float
    """For a pong. The owners name none, and without one nobody is ever dead: 90 s are ours."""
    websocket_cleanup_interval_seconds: float
    websocket_close_timeout_seconds: float
    """For a client to answer a close frame, before its connection is cut."""
    websocket_backpressure_threshold: float
    """Share of the connections from which on clients are warned."""
    websocket_memory_limit_per_connection_mb: float
    """Times the connections: all that they may take together. It is also the largest message."""
    websocket_memory_reserve_mb: float
    """What a container's limit must leave for those inside; with less nobody is let in."""
    websocket_memory_measured_by: str
    """`process`, by what it takes, or `count`, as the owners' figures come about: each counts as its full limit."""
    websocket_emergency_seconds: float
    """How long what an emergency has changed outlasts it."""

    @property
    def memory_limit(self) -> float:
        """Bytes for all connections together."""
        return self.websocket_memory_limit_per_connection_mb * self.websocket_max_connections * MEGABYTE


def read_settings() -> Settings:
    """The settings of this process. Raises ValueError that names the variable."""
    settings = Settings(
        websocket_resource_manager=_read("WEBSOCKET_RESOURCE_MANAGER", "on", _one_of("on", "off")),
        websocket_max_connections=_read("WEBSOCKET_MAX_CONNECTIONS", "100", _count),
        websocket_idle_timeout_seconds=_read("WEBSOCKET_IDLE_TIMEOUT_SECONDS", "300", _positive),
        websocket_idle_warning_seconds=_read("WEBSOCKET_IDLE_WARNING_SECONDS", "60", _positive),
        websocket_heartbeat_interval_seconds=_read("WEBSOCKET_HEARTBEAT_INTERVAL_SECONDS", "30", _positive),
        websocket_heartbeat_timeout_seconds=_read("WEBSOCKET_HEARTBEAT_TIMEOUT_SECONDS", "90", _positive),
        websocket_cleanup_interval_seconds=_read("WEBSOCKET_CLEANUP_INTERVAL_SECONDS", "60", _positive),
        websocket_close_timeout_seconds=_read("WEBSOCKET_CLOSE_TIMEOUT_SECONDS", "10", _positive),
        websocket_backpressure_threshold=_read("WEBSOCKET_BACKPRESSURE_THRESHOLD", "0.85", _share),
        websocket_memory_limit_per_connection_mb=_read("WEBSOCKET_MEMORY_LIMIT_PER_CONNECTION_MB", "5", _positive),
        websocket_memory_reserve_mb=_read("WEBSOCKET_MEMORY_RESERVE_MB", "50", _positive),
        websocket_memory_measured_by=_read("WEBSOCKET_MEMORY_MEASURED_BY", "process", _one_of("process", "count")),
        websocket_emergency_seconds=_read("WEBSOCKET_EMERGENCY_SECONDS", "60", _positive),
    )
    if settings.websocket_idle_warning_seconds >= settings.websocket_idle_timeout_seconds:
        raise ValueError(
            f"WEBSOCKET_IDLE_WARNING_SECONDS is {settings.websocket_idle_warning_seconds:g}: less than "
            f"WEBSOCKET_IDLE_TIMEOUT_SECONDS={settings.websocket_idle_timeout_seconds:g} is needed"
        )
    return settings


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


def _share(text: str) -> float:
    value = _positive(text)
    if value > 1:
        raise ValueError("a share of at most 1 is needed")
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
