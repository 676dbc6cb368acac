from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import JournalError
from chaos.red_rate import Tally, load_tally, red_rate_bound, save_tally


@pytest.mark.parametrize(("runs", "bound"), [(20, 0.1391), (298, 0.0100), (1, 0.95)])
def test_without_a_red_the_bound_is_that_of_three_over_n(runs: int, bound: float) -> None:
    assert red_rate_bound(0, runs) == pytest.approx(bound, abs=5e-5)
    assert red_rate_bound(0, runs) == pytest.approx(1 - 0.05 ** (1 / runs))


def test_a_red_raises_the_bound_and_all_red_is_one() -> None:
    assert red_rate_bound(1, 20) > red_rate_bound(0, 20)
    assert red_rate_bound(5, 5) == 1.0


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="0 to 3 of at least one run can be red; found 4 of 3"):
        red_rate_bound(4, 3)


def test_a_tally_survives_between_two_calls(tmp_path: Path) -> None:
    path = tmp_path / "soak" / "abc-processes.json"
    tally = Tally().counted(green=True, seconds=70.0, run="a").counted(green=False, seconds=80.0, run="b")
    save_tally(path, tally)
    assert load_tally(path) == tally
    assert tally.sentence("processes") == (
        "processes: 1 of 2 runs red, so the red rate is below 97.5% (95% confidence); median run 80.0s, longest 80.0s"
    )


def test_no_tally_yet_is_an_empty_one(tmp_path: Path) -> None:
    assert load_tally(tmp_path / "none.json") == Tally()


def test_what_is_no_tally_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{}")
    with pytest.raises(JournalError, match="holds no tally of runs"):
        load_tally(path)
