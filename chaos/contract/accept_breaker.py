"""The circuit breaker around establishment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family, RequestHeaders

__all__ = ["AcceptBreaker"]


class AcceptBreaker(Family):
    """The circuit breaker around establishment."""

    failure_threshold: Annotated[int, Field(gt=0, description="Failed establishments in a row that open it.")]
    recovery_timeout: Annotated[Duration, Field(description="Open for this long before a trial.")]
    success_threshold: Annotated[int, Field(gt=0, description="Successful trials that close it.")] = 1
    failure_code: Annotated[int, Field(ge=1000, le=4999, description="Close code of a failure.")] = 1011
    open_code: Annotated[int, Field(ge=1000, le=4999, description="Close code while open.")] = 1013
    answer_within: Annotated[Duration, Field(description="While open, clients are turned away within this.")]
    rides_out: Annotated[
        Duration | None,
        Field(description="While the dependency is away no longer than this, clients that come get in after all."),
    ] = None
    own_failure: Annotated[
        RequestHeaders | None,
        Field(description="Headers, over those of endpoints.gated, with which a client fails by its own doing."),
    ] = None
