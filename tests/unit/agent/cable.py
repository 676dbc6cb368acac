"""Two agents in networks of their own, joined by a cable (veth): as with a container and its host."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation, Kind, try_isolation

SERVER_ADDRESS, CLIENT_ADDRESS = "198.51.100.1", "198.51.100.2"  # TEST-NET-2 (RFC 5737), in private networks


@contextmanager
def cabled(directory: Path) -> Iterator[tuple[AgentProcess, AgentProcess]]:
    """Two agents in networks of their own with a cable between them. Nothing of it touches the machine's network."""
    isolation = Isolation(Kind.ROOT)
    if os.geteuid() != 0 or not try_isolation(isolation).available or shutil.which("ip") is None:
        pytest.skip("laying a cable between two networks needs root and the program ip (iproute2)")
    with (
        launch_agent(socket=directory / "a", isolation=isolation) as one,
        launch_agent(socket=directory / "b", isolation=isolation) as two,
    ):
        ends = ("type", "veth", "peer", "name", "cable1", "netns", str(two.pid))
        laid = subprocess.run(
            ["ip", "link", "add", "name", "cable0", "netns", str(one.pid), *ends], capture_output=True, check=False
        )
        if laid.returncode != 0:
            pytest.skip(f"this kernel has no veth: {laid.stderr.decode().strip()}")
        for agent, device, address in ((one, "cable0", SERVER_ADDRESS), (two, "cable1", CLIENT_ADDRESS)):
            enter = Isolation.joined(agent.pid).prefix()
            subprocess.run([*enter, "ip", "address", "add", f"{address}/24", "dev", device], check=True)
            subprocess.run([*enter, "ip", "link", "set", device, "up"], check=True)
        yield one, two
