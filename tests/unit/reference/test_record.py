"""The record on the disk: whole or as it was, and no failure of its own is anybody else's."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from reference_server.environment import load_settings
from reference_server.parts import build
from reference_server.record import Record
from reference_server.statistics import Counters

FULL = "/dev/full"
"""Takes no byte, as a full disk."""


def test_it_is_written_anew_each_time(tmp_path: Path) -> None:
    record = Record(str(tmp_path), counters=Counters())
    for inside in (1, 2):
        record.write({"inside": inside})
        assert json.loads((tmp_path / "statistics.json").read_text()) == {"inside": inside}
    assert [file.name for file in tmp_path.iterdir()] == ["statistics.json"]
    assert not record.failing


def test_what_the_disk_does_not_take_is_counted_and_the_last_one_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    record = Record(str(tmp_path), counters=counters)
    record.write({"inside": 1})
    (tmp_path / "statistics.new").symlink_to(FULL)
    with caplog.at_level(logging.ERROR):
        record.write({"inside": 2})
        (tmp_path / "statistics.new").symlink_to(FULL)
        record.write({"inside": 3})
    assert (record.failing, counters.record_failures) == (True, 2)
    assert [entry.getMessage() for entry in caplog.records] == ["the record cannot be written: No space left on device"]
    assert json.loads((tmp_path / "statistics.json").read_text()) == {"inside": 1}
    record.write({"inside": 4})
    assert not record.failing
    assert json.loads((tmp_path / "statistics.json").read_text()) == {"inside": 4}


def test_without_a_directory_nothing_is_written() -> None:
    counters = Counters()
    Record("", counters=counters).write({"inside": 1})
    assert counters.record_failures == 0


def test_an_alert_tells_of_it(tmp_path: Path) -> None:
    settings = load_settings({"WEBSOCKET_RECORD_DIRECTORY": str(tmp_path / "nowhere")}, profile="fast")
    parts = build(settings)
    assert "record_not_written" not in parts.alerts.update()
    parts.record.write({})
    assert "record_not_written" in parts.alerts.update()
