"""What those who are there may cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Family, Ratio, Size

__all__ = ["BoundedMemory"]


class BoundedMemory(Family):
    """What is held for those who are there is bounded, and given back when they have gone."""

    in_all: Annotated[
        Size | None, Field(description="Bytes of memory of all its processes, at most, with every place taken.")
    ] = None
    per_connection: Annotated[
        Size | None,
        Field(description="Mean bytes that a connection costs while it is there, compressed or not, at most."),
    ] = None
    per_slow_reader: Annotated[
        Size | None,
        Field(description="Mean bytes that a client costs which sends on and reads no answer, at most."),
    ] = None
    per_half_made: Annotated[
        Size | None, Field(description="Mean bytes that a request costs which is never complete, at most.")
    ] = None
    given_back: Annotated[
        Ratio | None,
        Field(description="Share of what a crowd has cost that the next crowd finds given back, at least."),
    ] = None
