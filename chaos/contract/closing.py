"""How ends are told: of connections, and the server's own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chaos.contract.values import Duration, Family

__all__ = ["Closing"]


class Closing(Family):
    """Endings are announced and bounded."""

    shutdown_code: Annotated[int, Field(ge=1000, le=4999, description="Close code at shutdown.")] = 1001
    shutdown_within: Annotated[Duration | None, Field(description="From SIGTERM to the end of the process.")] = None
    data_first: Annotated[
        Literal[True] | None,
        Field(
            description="What the server has accepted from a client, and what it has broadcast, is answered and sent "
            "before its close frame: at shutdown, and where the client closes."
        ),
    ] = None
    close_timeout: Annotated[
        Duration | None,
        Field(
            description="From a close frame, the server's own or its answer, to the connection's release, where the "
            "client does not do its part."
        ),
    ] = None
    close_answer_within: Annotated[
        Duration | None,
        Field(description="A client that answers the server's close frame within this is waited for."),
    ] = None
