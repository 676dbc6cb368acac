"""What a slow link adds to an answer: it is the link's, and no server's."""

from __future__ import annotations

import pytest

from chaos.experiment.delays import added_by
from chaos.faults import ClientReset, Composed, Jitter, Latency, Sliced
from chaos.faults.base import Fault


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (None, 0.0),
        (ClientReset(), 0.0),
        (Latency(delay=0.05), 0.05),
        (Latency(delay=0.05, jitter=0.02), 0.07),
        (Jitter(delay=0.06, jitter=0.04), 0.1),
        (Sliced(), 2 * Sliced().adds),
        (Composed(parts=(Latency(delay=0.2), ClientReset())), 0.2),
        (Composed(parts=(Latency(delay=0.2), Sliced())), 0.2 + 2 * Sliced().adds),
    ],
)
def test_what_a_link_adds_to_a_round_trip(fault: Fault | None, seconds: float) -> None:
    assert added_by(fault) == pytest.approx(seconds)
