"""Only whoever was let in can say that a server does not compress."""

from __future__ import annotations

import pytest

from chaos.experiment import NotJudged
from chaos.experiment.compression import needs_compression
from chaos.journal import Attempt, Outcome


def attempt(client: int, outcome: Outcome = Outcome.OPEN, *, compressed: bool = False) -> Attempt:
    return Attempt(
        at=1.1, crowd="wave 20", client=client, outcome=outcome, phase="handshake", began=1.0, compressed=compressed
    )


def test_who_got_in_and_agreed_on_none_shows_that_there_is_none() -> None:
    with pytest.raises(NotJudged, match=r"^the server agrees on no compression \(permessage-deflate\)$"):
        needs_compression([attempt(0, Outcome.HTTP), attempt(1)])


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.OPEN])
def test_who_did_not_get_in_shows_nothing(outcome: Outcome) -> None:
    needs_compression([attempt(0, outcome), attempt(1, outcome)])


def test_one_who_agreed_shows_that_there_is_some() -> None:
    needs_compression([attempt(0, Outcome.TIMEOUT), attempt(1, compressed=True)])


def test_nobody_shows_nothing() -> None:
    needs_compression([])
