"""Lanes of one run make what they work with one by one: together, on a small machine, none is ready in time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from chaos.errors import StartFailed
from fixtures.session import ChaosSession

TOGETHER, APART = 30.0, 0.5
"""Seconds that one waits for another to be at it too, where it comes and where it does not: 1 ms on an idle machine."""


class Deploying:
    """A runtime that sees who deploys at the same time; it never gets any further."""

    def __init__(self, within: float) -> None:
        self._barrier = threading.Barrier(2, timeout=within)
        self.met = 0

    def deploy(self, *_: object, **__: object) -> Any:
        try:
            self._barrier.wait()
            self.met += 1
        except threading.BrokenBarrierError:
            self._barrier.reset()
        raise StartFailed("that was all")


@pytest.mark.parametrize(
    ("runs", "met", "within"),
    [(("one", "one"), 0, APART), (("one", "another"), 2, TOGETHER)],
    ids=["a run", "two runs"],
)
def test_lanes_of_one_run_deploy_one_after_the_other(
    runs: tuple[str, str], met: int, within: float, tmp_path: Path
) -> None:
    deploying = Deploying(within)

    def lane(run: str) -> None:
        session = ChaosSession(
            options=MagicMock(),
            target=MagicMock(),
            selection=MagicMock(runtime=deploying),
            run=MagicMock(directory=tmp_path / run),
            seed=1,
            reaped=None,
        )
        with pytest.raises(StartFailed, match="that was all"):
            session.laboratory()

    for run in runs:
        (tmp_path / run).mkdir(exist_ok=True)
    lanes = [threading.Thread(target=lane, args=[run]) for run in runs]
    for each in lanes:
        each.start()
    for each in lanes:
        each.join()
    assert deploying.met == met
