"""What draws more examples than by default may take as many times as long, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import bound_examples, examples


@given(st.none())
def draws(_: None) -> None:
    """A test that draws."""


class Item:
    """As much of a test as is looked at."""

    def __init__(self, obj: object, *marks: pytest.Mark) -> None:
        self.obj = obj
        self.marks = list(marks)
        self.config = SimpleNamespace(getini={"timeout": "120"}.__getitem__)

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((mark for mark in self.marks if mark.name == name), None)

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.marks.append(mark.mark)

    @property
    def hangs_after(self) -> Any:
        mark = self.get_closest_marker("timeout")
        return None if mark is None else mark.args[0]


@pytest.mark.parametrize(("profile", "drawing"), [("default", None), ("thorough", 3600.0)])
def test_what_hangs(profile: str, drawing: float | None) -> None:
    before = settings.get_current_profile_name()
    settings.load_profile(profile)
    try:
        one, another, bounded = Item(draws), Item(print), Item(draws, pytest.mark.timeout(5).mark)
        bound_examples([one, another, bounded])  # type: ignore[list-item]  # as much of them as is looked at
        assert (one.hangs_after, another.hangs_after, bounded.hangs_after) == (drawing, None, 5)
        counts = (examples(0.01), examples(2), examples(0.1, thorough=420))
        assert counts == ((10, 200, 10) if profile == "default" else (30, 6000, 420))
    finally:
        settings.load_profile(before)
