"""How those beyond the limit are turned away."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family, Ratio

__all__ = ["Rejection", "RejectionAnswer"]


class RejectionAnswer(StrEnum):
    """How a client beyond the limit is turned away."""

    HTTP_503 = "http-503"
    """HTTP 503 in place of the 101."""
    CLOSE_1013 = "close-1013"
    """Upgraded, then closed with 1013 (try again later)."""

    @property
    def in_words(self) -> str:
        """As a finding says it: `HTTP 503`, `close code 1013`."""
        return "HTTP 503" if self is RejectionAnswer.HTTP_503 else "close code 1013"


class Rejection(Family):
    """Beyond the limit clients are turned away, and those inside notice nothing."""

    max_connections: Annotated[int, Field(gt=0, description="How many connections the server holds at once.")]
    answer: Annotated[RejectionAnswer, Field(description="How the next one is turned away.")]
    within: Annotated[Duration, Field(description="From connect() to the refusal, at most.")]
    retry_after: Annotated[bool, Field(description="Whether the 503 carries Retry-After.")] = False
    warning_threshold: Annotated[
        Ratio | None, Field(description="Share of the limit from which clients are warned.")
    ] = None
