"""Every row of `differences.DIFFERENCES` is shown on both servers, by the test of its name."""

from __future__ import annotations

from . import test_differences_of_connections, test_differences_of_the_process
from .differences import DIFFERENCES


def test_every_row_is_shown_and_nothing_else():
    names = {*vars(test_differences_of_connections), *vars(test_differences_of_the_process)}
    shown = {name.removeprefix("test_") for name in names if name.startswith("test_")}
    assert shown == {row.name for row in DIFFERENCES}
    assert len(DIFFERENCES) == len(shown)
