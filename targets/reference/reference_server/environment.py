"""From environment variables to `Settings`, or to an error that names the variable, what was found and the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from pydantic import ValidationError

from reference_server.profiles import DEFAULT_PROFILE, PROFILES
from reference_server.settings import Settings

PREFIXES = ("WEBSOCKET_", "BREAKER_", "BROADCAST_", "RESUME_", "UPSTREAM_")
"""A variable that begins like this is meant for this server; one we do not know is a mistake."""

OTHER_NAMES = {"WEBSOCKET_CONNECTION_TIMEOUT": "websocket_max_age"}
"""What else a setting is called in services this server is modelled on."""

SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT\w*)$|_PORT(_\d+_(TCP|UDP)\w*)?$")
"""Variables an orchestrator adds for its own services, for instance WEBSOCKET_SERVICE_HOST: not ours."""


class BadSetting(Exception):
    """The environment cannot be used; the message has one line for each problem."""


def load_settings(environment: Mapping[str, str], *, profile: str | None = None) -> Settings:
    """Read the settings; `profile` outranks PROFILE, a variable outranks the profile's value.

    Raises BadSetting.
    """
    name = profile or environment.get("PROFILE") or DEFAULT_PROFILE
    if name not in PROFILES:
        raise BadSetting(_problem("PROFILE", found=name, allowed=", ".join(PROFILES), remedy=_nearest(name, PROFILES)))
    known = {field.upper(): field for field in Settings.model_fields} | OTHER_NAMES
    unknown = [
        _problem(
            variable,
            found=environment[variable],
            allowed="only the settings listed by --check",
            remedy=_nearest(variable, known),
        )
        for variable in sorted(environment)
        if variable.startswith(PREFIXES) and variable not in known and not SERVICE_LINK.search(variable)
    ]
    if unknown:
        raise BadSetting("\n".join(unknown))
    for variable, field in OTHER_NAMES.items():
        if variable in environment and field.upper() in environment:
            raise BadSetting(
                _problem(variable, found=environment[variable], allowed=f"only {field.upper()}", remedy="remove it")
            )
    given = {field: environment[variable] for variable, field in known.items() if variable in environment}
    try:
        return Settings.model_validate({**PROFILES[name], **given})
    except ValidationError as error:
        raise BadSetting("\n".join(_describe(error, profile=name))) from None


def _describe(error: ValidationError, *, profile: str) -> list[str]:
    lines = []
    for detail in error.errors():
        if not detail["loc"]:
            lines.append(f"settings contradict each other: {detail['msg'].removeprefix('Value error, ')}")
            continue
        field = str(detail["loc"][0])
        lines.append(
            _problem(
                field.upper(),
                found="(not shown)" if field == "websocket_jwt_secret" else detail["input"],
                allowed=Settings.model_fields[field].description or "",
                remedy=f"set it so, or leave it out for the {profile} profile's value"
                + ("" if field == "websocket_jwt_secret" else f" {PROFILES[profile][field]!r}"),
            )
        )
    return lines


def _problem(variable: str, *, found: object, allowed: str, remedy: str) -> str:
    return f"bad setting {variable}: found {found!r}; allowed: {allowed}; remedy: {remedy}"


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else "remove it"
