"""What was drawn, kept: target files that extend the reference server's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from tests.running import ROOT
from tests.variations.drawing import Variation, variations

__all__ = ["COUNT", "PINNED", "draw", "pin", "render"]

COUNT = 30
PINNED = ROOT / "targets" / "variations"

ENDPOINTS = ("echo", "notices", "feed", "data", "gated")
"""Those of the reference server's target file."""


DIFFERENT = 0.6
"""Share of the settings in which any two of them differ: Hypothesis likes to change a draw in one place only, and
thirty of those are a dozen."""
TRIES = 10
"""Draws for each that is kept, at most: thirty took 153."""

TLS = {"server_name": "reference.test"}
ISSUED = 'issued = { certificate = "WEBSOCKET_TLS_CERTIFICATE", key = "WEBSOCKET_TLS_KEY" }'
"""As in the reference server's tls.toml."""


def draw(count: int = COUNT) -> list[Variation]:
    """So many, no two of them much alike, and always the same ones with the same release of Hypothesis."""
    drawn: list[Variation] = []

    @settings(
        max_examples=TRIES * count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(variations())
    def keep(one: Variation) -> None:
        if len(drawn) < count and all(_differ(one, other) >= DIFFERENT * len(one.environment) for other in drawn):
            drawn.append(one)

    keep()
    return drawn


def _differ(one: Variation, other: Variation) -> int:
    """In how many settings."""
    return sum(value != other.environment[name] for name, value in one.environment.items())


def pin(directory: Path = PINNED) -> list[Path]:
    """Draw them anew and write them down, in the place of those that are there; gives the files."""
    directory.mkdir(exist_ok=True)
    for old in directory.glob("*.toml"):
        old.unlink()
    files = []
    for number, one in enumerate(draw(), start=1):
        file = directory / f"{number:02d}.toml"
        file.write_text("\n".join(render(one, number=number)) + "\n", encoding="utf-8")
        files.append(file)
    return files


def render(one: Variation, *, number: int) -> Iterator[str]:
    """The lines of its target file."""
    told = one.environment
    yield "#:schema ../target.schema.json"
    yield "# Drawn by `python -m tests.variations`; its promises follow from its settings."
    yield f'name = "reference-variation-{number:02d}"'
    yield (
        f'description = "{told["WEBSOCKET_MAX_CONNECTIONS"]} places, {told["WEBSOCKET_REJECT_WITH"]}, heartbeat '
        f"{told['WEBSOCKET_HEARTBEAT_INTERVAL']}s, breaker at {told['BREAKER_FAILURE_THRESHOLD']}"
        + f", {told['SERVER_FRAMEWORK']}"
        + (", asks for an Origin" if one.headers else "")
        + (", over TLS" if one.tls else "")
        + '"'
    )
    yield 'extends = "../reference/target.toml"'
    if not one.headers:
        # Who asks for no Origin refuses none.
        yield 'without = ["promises.survival.unauthorized", "promises.accept_breaker.own_failure"]'
    yield from _table("start.environment", one.environment)
    if one.tls:
        yield from _table("tls", TLS)
        yield ISSUED
    if one.headers:
        for endpoint in ENDPOINTS:
            yield from _table(f"endpoints.{endpoint}.headers", one.headers)
    for family, promises in one.promises.items():
        yield from _table(f"promises.{family}", promises)


def _table(name: str, values: Mapping[str, str | int | float | bool]) -> Iterator[str]:
    yield ""
    yield f"[{name}]"
    # What these values are is written alike in TOML and in JSON.
    yield from (f"{key} = {json.dumps(value)}" for key, value in values.items())
