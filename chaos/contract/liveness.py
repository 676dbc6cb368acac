"""Who is there: heartbeat, idleness and age."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family

__all__ = ["Liveness"]


class Liveness(Family):
    """The server notices who is there."""

    heartbeat_interval: Annotated[Duration | None, Field(description="Between two pings of the server.")] = None
    heartbeat_timeout: Annotated[Duration | None, Field(description="From a ping to giving its peer up.")] = None
    idle_timeout: Annotated[
        Duration | None, Field(description="A client that sends no message for this long is closed.")
    ] = None
    idle_warning: Annotated[
        Duration | None, Field(description="How long before the idle close the client is warned.")
    ] = None
    idle_code: Annotated[
        int | None, Field(ge=1000, le=4999, description="Close code of an idle client; undeclared: any.")
    ] = None
    max_age: Annotated[Duration | None, Field(description="No connection gets older.")] = None
    age_code: Annotated[
        int | None, Field(ge=1000, le=4999, description="Close code at the maximum age; undeclared: any.")
    ] = None
