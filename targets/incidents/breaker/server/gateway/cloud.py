"""Where the gateway runs: what it tells from the environment, as its owners listed it."""

from __future__ import annotations

from collections.abc import Mapping

MARKERS = (
    "K_SERVICE",
    "GOOGLE_CLOUD_PROJECT",
    "AWS_LAMBDA_FUNCTION_NAME",
    "ECS_CONTAINER_METADATA_URI",
    "AZURE_CLIENT_ID",
    "ACI_RESOURCE_GROUP",
)
DEVELOPMENT, STAGING, PRODUCTION = "development", "staging", "production"


def profile_of(environment: Mapping[str, str]) -> str:
    """The profile: what ENVIRONMENT says; where it says nothing, production on a cloud and development elsewhere.

    Raises ValueError for a name that is none of them.
    """
    named = environment.get("ENVIRONMENT", "").lower()
    if named and named not in (DEVELOPMENT, STAGING, PRODUCTION):
        raise ValueError(f"ENVIRONMENT is {named!r}: one of {DEVELOPMENT}, {STAGING}, {PRODUCTION} is needed")
    return named or (PRODUCTION if _marked(environment) else DEVELOPMENT)


def on_cloud(environment: Mapping[str, str]) -> bool:
    """Whether the cloud's settings apply; never under development, whatever else is set."""
    return profile_of(environment) != DEVELOPMENT


def _marked(environment: Mapping[str, str]) -> bool:
    return any(environment.get(marker) for marker in MARKERS)
