"""Texts with something in them: regular expressions, their groups, and what is filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chaos.mistakes import Mistake, regex_error, shown
from chaos.target import Echo
from chaos.target_checks.document import ALERTS, Document, Key, value_at

__all__ = ["check"]

REGEXES: tuple[Key, ...] = (
    ("endpoints", "echo", "expect"),
    ("endpoints", "echo", "payload_expect"),
    ("endpoints", "notices", "expect"),
    ("endpoints", "notices", "idle_warning"),
    ("endpoints", "notices", "load_warning"),
    ("endpoints", "feed", "message"),
    ("endpoints", "feed", "sequence"),
    ("endpoints", "room", "expect"),
    ("endpoints", "data", "live"),
    ("endpoints", "data", "cached"),
    ("endpoints", "data", "unavailable"),
    ("endpoints", "gated", "greeting"),
    ("endpoints", "resumable", "greeting"),
    ("endpoints", "resumable", "resumed"),
    ("endpoints", "resumable", "sequence"),
    ("endpoints", "resumable", "acknowledged"),
    ("endpoints", "resumable", "applied"),
    ("promises", "delivery", "queue_process"),
    ("promises", "observability", "nearly_full", "alert"),
    ("promises", "observability", "very_full", "alert"),
    *ALERTS,
)
PLACES: tuple[tuple[Key, tuple[str, ...]], ...] = (
    (("endpoints", "echo", "payload_send"), ("{n}", "{payload}")),
    (("endpoints", "echo", "payload_expect"), ("{n}", "{payload}")),
    (("endpoints", "room", "send"), ("{n}",)),
    (("endpoints", "room", "expect"), ("{n}",)),
    (("endpoints", "resumable", "resume"), ("{token}", "{last}")),
    (("endpoints", "resumable", "send"), ("{n}",)),
    (("endpoints", "resumable", "acknowledged"), ("{n}",)),
    (("endpoints", "resumable", "applied"), ("{n}",)),
)
"""Texts that mean nothing without what is filled in."""
GROUPS: tuple[tuple[Key, str, str], ...] = (
    (
        ("endpoints", "feed", "sequence"),
        "the broadcast's number",
        "the number in parentheses, such as '\"seq\": ([0-9]+)'",
    ),
    (
        ("endpoints", "resumable", "sequence"),
        "the message's number",
        "the number in parentheses, such as '\"seq\": ([0-9]+)'",
    ),
    (
        ("endpoints", "resumable", "greeting"),
        "the session's token",
        'the token in parentheses, such as \'"session": "([^"]+)"\'',
    ),
)
"""Regular expressions of which group 1 is read: what it is, and how it is written."""


def check(document: Document) -> Iterator[Mistake]:
    """The mistakes of this kind, in the order in which they are told."""
    yield from _regexes_compile(document)
    yield from _number_comes_back(document)
    yield from _groups_are_there(document)
    yield from _numbered_messages_are_numbered(document)


def _regexes_compile(document: Document) -> Iterator[Mistake]:
    for key in REGEXES:
        pattern = value_at(document, key, str)
        if pattern is not None and (error := regex_error(pattern.replace("{n}", "1"))):
            yield Mistake(key=key, problem=f"is no regular expression: {error}", found=shown(pattern))


def _number_comes_back(document: Document) -> Iterator[Mistake]:
    for endpoint in ("echo", "notices"):
        table = value_at(document, ("endpoints", endpoint), dict)
        if table is None:
            continue
        declared = endpoint == "echo" and "expect" not in table
        expect = Echo.model_fields["expect"].default if declared else table.get("expect")
        send = table.get("send")
        if isinstance(send, str) and isinstance(expect, str) and "{n}" in expect and "{n}" not in send:
            which = f"expect (by default {shown(expect)})" if declared else f"expect = {shown(expect)}"
            yield Mistake(
                key=("endpoints", endpoint, "send"),
                problem=f"has no {{n}}, but {which} awaits the number that was sent",
                found=shown(send),
                allowed="send with {n} in it, or expect without",
                hint=shown(f"{send} {{n}}".strip()),
            )


def _groups_are_there(document: Document) -> Iterator[Mistake]:
    for key, what, how in GROUPS:
        pattern = value_at(document, key, str)
        if pattern is not None and not regex_error(pattern.replace("{n}", "1")) and re.compile(pattern).groups < 1:
            yield Mistake(
                key=key,
                problem=f"has no group, and group 1 is {what}",
                found=shown(pattern),
                allowed=f"a regular expression with {how}",
            )


def _numbered_messages_are_numbered(document: Document) -> Iterator[Mistake]:
    """Which message was answered, and which is meant by a way back, is told by its placeholders alone."""
    for key, needed in PLACES:
        value = value_at(document, key, str)
        missing = [place for place in needed if value is not None and place not in value]
        if missing:
            yield Mistake(
                key=key,
                problem=f"has no {' and no '.join(missing)}",
                found=shown(value),
                allowed=f"text with {' and '.join(needed)} in it",
            )
