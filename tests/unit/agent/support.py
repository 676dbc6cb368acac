"""What the agent's tests share: waiting for a condition, starting servers inside, telling who is still there."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess
from chaos.agent.identity import Identity, identify
from chaos.agent.isolation import Isolation
from chaos.agent.types import Spawned

HERE = Path(__file__).parent
DEADLINE = 10.0
"""Seconds for anything that takes milliseconds when the machine is quiet."""
POLL = 0.005
"""Seconds between two looks."""


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition; fail, saying what was awaited, after the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {DEADLINE:g} s: {what}"
        time.sleep(POLL)


def still_there(processes: list[Identity]) -> list[int]:
    """The pids of those that live; a zombie that nobody has buried yet is dead."""
    return [process.pid for process in processes if process.alive() and _state(process.pid) != "Z"]


def assert_gone(processes: list[Identity]) -> None:
    """Nothing of it survives: by pid *and* start time, so that a reused pid neither hides nor fakes a survivor."""
    assert processes
    wait_until(lambda: not still_there(processes), f"none of {processes} is alive")


def identities(pids: list[int]) -> list[Identity]:
    found = [identify(pid) for pid in pids]
    assert None not in found, f"not all of {pids} live"
    return [process for process in found if process is not None]


def free_port() -> int:
    """A port that nobody listens on now, and no client is given; only for agents that share the machine's network."""
    from chaos.runtime.ports import free_ports  # psutil is not there for a user who has nothing installed

    return free_ports(1)[0]


def port_for(isolation: Isolation) -> int:
    return 8765 if isolation.hermetic else free_port()


def start_echo(
    client: AgentClient, directory: Path, *, port: int, host: str = "127.0.0.1", name: str = "echo"
) -> Spawned:
    """An echo server in the agent's network; returns once it listens."""
    script = str(HERE / "echo_server.py")
    log = directory / f"{name}.log"
    server = client.spawn([sys.executable, "-I", "-S", script, host, str(port)], name=name, log=log)
    wait_until(lambda: "listening" in log.read_text(), f"{name} listens")
    return server


def start_tree(client: AgentClient, directory: Path) -> list[Identity]:
    """A stubborn process tree with a daemon in it; its members, the spawned one last."""
    file = directory / "pids"
    client.spawn(
        [sys.executable, "-I", "-S", str(HERE / "tree.py"), str(file)], name="tree", log=directory / "tree.log"
    )
    wait_until(file.exists, "the tree has grown")
    return identities([int(line) for line in file.read_text().split()])


def identity_of(agent: AgentProcess) -> Identity:
    return identities([agent.pid])[0]


def exchange(connection: socket.socket, text: bytes = b"hello") -> bytes:
    connection.settimeout(DEADLINE)
    connection.sendall(text)
    return connection.recv(len(text))


def ends(connection: socket.socket) -> tuple[tuple[str, int], tuple[str, int]]:
    local, remote = connection.getsockname(), connection.getpeername()
    return (local[0], local[1]), (remote[0], remote[1])


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
