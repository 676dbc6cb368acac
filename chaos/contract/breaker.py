"""The circuit breaker in front of the upstream."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family

__all__ = ["Breaker"]


class Breaker(Family):
    """The circuit breaker in front of the upstream."""

    failure_threshold: Annotated[int, Field(gt=0, description="Failures in a row that open it.")]
    recovery_timeout: Annotated[Duration, Field(description="Open for this long before a trial call.")]
    half_open_probes: Annotated[int, Field(gt=0, description="Trial calls at once while half-open.")] = 1
    success_threshold: Annotated[int, Field(gt=0, description="Successful trials that close it.")] = 1
    call_timeout: Annotated[Duration, Field(description="An upstream call that takes longer has failed.")]
    waits_for: Annotated[
        Duration | None,
        Field(
            description="An upstream call that is answered within this, less than call_timeout, is waited for and has "
            "succeeded."
        ),
    ] = None
    answer_within: Annotated[Duration, Field(description="While open, callers are answered within this.")]
    backoff: Annotated[
        float | None,
        Field(ge=1, le=100, description="Factor on the recovery timeout after each trial that failed; 1 for none."),
    ] = None
    longest_timeout: Annotated[
        Duration | None, Field(description="The recovery timeout grows by the back-off to this at most.")
    ] = None
    ignores: Annotated[
        int | None,
        Field(
            ge=400,
            le=499,
            description="An HTTP status of the upstream that is its caller's own mistake, and opens nothing.",
        ),
    ] = None
    failure_rate: Annotated[
        float | None,
        Field(gt=0, le=1, description="Share of failures among the calls in the window that opens it as well."),
    ] = None
    window: Annotated[Duration | None, Field(description="The failure rate is that of the calls in so long.")] = None
    minimum_calls: Annotated[
        int | None, Field(gt=0, description="Calls in the window before their failure rate counts.")
    ] = None
