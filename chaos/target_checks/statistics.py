"""What the server tells of itself, by the format in which it does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chaos.mistakes import Mistake, shown
from chaos.target_checks.document import Document, value_at

__all__ = ["check"]

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^{}]*\})?")


def check(document: Document) -> Iterator[Mistake]:
    """The mistakes of this kind, in the order in which they are told."""
    yield from _statistics_are_readable(document)
    yield from _breakers_are_told(document)


def _statistics_are_readable(document: Document) -> Iterator[Mistake]:
    table = value_at(document, ("statistics",), dict) or {}
    written = table.get("format", "json")
    for name, value in table.items():
        if name in ("path", "format") or not isinstance(value, str):
            continue
        key = ("statistics", name)
        if written == "json" and not value.startswith("/"):
            pointer = "/" + value.lstrip("$.").replace(".", "/")
            allowed = 'a JSON pointer (RFC 6901), such as "/connections/total"'
            if "format" not in table and _METRIC.fullmatch(value):
                allowed += '; the name of a metric, where format = "prometheus" says so'
            yield Mistake(
                key=key, problem="is no JSON pointer", found=shown(value), allowed=allowed, hint=shown(pointer)
            )
        elif written == "prometheus" and not _METRIC.fullmatch(value):
            allowed = "a metric's name, with labels where it has some, such as 'ws_connections{endpoint=\"echo\"}'"
            yield Mistake(key=key, problem="is no Prometheus metric", found=shown(value), allowed=allowed)


def _breakers_are_told(document: Document) -> Iterator[Mistake]:
    """A metric is a number, and which state that is only its owner knows."""
    table = value_at(document, ("statistics",), dict) or {}
    if table.get("format", "json") != "prometheus" or "breaker_states" in table:
        return
    for name in ("upstream_breaker", "accept_breaker"):
        if name in table:
            yield Mistake(
                key=("statistics", name),
                problem="is a number, and nothing says which state each number is",
                allowed="breaker_states beside it, such as {closed = 0, open = 1, half-open = 2}",
            )
