"""The namespace's TCP counters."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.counters import read_counters
from chaos.errors import AgentError

from .support import start_echo

WANTED = {"ListenOverflows", "ListenDrops", "TCPSynRetrans", "EstabResets", "RetransSegs", "ActiveOpens", "OutRsts"}


def test_the_counters_that_connection_trouble_shows_in_are_there() -> None:
    assert read_counters().keys() >= WANTED


def test_they_are_those_of_the_agent_s_own_network(hermetic_client: AgentClient, directory: Path) -> None:
    before = hermetic_client.counters()
    assert before["ActiveOpens"] == 0, "a new network has opened nothing yet"
    start_echo(hermetic_client, directory, port=8765)
    hermetic_client.connect("127.0.0.1", 8765).close()
    with pytest.raises(AgentError):
        hermetic_client.connect("127.0.0.1", 9)
    after = hermetic_client.counters()
    assert after["ActiveOpens"] - before["ActiveOpens"] == 2
    assert after["AttemptFails"] - before["AttemptFails"] == 1
