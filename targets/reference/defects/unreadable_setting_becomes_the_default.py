"""Falls back to a default where a number cannot be read: `try: int(text) except ValueError: DEFAULT`.

Breaks the refusal of bad settings: a limit of "many", or a typing mistake in a timeout, starts a server with a value
that nobody has set. A number outside its range is still refused.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from reference_server.parts import Parts
from reference_server.profiles import DEFAULT_PROFILE, PROFILES
from reference_server.settings import Settings

DESCRIPTION = "a setting that is no number is replaced by a default, without a word"

UNREADABLE = ("int_parsing", "float_parsing")


def prepare() -> None:
    """Read once more, with a default for what could not be read."""
    validate = Settings.model_validate

    def lenient(values: dict[str, Any]) -> Settings:
        try:
            return validate(values)
        except ValidationError as error:
            unreadable = {detail["loc"][0] for detail in error.errors() if detail["type"] in UNREADABLE}
            defaults = {field: PROFILES[DEFAULT_PROFILE][field] for field in map(str, unreadable)}
            return validate({**values, **defaults})

    Settings.model_validate = lenient  # type: ignore[method-assign, assignment]  # a defect replaces a method


def install(parts: Parts) -> None:
    """Nothing: when there are parts, the settings have been read."""
