"""How soon everybody is served when nothing is wrong."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family

__all__ = ["Latency"]


class Latency(Family):
    """Round trips of one exchange."""

    p99: Annotated[Duration, Field(description="99th percentile of the round trip when nothing is wrong.")]
