"""Where libfaketime is looked for, and what a server is started with for it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.agent.clock_library import clock_availability, clock_environment, find_clock_library, offset

ASK = "import time; print(time.time(), time.monotonic())"


def test_it_is_found_where_packages_put_it_the_one_for_threads_first(tmp_path: Path) -> None:
    assert find_clock_library(tmp_path) is None
    places = [tmp_path / "usr/lib/faketime", tmp_path / "usr/lib/x86_64-linux-gnu/faketime"]
    for place, name in zip(places, ("libfaketime.so.1", "libfaketimeMT.so.1"), strict=True):
        place.mkdir(parents=True)
        (place / name).touch()
        assert find_clock_library(tmp_path) == place / name


def test_where_it_is_not_there_the_remedy_is_its_package(tmp_path: Path) -> None:
    found = clock_availability(tmp_path)
    assert (found.available, found.reason) == (False, "libfaketime is not installed")
    assert found.remedy.startswith("apt-get install libfaketime ")


def test_elsewhere_than_on_linux_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert clock_availability(tmp_path).reason == "libfaketime is loaded as Linux loads it"


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "+0.000\n"), (86400.0, "+86400.000\n"), (-3600.5, "-3600.500\n")])
def test_the_file_says_how_far_ahead_it_is(seconds: float, text: str) -> None:
    assert offset(seconds) == text


@pytest.mark.parametrize("ahead", [86400.0, -86400.0])
def test_a_program_has_another_time_of_day_and_the_same_monotonic_clock(ahead: float, tmp_path: Path) -> None:
    library, file = find_clock_library(), tmp_path / "clock"
    if library is None:
        pytest.skip("libfaketime is not installed; apt-get install libfaketime")
    file.write_text(offset(ahead))
    began, since = time.time(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=clock_environment(library, file), capture_output=True, text=True, check=True
    )
    told, monotonic = map(float, done.stdout.split())
    assert began + ahead - 1 <= told <= time.time() + ahead + 1
    assert since <= monotonic <= time.monotonic()
