"""What a reading of the server from outside comes to."""

from __future__ import annotations

import pytest

from chaos.journal import Sample


@pytest.mark.parametrize(
    ("pss", "rss", "memory"),
    [(900, 1000, 900), (0, 1000, 1000), (0, 0, 0)],
    ids=["the proportional share", "what is resident where the kernel gives no share", "no process"],
)
def test_memory(pss: int, rss: int, memory: int) -> None:
    assert Sample(at=0.0, took=0.001, pss=pss, rss=rss).memory == memory
