"""What an end costs: what is given back, what may be kept, and how the server's own end is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chaos.contract.values import Duration, Family, Size

__all__ = ["Cleanup", "Closing", "LeakFree"]


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


class LeakFree(Family):
    """Nothing is kept per connection that ended."""

    fds_per_connection: Annotated[float, Field(gt=0, description="Mean file descriptors kept, at most.")] = 0.01
    counted_per_connection: Annotated[
        float,
        Field(gt=0, description="Mean connections that have ended and that its own statistics still count, at most."),
    ] = 0.01
    tasks_per_connection: Annotated[
        float, Field(gt=0, description="Mean tasks kept, at most, by its own statistics where they tell.")
    ] = 0.01
    threads_per_connection: Annotated[float, Field(gt=0, description="Mean threads kept, at most.")] = 0.01
    sessions_per_connection: Annotated[
        float,
        Field(gt=0, description="Mean sessions kept to be resumed, at most, by its own statistics where they tell."),
    ] = 0.01
    memory_per_connection: Annotated[Size, Field(description="Mean bytes of memory kept, at most.")]
    memory_per_hour: Annotated[
        Size | None, Field(description="Bytes of memory kept in an hour under load, at most; judged by a soak.")
    ] = None


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
