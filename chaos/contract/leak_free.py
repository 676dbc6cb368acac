"""What may be kept of a connection that ended."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Family, Size

__all__ = ["LeakFree"]


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
