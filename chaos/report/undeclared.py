"""What a target does not declare: the sentence that a skip carries, and what a report reads out of it again.

A target of few promises skips most of the matrix. Its report names what was not declared once, by family, and leaves
out the rows of which nothing else is to be said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

__all__ = ["undeclared_keys", "undeclared_reason", "undeclared_words"]

_PROMISES, _ENDPOINTS = "the contract declares no ", "the target declares no "
_KEY = r"(?:promises\.\w+\.\w+|endpoints\.\w+)"
_REASON = re.compile(
    rf"(?:{_PROMISES}|{_ENDPOINTS}){_KEY}(?:, {_KEY})*(?:; {_ENDPOINTS}{_KEY}(?:, {_KEY})*)?", re.ASCII
)


def undeclared_reason(promises: Iterable[str], endpoints: Iterable[str]) -> str | None:
    """Why a scenario is skipped that asks for these keys, `family.key`, and endpoints; None where there are none."""
    parts = (
        (_PROMISES, [f"promises.{key}" for key in promises]),
        (_ENDPOINTS, [f"endpoints.{name}" for name in endpoints]),
    )
    return "; ".join(begins + ", ".join(keys) for begins, keys in parts if keys) or None


def undeclared_keys(reason: str) -> tuple[str, ...]:
    """What such a reason names, `promises.` and `endpoints.` in front; empty for any other reason."""
    return tuple(re.findall(_KEY, reason)) if _REASON.fullmatch(reason) else ()


def undeclared_words(keys: Iterable[str], *, declared: Collection[str] | None) -> str:
    """The keys by family: "breaker, latency; of liveness: idle_timeout, max_age; endpoints: feed".

    `declared` are the families of which the target declares something; None where that is not known. A family of
    which it declares nothing is named and no key of it.
    """
    families: dict[str, list[str]] = {}
    endpoints: list[str] = []
    for key in dict.fromkeys(keys):
        kind, _, name = key.partition(".")
        if kind == "endpoints":
            endpoints.append(name)
        else:
            family, _, field = name.partition(".")
            families.setdefault(family, []).append(field)
    return "; ".join(_parts(families, endpoints, declared))


def _parts(families: dict[str, list[str]], endpoints: list[str], declared: Collection[str] | None) -> Iterator[str]:
    whole = [family for family in sorted(families) if declared is not None and family not in declared]
    if whole:
        yield ", ".join(whole)
    for family, fields in sorted(families.items()):
        if family not in whole:
            yield f"of {family}: {', '.join(sorted(fields))}"
    if endpoints:
        yield f"endpoints: {', '.join(sorted(endpoints))}"
