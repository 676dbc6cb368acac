"""Whether a server compresses, as the clients that it let in have seen it."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.experiment.outcome import NotJudged
from chaos.journal import Attempt, Outcome

__all__ = ["needs_compression"]


def needs_compression(attempts: Sequence[Attempt]) -> None:
    """Raises NotJudged where clients that offered permessage-deflate got in, and none of them got it.

    Whoever was turned away, or met a server that has died, agreed on nothing either, and shows nothing.
    """
    let_in = [attempt for attempt in attempts if attempt.outcome is Outcome.OPEN]
    if let_in and not any(attempt.compressed for attempt in let_in):
        raise NotJudged("the server agrees on no compression (permessage-deflate)")
