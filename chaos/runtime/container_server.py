"""The server under test as a container that lives in its sandbox's network."""

from __future__ import annotations

import io
import signal
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import psutil
from docker.errors import APIError
from docker.models.containers import Container

from chaos.address import Address
from chaos.agent.own_disk import DISK
from chaos.agent.processes import read_stat
from chaos.errors import EnvironmentFailure, TargetFailure, Unsupported
from chaos.runtime.engine import last_lines, log_size, translated
from chaos.runtime.health import Dial, Died, NeverHealthy, check_of, wait_healthy
from chaos.runtime.host import GONE_WITHIN
from chaos.runtime.logs import TOLD
from chaos.runtime.placed_server import why_not_healthy
from chaos.target import Target
from chaos.units import format_duration

__all__ = ["ContainerServer", "exit_code_of"]

_POLL_INTERVAL = 0.01
"""Seconds between two looks at a container that is ending; a look takes 2 ms."""


def _open_to_all(directory: str) -> bytes:
    """An archive of one directory at the root, in which everybody may write.

    An engine mounts a tmpfs with the mode it was asked for where there is no such directory yet, and from the second
    start on with the mode of the one that its first start has made: 0755, in which only root writes (runc, measured).
    """
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(directory)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(entry)
    return made.getvalue()


class ContainerServer:
    """One container that is started again and again: address, network and kernel rules are its sandbox's and stay."""

    def __init__(
        self,
        container: Container,
        *,
        target: Target,
        address: Address,
        published: Address,
        relayed: bool,
        dial: Dial,
        processes_are_here: bool,
    ) -> None:
        self._container = container
        self._target = target
        self._address = address
        self._published = published
        self._relayed = relayed
        self._dial = dial
        self._processes_are_here = processes_are_here
        """Whether the engine's pids are this machine's."""
        self._changing = threading.RLock()

    @property
    def address(self) -> Address:
        return self._address

    @property
    def published(self) -> Address:
        return self._published

    def start(self, *, environment: Mapping[str, str] | None = None) -> None:
        if environment:
            raise Unsupported(f"{self._target.name} was made with its environment, which a container keeps")
        with self._changing:
            state = self._state()
            if state["Running"]:
                raise TargetFailure(f"{self._target.name} runs already, as pid {state['Pid']}; end it first")
            with translated(f"{self._target.name} cannot be started"):
                if self._target.start.disk is not None:
                    self._container.put_archive("/", _open_to_all(DISK))
                self._container.start()
            self.wait_healthy()

    def wait_healthy(self) -> None:
        """Wait until the container that was started is healthy. Raises StartFailed, TargetDied or PortTaken."""
        check = check_of(self._target, self._address, dial=self._dial, relayed=self._relayed)
        try:
            wait_healthy(check, exit_code=self.exit_code, within=self._target.start.ready_within)
        except (Died, NeverHealthy) as problem:
            raise why_not_healthy(
                problem,
                target=self._target,
                address=self._address,
                log=self.log_tail(),
                port_remedy="nothing else listens in its network, so it must be listening there twice itself",
                remedy="give it longer (start.ready_within), correct start.health or start.port, or have it listen on "
                "0.0.0.0 instead of its own loopback",
            ) from problem

    def stop(
        self, *, sig: signal.Signals = signal.SIGTERM, timeout: float, sent: Callable[[], None] = lambda: None
    ) -> int:
        with self._changing:
            self._signal(sig)
            sent()
            code = self._wait(timeout)
            if code is None:
                raise TargetFailure(
                    f"{self._target.name} still runs {format_duration(timeout)} after {sig.name}, "
                    f"as pid {self._state()['Pid']}"
                )
            return code

    def kill(self) -> None:
        with self._changing:
            self._signal(signal.SIGKILL)
            if self._wait(GONE_WITHIN) is None:
                raise EnvironmentFailure(
                    f"{self._target.name} has not ended {GONE_WITHIN:g}s after SIGKILL: the kernel holds it in a "
                    "system call"
                )

    def alive(self) -> bool:
        return bool(self._state()["Running"])

    def exit_code(self) -> int | None:
        state = self._state()
        return None if state["Running"] else exit_code_of(int(state["ExitCode"]))

    def root_pids(self) -> tuple[int, ...]:
        pid = int(self._state()["Pid"])
        return (pid,) if pid > 0 else ()

    def logged(self) -> int | None:
        with translated(f"the log of {self._target.name} cannot be read"):
            return log_size(self._container)

    def log_tail(self, lines: int = TOLD) -> list[str]:
        with translated(f"the log of {self._target.name} cannot be read"):
            return last_lines(self._container, lines)

    def _signal(self, sig: signal.Signals) -> None:
        with translated(f"{sig.name} cannot be sent to {self._target.name}"):
            try:
                self._container.kill(signal=sig.name)
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:  # it does not run, which is as good
                    raise

    def _wait(self, timeout: float) -> int | None:
        deadline = time.monotonic() + timeout
        while (code := self.exit_code()) is None and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL)
        return code

    def _state(self) -> dict[str, Any]:
        """What the engine says of it; where it is dead by the kernel's word, once the engine has heard of that as well.

        Of a death that was not its own doing an engine hears 60 to 90 ms later (15 deaths, two cores). Raises
        EnvironmentFailure when it does not hear of it at all.
        """
        state = self._told()
        deadline = time.monotonic() + GONE_WITHIN
        while state["Running"] and self._processes_are_here and _is_dead(int(state["Pid"])):
            if time.monotonic() >= deadline:
                raise EnvironmentFailure(
                    f"{self._target.name} has ended, and {GONE_WITHIN:g}s later the container engine still says that "
                    f"it runs as pid {state['Pid']}: restart the engine"
                )
            time.sleep(_POLL_INTERVAL)
            state = self._told()
        return state

    def _told(self) -> dict[str, Any]:
        with translated(f"the state of {self._target.name} cannot be read"):
            self._container.reload()
        state: dict[str, Any] = self._container.attrs["State"]
        return state


def _is_dead(pid: int) -> bool:
    if not psutil.pid_exists(pid):  # also by a user who may not look at it
        return True
    found = read_stat(pid)
    return found is not None and found.state in "ZX"


def exit_code_of(status: int) -> int:
    """An engine's exit status in the house's form: 137 is -9.

    The engine cannot tell a death by signal from an exit with 128 and more; taken for a signal are only those it has
    a name for.
    """
    try:
        return -signal.Signals(status - 128)
    except ValueError:
        return status
