"""What promises are made of: quantities with their units, and what all families have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from chaos.units import DURATION_UNITS, SIZE_UNITS, parse_duration, parse_size, quantity_pattern

__all__ = ["AlertName", "Duration", "Environment", "Family", "Ratio", "RequestHeaders", "Size"]

_DURATION_SCHEMA = {"type": "string", "format": "duration with unit", "pattern": quantity_pattern(DURATION_UNITS)}
_SIZE_SCHEMA = {"type": "string", "format": "size with unit", "pattern": quantity_pattern(SIZE_UNITS)}

Duration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0), WithJsonSchema(_DURATION_SCHEMA)]
"""Seconds, above zero; written as text with its unit."""
Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0), WithJsonSchema(_SIZE_SCHEMA)]
"""Bytes, above zero; written as text with its unit."""
Ratio = Annotated[float, Field(gt=0, le=1)]
AlertName = Annotated[str, Field(min_length=1, examples=["upstream_breaker_open"])]
"""A regular expression that fits the whole name of an alert, as `statistics.alerts` shows it."""
Environment = Annotated[dict[str, str], Field(min_length=1)]
"""Environment variables, over those of `start.environment`."""
RequestHeaders = Annotated[dict[str, str], Field(min_length=1)]
"""Headers of an upgrade request, over those of its endpoint; an empty value leaves one out."""


class Family(BaseModel):
    """A family of promises."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
