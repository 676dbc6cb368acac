"""A breach that may be the promised end of old connections is judged by nobody."""

from __future__ import annotations

import pytest

from chaos.expectations import ClosedByAge, ClosedWhenIdle, Expectation, Record, Undisturbed
from chaos.experiment.ages import may_have_aged_out
from chaos.journal import Attempt, CrowdMade, Ended, Journal, Outcome

STAYS = Undisturbed(crowd="living")


def record(age: float, *, by: str = "server", how: str = "close") -> Record:
    return Record(
        Journal(
            events=(
                CrowdMade(at=0.5, crowd="living", pid=7),
                Attempt(
                    at=1.1, crowd="living", client=0, outcome=Outcome.OPEN, phase="handshake", began=1.0, handshake=0.1
                ),
                Ended(at=1.0 + age, crowd="living", client=0, by=by, how=how, code=1000 if how == "close" else None),
            )
        )
    )


def test_who_was_closed_when_old_is_told_with_both_figures() -> None:
    assert may_have_aged_out(record(1.8), [STAYS], 2.0) == (
        "promises.liveness.max_age = 2s is shorter than this scenario needs its clients: the server closed one at the "
        "age of 1.8s, and may have done so for that"
    )


def test_an_idle_client_that_is_due_no_sooner_may_have_been_closed_for_its_age() -> None:
    due_as_late = ClosedWhenIdle(crowd="living", timeout=1.0, slack=0.5)
    assert may_have_aged_out(record(1.8), [due_as_late], 2.0) is not None


@pytest.mark.parametrize(
    ("seen", "judged", "max_age"),
    [
        pytest.param(record(1.4), STAYS, 2.0, id="too young for that"),
        pytest.param(record(1.8), STAYS, None, id="no age is promised"),
        pytest.param(record(1.8, by="client"), STAYS, 2.0, id="it left by itself"),
        pytest.param(record(1.8, how="reset"), STAYS, 2.0, id="it was reset"),
        pytest.param(record(1.8, how="eof"), STAYS, 2.0, id="it ended without a word"),
        pytest.param(record(1.8), ClosedByAge(crowd="living", limit=2.0), 2.0, id="the age is what is judged"),
        pytest.param(
            record(1.8), ClosedWhenIdle(crowd="living", timeout=0.9, slack=0.5), 2.0, id="it was due for idling before"
        ),
        pytest.param(Record(Journal(events=())), STAYS, 2.0, id="nobody was there"),
    ],
)
def test_everything_else_is_judged(seen: Record, judged: Expectation, max_age: float | None) -> None:
    assert may_have_aged_out(seen, [judged], max_age) is None
