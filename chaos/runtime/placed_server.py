"""The server under test as a process of a place: started, watched, ended, started again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from chaos.address import Address
from chaos.errors import PortTaken, StartFailed, TargetDied, TargetFailure, ToolMissing, Unsupported
from chaos.runtime.base import Place, SpawnedProcess
from chaos.runtime.health import Died, NeverHealthy, check_of, wait_healthy
from chaos.runtime.logs import TOLD, quote, tail
from chaos.target import Target
from chaos.units import format_duration

__all__ = ["PlacedServer", "fill_in", "why_not_healthy"]

_PORT_TAKEN_SIGNS = ("EADDRINUSE", "Address already in use", "address already in use")


class PlacedServer:
    """A server that `target.start.command` starts in a place; safe to use from several threads."""

    def __init__(
        self, target: Target, *, place: Place, argv: list[str], address: Address, env: Mapping[str, str], log: Path
    ) -> None:
        self._target = target
        self._place = place
        self._argv = argv
        self._address = address
        self._env = env
        self._log = log
        self._logged = 0
        """Bytes in the log from before it was started last."""
        self._process: SpawnedProcess | None = None
        self._changing = threading.RLock()

    @property
    def address(self) -> Address:
        return self._address

    @property
    def published(self) -> Address:
        return self._address

    def launch(self, *, environment: Mapping[str, str] | None = None) -> None:
        """Start the process without waiting for health; `environment` is over its own, for this one start.

        Raises ToolMissing, or TargetFailure when it runs already.
        """
        with self._changing:
            if self._process is not None:
                if self._process.wait(0) is None:
                    raise TargetFailure(f"{self._target.name} runs already, as pid {self._process.pid}; end it first")
                # Workers that outlived their main process would hold the port and answer in the new one's name.
                self._process.kill()
            directory = self._target.resolve(self._target.start.directory)
            self._logged = self._log.stat().st_size if self._log.exists() else 0
            env = {**self._env, **(environment or {})}
            try:
                self._process = self._place.spawn(self._argv, name="server", env=env, log=self._log, cwd=directory)
            except ToolMissing as missing:
                raise ToolMissing(f"{self._target.file}: start.command: {missing}") from missing

    def wait_healthy(self) -> None:
        """Wait until what was launched is healthy. Raises StartFailed, TargetDied or PortTaken."""
        check = check_of(self._target, self._address, dial=self._place.dial, relayed=False)
        try:
            wait_healthy(check, exit_code=self.exit_code, within=self._target.start.ready_within)
        except (Died, NeverHealthy) as problem:
            raise why_not_healthy(
                problem,
                target=self._target,
                address=self._address,
                log=self.log_tail(),
                port_remedy="end the program that has it, or write {port} into start.command to be given a free one",
                remedy="give it longer (start.ready_within) or correct start.health or start.port",
            ) from problem

    def start(self, *, environment: Mapping[str, str] | None = None) -> None:
        with self._changing:
            self.launch(environment=environment)
            self.wait_healthy()

    def stop(
        self, *, sig: signal.Signals = signal.SIGTERM, timeout: float, sent: Callable[[], None] = lambda: None
    ) -> int:
        with self._changing:
            process = self._started()
            process.send_signal(sig)
            sent()
            code = process.wait(timeout)
            if code is None:
                raise TargetFailure(
                    f"{self._target.name} still runs {format_duration(timeout)} after {sig.name}, as pid {process.pid}"
                )
            return code

    def kill(self) -> None:
        with self._changing:
            self._started().kill()

    def alive(self) -> bool:
        return self._process is not None and self._process.wait(0) is None

    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.wait(0)

    def root_pids(self) -> tuple[int, ...]:
        process = self._process
        return (process.pid,) if process is not None and process.wait(0) is None else ()

    def logged(self) -> int | None:
        return self._log.stat().st_size if self._log.exists() else 0

    def log_tail(self, lines: int = TOLD) -> list[str]:
        return tail(self._log, lines, since=self._logged)

    def _started(self) -> SpawnedProcess:
        if self._process is None:
            raise Unsupported(f"{self._target.name} was never started, so there is nothing to signal")
        return self._process


def why_not_healthy(
    problem: Died | NeverHealthy, *, target: Target, address: Address, log: list[str], port_remedy: str, remedy: str
) -> TargetFailure:
    """The error for a server that did not come up, its last lines included.

    Where what was seen tells no remedy, the one that the runtime gives is said.
    """
    if isinstance(problem, NeverHealthy):
        return StartFailed(
            f"{target.name} is not healthy {format_duration(target.start.ready_within)} after its start: "
            f"{problem.seen}; {problem.remedy or remedy}{quote(log)}"
        )
    if any(sign in line for line in log for sign in _PORT_TAKEN_SIGNS):
        return PortTaken(
            f"{target.name} ended with exit code {problem.exit_code} because port {address.port} is taken; "
            f"{port_remedy}{quote(log)}"
        )
    ended = f"exit code {problem.exit_code}"
    if problem.exit_code < 0:
        ended = f"signal {signal.Signals(-problem.exit_code).name}"
    return TargetDied(f"{target.name} ended with {ended} before it was healthy{quote(log)}")


def fill_in(command: tuple[str, ...], *, python: str, address: Address) -> list[str]:
    """The command line with {python}, {host} and {port} filled in; every other brace is the command's own."""
    values = {"{python}": python, "{host}": address.host, "{port}": str(address.port)}
    filled = []
    for argument in command:
        for name, value in values.items():
            argument = argument.replace(name, value)
        filled.append(argument)
    return filled
