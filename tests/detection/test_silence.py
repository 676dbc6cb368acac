"""A run that judges nothing says so in its own words: the failure carries them, and so do the results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.detection.case import Case
from tests.detection.forms import Form
from tests.detection.scenarios import LATENCY, REJECTION
from tests.detection.test_defects import test_defect_is_caught as judged
from tests.detection.turns import Turns
from tests.running import RUNTIMES

pytestmark = [pytest.mark.detection]

CASE = Case(defect="of_another_day", caught_by=REJECTION, finding="rejected_gracefully", sentinels=(LATENCY,))
"""With no such defect the server does not start, so that no cell of it is ever judged."""


@pytest.mark.parametrize("runtime", [each for each in RUNTIMES if each.values == ("processes",)])
def test_a_run_that_judges_nothing(runtime: str, tmp_path: Path) -> None:
    kept: list[str] = []
    with pytest.raises(AssertionError) as failed:
        judged(CASE, runtime, Form.NARROW, Turns(tmp_path), tmp_path, lambda _, value: kept.append(str(value)))
    why = "no defect is called 'of_another_day'"
    assert why in str(failed.value)
    (line,) = kept
    assert why in json.loads(line)["said"]
    assert json.loads(line)["cells"] == []
    assert json.loads(line)["again"], "and it was tried a second time, alone"
