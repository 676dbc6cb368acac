"""What the server is told by its environment. A value that cannot be used stops the start.

The start command reads all of it before gunicorn is there; gunicorn's configuration and the application read the same.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

COMMANDS = ("before", "control", "after", "unattended")
WORKER_CLASSES = ("eventlet", "serving.worker.Worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Durations in seconds."""

    command: str
    """Which of the commands starts gunicorn: those of start.py."""
    queue: str
    """The message queue between the workers: `none`, or `redis`, which is started beside gunicorn."""
    queue_back_after: float
    """How long after its death Redis is started again."""
    worker_class: str
    """gunicorn's own eventlet worker, or ours; the commands `before` and `control` name their own."""
    max_requests: int
    max_requests_jitter: int
    graceful_timeout: int
    ping_interval: float
    ping_timeout: float
    connection_rate: float
    """New connections a second of one client address, to all workers together."""
    workers_expected: int
    """Told by the start command, which knows its gunicorn."""
    redis_url: str
    """Told by the start command, which knows its Redis; empty: each worker is by itself."""


def read_settings() -> Settings:
    """The settings of this process; a default is the owners' figure where they have one. Raises ValueError that names
    the variable, what it is, and what may be there instead."""
    return Settings(
        command=_read("GUNICORN_COMMAND", "before", _one_of(*COMMANDS)),
        queue=_read("MESSAGE_QUEUE", "none", _one_of("none", "redis")),
        queue_back_after=_read("QUEUE_BACK_AFTER", "1", _seconds),
        worker_class=_read("WORKER_CLASS", "eventlet", _one_of(*WORKER_CLASSES)),
        max_requests=_read("MAX_REQUESTS", "10000", _count),
        max_requests_jitter=_read("MAX_REQUESTS_JITTER", "1000", _count),
        graceful_timeout=_read("GRACEFUL_TIMEOUT", "30", _count),
        ping_interval=_read("PING_INTERVAL", "25", _told_seconds),
        ping_timeout=_read("PING_TIMEOUT", "60", _seconds),
        connection_rate=_read("CONNECTION_RATE", "1000", _seconds),
        workers_expected=_read("WORKERS_EXPECTED", "1", _count),
        redis_url=_read("REDIS_URL", "", str),
    )


def _read(variable: str, default: str, parse: Callable[[str], T]) -> T:
    text = os.environ.get(variable, default)
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{variable} is {text!r}: {error}; without it, it is {default}") from None


def _seconds(text: str) -> float:
    value = _number(text)
    if not 0 < value < math.inf:
        raise ValueError("a number above 0 is needed")
    return value


def _told_seconds(text: str) -> float:
    """Engine.IO tells its clients whole seconds, and less than one as none."""
    value = _number(text)
    if not 1 <= value < math.inf:
        raise ValueError("a number from 1 up is needed")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise ValueError("a whole number from 1 up is needed")
    return int(text)


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)} is needed")
        return text

    return parse
