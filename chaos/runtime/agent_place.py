"""An agent's namespaces as the place where processes run and connections start.

Where the agent has a network of its own, so has everything here; where it has none, this is the machine itself, and
the agent still samples what it spawned by name and takes it along when it ends.
"""

from __future__ import annotations

import itertools
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from chaos.address import Address
from chaos.agent.client import AgentClient
from chaos.errors import AgentError, EnvironmentFailure
from chaos.runtime.host import GONE_WITHIN, find_program
from chaos.runtime.logs import TOLD, tail
from chaos.runtime.marks import DEPLOYMENT_VARIABLE, kill_marked

__all__ = ["AgentPlace", "PlacedProcess"]


class PlacedProcess:
    """A process that the agent spawned."""

    def __init__(self, agent: AgentClient, *, socket_path: Path, pid: int, mark: str, log: Path) -> None:
        self._agent = agent
        self._socket_path = socket_path
        self._pid = pid
        self._mark = mark
        self._log = log
        self._exit_code: int | None = None

    @property
    def pid(self) -> int:
        return self._pid

    def wait(self, timeout: float) -> int | None:
        if self._exit_code is None:
            if timeout <= 0:
                self._exit_code = self._agent.wait(self._pid, timeout=0)
            else:
                # A connection of its own: the shared one would keep everybody waiting as long.
                with AgentClient(self._socket_path) as waiting:
                    self._exit_code = waiting.wait(self._pid, timeout=timeout)
        return self._exit_code

    def send_signal(self, sig: signal.Signals) -> None:
        if self.wait(0) is None:
            self._agent.signal([self._pid], sig)

    def kill(self) -> None:
        """SIGKILL it, its descendants, and by its mark whatever no longer descends from it."""
        if self.wait(0) is None:
            self._agent.signal([self._pid], signal.SIGKILL, tree=True)
        deadline = time.monotonic() + GONE_WITHIN
        kill_marked(DEPLOYMENT_VARIABLE, lambda mark: mark == self._mark, deadline=deadline)
        if self.wait(max(0.0, deadline - time.monotonic())) is None:
            raise EnvironmentFailure(
                f"pid {self._pid} has not ended {GONE_WITHIN:g}s after SIGKILL: the kernel holds it in a system call"
            )

    def log_tail(self, lines: int = TOLD) -> list[str]:
        return tail(self._log, lines)


class AgentPlace:
    """Spawns and connects through an agent; safe to use from several threads."""

    def __init__(self, agent: AgentClient, *, socket_path: Path, deployment: str) -> None:
        self._agent = agent
        self._socket_path = socket_path
        self._deployment = deployment
        self._numbers = itertools.count()

    def spawn(
        self, argv: Sequence[str], *, name: str, env: Mapping[str, str], log: Path, cwd: Path | None = None
    ) -> PlacedProcess:
        find_program(argv[0], env=env, cwd=cwd)
        mark = f"{self._deployment}/{name}.{next(self._numbers)}"
        environment = {**env, DEPLOYMENT_VARIABLE: mark}
        found = self._agent.spawn(list(argv), name=name, log=log, cwd=cwd or Path.cwd(), env=environment)
        return PlacedProcess(self._agent, socket_path=self._socket_path, pid=found.pid, mark=mark, log=log)

    def dial(self, address: Address, *, timeout: float) -> socket.socket:
        try:
            # A connection of its own: an address that swallows the SYN would keep everybody waiting.
            with AgentClient(self._socket_path) as dialling:
                return dialling.connect(address.host, address.port, timeout=timeout)
        except AgentError as error:
            raise ConnectionError(str(error)) from error
