"""What a server bears: hostile input, shortage, and what those who are there cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family, Ratio, RequestHeaders, Size

__all__ = ["BoundedMemory", "Pressure", "Survival"]


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


class Survival(Family):
    """Hostile input is refused with the right answer, and hurts nobody else."""

    hostile_within: Annotated[
        Duration | None,
        Field(description="A connection that sent what the protocol forbids is refused or closed within this."),
    ] = None
    max_message_size: Annotated[
        Size | None, Field(description="The largest message that is taken; a larger one is closed with 1009.")
    ] = None
    header_timeout: Annotated[
        Duration | None, Field(description="A request that is not complete by then is ended.")
    ] = None
    unauthorized: Annotated[
        dict[str, RequestHeaders] | None,
        Field(
            min_length=1,
            description="Who has no right to come in, each by a name: headers over those of endpoints.echo, an empty "
            "one is left out; refused with 401 or 403 within hostile_within. Settings with which the server does not "
            "even start are settings.refused.",
            examples=[{"a foreign origin": {"Origin": "https://elsewhere.test"}}],
        ),
    ] = None
    unknown_path: Annotated[
        str | None,
        Field(
            pattern="^/",
            description="A path where there is no endpoint: an upgrade there is refused with a status of the 400s "
            "within hostile_within. No RFC asks for that, so where it is not declared a server may take every path.",
        ),
    ] = None


class Pressure(Family):
    """What a server still does when it runs short of something, and from which shortage on it promises nothing."""

    cpu_share: Annotated[
        Ratio | None,
        Field(description="Share of one core, for all of its processes together, on which it keeps what it promises."),
    ] = None
    cpu_delay: Annotated[
        Duration | None,
        Field(description="How much later than promised anything may come while it has no more CPU than that."),
    ] = None
    memory_spare: Annotated[
        Size | None,
        Field(
            ge=1 << 24,
            description="Memory beyond what it has, of all its processes together, that serving everybody it promises "
            "places for takes at most; 16MiB or more.",
        ),
    ] = None
    memory_reserve: Annotated[
        Size | None,
        Field(
            ge=1 << 25,
            description="With less memory left to it than this newcomers are turned away as beyond the limit: the rest "
            "is for those who are inside; 32MiB or more.",
        ),
    ] = None
