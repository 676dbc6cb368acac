"""What becomes of hostile input."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chaos.contract.values import Duration, Family, RequestHeaders, Size

__all__ = ["Survival"]


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
