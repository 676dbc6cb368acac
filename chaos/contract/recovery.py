"""How soon all is as before, once a fault has healed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family

__all__ = ["Recovery"]


class Recovery(Family):
    """Back to steady state after a fault has healed."""

    within: Annotated[
        Duration, Field(description="From healing to every client served as before, for no more of a core.")
    ]
    restart_within: Annotated[
        Duration | None,
        Field(
            description="From a new start of a server that was killed or told to end to every client served as before, "
            "so with what its process or container takes to start. Without it, `within`."
        ),
    ] = None
    worker_within: Annotated[
        Duration | None,
        Field(
            description="From the death of one of several workers, or its being told to end, to another serving in its "
            "place. A worker is a process that holds the server's listening socket, or connections that it was handed, "
            "and from which no other such process descends."
        ),
    ] = None
