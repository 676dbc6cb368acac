"""The server's own statistics, read from where the target file says they are: the second witness."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from chaos.errors import AgentError
from chaos.probes.http import Answer
from chaos.target import BreakerState, Statistics, StatisticsFormat

__all__ = ["StatisticsError", "read_statistics"]

BREAKERS = {"upstream_breaker", "accept_breaker"}
"""The names of the statistics that are states."""

_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="([^"]*)"')
_PAIR = r'[A-Za-z_][A-Za-z0-9_]*="[^"]*"\s*'
_METRIC = re.compile(rf"(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)(?:\{{\s*(?P<labels>(?:{_PAIR}(?:,\s*{_PAIR})*,?\s*)?)\}})?")
_INDEX = re.compile(r"0|[1-9][0-9]*")


class StatisticsError(Exception):
    """The statistics could not be read; the text says what was asked and what came."""


async def read_statistics(get: Callable[[str], Awaitable[Answer]], where: Statistics) -> dict[str, float | str]:
    """Name to value of everything the target declares. Raises StatisticsError.

    `get` asks the server for a path. A JSON list counts as its items joined by commas, a truth value as 1 or 0. The
    state of a breaker is a BreakerState, or what was told where it is none.
    """
    try:
        answer = await get(where.path)
    except (OSError, ValueError, AgentError) as error:
        what = str(error) or type(error).__name__
        raise StatisticsError(f"GET {where.path}: {what}") from error
    if answer.status != 200:
        raise StatisticsError(f"GET {where.path}: status {answer.status} where 200 was expected")
    if where.format is StatisticsFormat.JSON:
        try:
            document = json.loads(answer.body)
        except ValueError as error:
            raise StatisticsError(f"GET {where.path}: not JSON: {answer.body[:80]!r}") from error
        told = {name: _scalar(_point(document, pointer), pointer) for name, pointer in where.values().items()}
    else:
        samples = _samples(answer.body.decode("utf-8", errors="replace"), where.path)
        told = {name: _metric(samples, metric) for name, metric in where.values().items()}
    for name in BREAKERS & told.keys():
        told[name] = BreakerState.of(told[name], where.breaker_states) or told[name]
    return told


def _point(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901)."""
    value = document
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        try:
            # A list is indexed by the digits of RFC 6901: Python's own -1 would be the last.
            value = value[int(key) if isinstance(value, list) and _INDEX.fullmatch(key) else key]
        except (KeyError, IndexError, TypeError) as error:
            raise StatisticsError(f"the statistics hold nothing at {pointer} (no {key!r})") from error
    return value


def _scalar(value: Any, pointer: str) -> float | str:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    raise StatisticsError(
        f"the statistics hold {type(value).__name__} at {pointer}; a number, a text or a list is needed"
    )


def _samples(text: str, path: str) -> list[Sample]:
    try:
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except ValueError as error:
        raise StatisticsError(f"GET {path}: not Prometheus text: {error}") from error


def _metric(samples: Sequence[Sample], wanted: str) -> float:
    matched = _METRIC.fullmatch(wanted.strip())
    if matched is None:
        raise StatisticsError(f"{wanted!r} is no metric name, such as 'ws_connections{{endpoint=\"echo\"}}'")
    labels = dict(_LABEL.findall(matched["labels"] or ""))
    values = [
        sample.value for sample in samples if sample.name == matched["name"] and labels.items() <= sample.labels.items()
    ]
    if not values:
        raise StatisticsError(f"the statistics hold no metric {wanted}")
    return float(sum(values))
