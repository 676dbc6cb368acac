"""A stream of readings costs the server little: its memory is not read as often as its sockets."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator

import pytest

from chaos.agent import reading
from chaos.agent.identity import Identity, own_pid
from chaos.agent.reading import Reader

from .support import DEADLINE, wait_until

SLOW = 0.01
"""Seconds that a reading takes here: the next one is due after a second."""


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of how many processes memory was read, each time."""
    times: list[int] = []

    def memory(processes: Iterable[Identity]) -> tuple[int, int]:
        times.append(len(list(processes)))
        time.sleep(SLOW)
        return 2000 + len(times), 1000 + len(times)

    monkeypatch.setattr(reading, "memory", memory)
    return times


def test_memory_is_read_when_that_is_due_again(reader: Reader, read: list[int]) -> None:
    me = [own_pid()]
    first, second = reader.read(me, 1), reader.read(me, 1)
    assert (first["rss"], first["pss"]) == (second["rss"], second["pss"]) == (2001, 1001)
    assert len(read) == 1
    wait_until(lambda: reader.read(me, 1)["rss"] == 2002, "it is due again")


def test_who_asks_for_one_reading_has_it_read(reader: Reader, read: list[int]) -> None:
    me = [own_pid()]
    assert [reader.read(me, 1, fresh=True)["rss"] for _ in range(3)] == [2001, 2002, 2003]


def test_what_comes_and_what_ends_is_read_at_once(reader: Reader, read: list[int]) -> None:
    with subprocess.Popen(["sh", "-c", f"sleep {DEADLINE} & wait"]) as shell:
        wait_until(lambda: reader.read([shell.pid], 1, fresh=True)["processes"] == 2, "both run")
        held = reader.read([shell.pid], 1)["rss"]
        subprocess.run(["pkill", "-P", str(shell.pid)], check=True)
        wait_until(lambda: reader.read([shell.pid], 1)["processes"] == 0, "both have ended")
        assert reader.read([shell.pid], 1)["rss"] > held
