"""Attempts to connect, and ends, in the words and times that several expectations tell of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chaos.journal import Attempt, Ended, Outcome
from chaos.units import format_duration

__all__ = [
    "LET_IN",
    "TOO_BUSY_CODE",
    "TOO_BUSY_STATUSES",
    "cut_off",
    "describe",
    "how_it_ended",
    "places_taken",
    "tally",
    "tally_texts",
    "too_busy",
    "until_usable",
]

LET_IN = 101
"""RFC 9110, 15.2.2: the answer to an upgrade that is taken."""

TOO_BUSY_STATUSES = (429, 503)
"""RFC 6585, 4, and RFC 9110, 15.6.4: too many requests, and overloaded for now."""

TOO_BUSY_CODE = 1013
"""Try again later, in IANA's registry of close codes."""


def describe(attempt: Attempt) -> str:
    """One attempt in words: "client 7: http 503 in the handshake after 12ms"."""
    what = {
        Outcome.OPEN: "open",
        Outcome.REFUSED: "connection refused",
        Outcome.RESET: f"reset in {attempt.phase}",
        Outcome.HTTP: f"HTTP {attempt.status}",
        Outcome.CLOSED: f"closed with {attempt.code} before the first message"
        if attempt.code is not None
        else f"turned away in {attempt.phase}",
        Outcome.EOF: f"ended without a word in {attempt.phase}",
        Outcome.TIMEOUT: f"timed out in {attempt.phase}",
        Outcome.INVALID: f"invalid answer in {attempt.phase}",
    }[attempt.outcome]
    detail = f" ({attempt.detail})" if attempt.detail else ""
    return f"client {attempt.client}: {what} after {format_duration(max(0.0, attempt.at - attempt.began))}{detail}"


def tally(attempts: list[Attempt]) -> str:
    """The most frequent ways they went, each with how often: "20 x HTTP 503, 2 x timed out in handshake"."""
    counts = Counter(describe(attempt).split(": ", 1)[1].split(" after ")[0] for attempt in attempts)
    return ", ".join(f"{count} x {what}" for what, count in counts.most_common(3))


def too_busy(attempt: Attempt) -> bool:
    """Whether it was turned away for now: what one that gets no core may well say, for it has too little of it."""
    return attempt.status in TOO_BUSY_STATUSES or attempt.code == TOO_BUSY_CODE


def places_taken(places: int, *, free: int, inside: int = 0) -> str:
    """`of 50 places 11 are taken (10 inside, the canary)`; whoever is not inside is the suite's own."""
    taken, own = places - free, places - free - inside
    who = [f"{inside} inside"] if inside else []
    who += ["the canary"] if own == 1 else [f"{own} of the suite's own"] if own else []
    is_taken = f"{taken} is taken" if taken == 1 else f"{taken} are taken"
    return f"of {places} places {is_taken}" + (f" ({', '.join(who)})" if who else "")


def until_usable(attempt: Attempt) -> float:
    """Seconds from its beginning to its first message, or to as far as it got."""
    return next(t for t in (attempt.first_message, attempt.handshake, attempt.tcp, attempt.at - attempt.began) if t)


def how_it_ended(ended: Ended) -> str:
    """One end in words: "client 7: close 1001 going away"."""
    return f"client {ended.client}: {_how(ended)}"


def cut_off(cut: Sequence[Ended], opened: Sequence[Attempt], *, who: str) -> str:
    """Several ends, one at the least, in a sentence: "3 of 10 untouched clients were cut off, the first by reset"."""
    return f"{len(cut)} of {len(opened)} {who} were cut off, the first by {_how(cut[0])}"


def _how(ended: Ended) -> str:
    code = f" {ended.code}" if ended.code is not None else ""
    return f"{ended.how}{code} {ended.reason}".rstrip()


def tally_texts(texts: list[str]) -> str:
    """The most frequent ways that such sentences tell of, each with how often: "20 x reset"."""
    counts = Counter(text.split(": ", 1)[1] for text in texts)
    return ", ".join(f"{count} x {what}" for what, count in counts.most_common(3))
