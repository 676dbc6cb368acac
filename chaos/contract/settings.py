"""What can be set, and what is promised with it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Environment, Family

__all__ = ["SettingCount", "SettingDuration", "Settings"]


class SettingCount(Family):
    """A setting that changes a number, and the number that is promised with it."""

    environment: Environment
    promised: Annotated[int, Field(gt=0, description="What is promised with it.")]


class SettingDuration(Family):
    """A setting that changes a duration, and the duration that is promised with it."""

    environment: Environment
    promised: Annotated[Duration, Field(description="What is promised with it.")]


class Settings(Family):
    """A setting does what it says, and a bad one stops the start."""

    refused: Annotated[
        dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] | None,
        Field(
            min_length=1,
            description="Environment variables to values with which the server must not start. Clients that it does "
            "not let in are survival.unauthorized.",
        ),
    ] = None
    refused_within: Annotated[
        Duration | None,
        Field(
            description="From the start to its end with an exit code that is not 0 and a log that names the variable."
        ),
    ] = None
    max_connections: Annotated[
        SettingCount | None, Field(description="Another promises.rejection.max_connections.")
    ] = None
    idle_timeout: Annotated[SettingDuration | None, Field(description="Another promises.liveness.idle_timeout.")] = None
    max_requests: Annotated[
        SettingCount | None,
        Field(
            description="A number of requests, connections among them, after which a worker is replaced by another; "
            "promised is the most that one worker serves."
        ),
    ] = None
    accept_breaker_off: Annotated[
        Environment | None, Field(description="Environment variables that switch promises.accept_breaker off.")
    ] = None
