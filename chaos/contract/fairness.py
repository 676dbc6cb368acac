"""How others are served beside one who floods, and what becomes of that one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family

__all__ = ["Fairness", "FloodAnswer"]


class FloodAnswer(StrEnum):
    """What becomes of a client that floods."""

    SERVED = "served"
    """It stays, and is served like everybody, however slowly."""
    CLOSE_1008 = "close-1008"
    """It may be closed with 1008 (policy violation) once it has sent too much; until then it is served."""
    CLOSE_1013 = "close-1013"
    """It may be closed with 1013 (try again later) once it has sent too much; until then it is served."""

    @property
    def code(self) -> int | None:
        """The close code; None where it is not closed at all."""
        return None if self is FloodAnswer.SERVED else int(self.value.removeprefix("close-"))


class Fairness(Family):
    """One client's flood does not starve the others."""

    p99: Annotated[
        Duration | None,
        Field(description="99th percentile of the round trips of others while one client sends all it can."),
    ] = None
    flood_answer: Annotated[
        FloodAnswer | None, Field(description="What becomes of a client that sends all it can.")
    ] = None
    message_rate: Annotated[
        int | None,
        Field(ge=10, description="Messages a second, a tenth of them at once, that no client is cut for."),
    ] = None
