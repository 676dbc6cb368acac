"""What a server still does when it runs short of something."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family, Ratio, Size

__all__ = ["Pressure"]


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
