"""The server's own statistics, read from where the target file says they are: the second witness."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from chaos.errors import AgentError
from chaos.probes.http import Answer
from chaos.target import BreakerState, Statistics, StatisticsFormat

__all__ = ["StatisticsError", "alert_shown", "read_statistics"]

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

    `get` asks the server for a path. A list counts as its items joined by commas, a truth value as 1 or 0; the alerts
    of Prometheus are the labels of those samples of their metric that are not 0. The state of a breaker is a
    BreakerState, or what was told where it is none.
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
        families = _families(answer.body.decode("utf-8", errors="replace"), where.path)
        told = {
            name: _labels(families, metric) if name == "alerts" else _metric(families, metric)
            for name, metric in where.values().items()
        }
    for name in BREAKERS & told.keys():
        told[name] = BreakerState.of(told[name], where.breaker_states) or told[name]
    return told


def alert_shown(told: Mapping[str, float | str], alert: str) -> bool:
    """Whether what the statistics told names an alert that fits the expression, the whole of it."""
    return any(name and re.fullmatch(alert, name) for name in str(told["alerts"]).split(","))


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


def _families(text: str, path: str) -> list[Metric]:
    try:
        return list(text_string_to_metric_families(text))
    except ValueError as error:
        raise StatisticsError(f"GET {path}: not Prometheus text: {error}") from error


def _metric(families: Sequence[Metric], wanted: str) -> float:
    return float(sum(value for value, _ in _matching(families, wanted)))


def _labels(families: Sequence[Metric], wanted: str) -> str:
    """What the labels say of all that is not 0, joined by commas."""
    raised = [labels for value, labels in _matching(families, wanted) if value]
    return ",".join(label for labels in raised for label in labels.values())


def _matching(families: Sequence[Metric], wanted: str) -> list[tuple[float, dict[str, str]]]:
    """Value and labels of every sample of a metric that has the wanted labels.

    One that is exposed with labels has no sample before there is something to say: none of it has happened.
    """
    matched = _METRIC.fullmatch(wanted.strip())
    if matched is None:
        raise StatisticsError(f"{wanted!r} is no metric name, such as 'ws_connections{{endpoint=\"echo\"}}'")
    labels = dict(_LABEL.findall(matched["labels"] or ""))
    found = [
        (sample.value, sample.labels)
        for family in families
        for sample in family.samples
        if sample.name == matched["name"] and labels.items() <= sample.labels.items()
    ]
    empty = {
        f"{family.name}_total" if family.type == "counter" else family.name for family in families if not family.samples
    }
    if not found and matched["name"] not in empty:
        raise StatisticsError(f"the statistics hold no metric {wanted}")
    return found
