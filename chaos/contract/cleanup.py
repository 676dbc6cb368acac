"""What is given back when a connection ends."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family

__all__ = ["Cleanup"]


class Cleanup(Family):
    """What a connection held is given back."""

    sweep_interval: Annotated[
        Duration | None,
        Field(description="The period of the sweep, where dead peers are only removed by one."),
    ] = None
    farewell: Annotated[
        Duration | None,
        Field(
            description="From giving a dead peer up to letting its socket go, where the server says goodbye to the "
            "dead as well and waits for their answer: the close_timeout of the library websockets, 10 s by default."
        ),
    ] = None
    closed_within: Annotated[
        Duration | None,
        Field(description="From a FIN or RST that reached the server to everything released."),
    ] = None
    database_sessions: Annotated[
        int | None,
        Field(ge=0, description="Sessions on its database that are held at most while clients only listen."),
    ] = None
