"""An experiment whose conductor and server are scripted: what it asked of them is in a list."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from chaos.address import Address
from chaos.bounds import patience
from chaos.contract import Contract
from chaos.experiment import Experiment, RemoteConductor
from chaos.faults.base import Fault
from chaos.journal import Bite, Healing, HealingState, JournalWriter, Receipt
from chaos.rpc import RpcClient
from chaos.server_view import ServerView
from chaos.target import Data, Echo, Endpoints, Feed, Gated, Start, Statistics, Target

__all__ = [
    "DIRECT",
    "LINK",
    "Machine",
    "Make",
    "Remote",
    "Scripted",
    "a_healing",
    "a_receipt",
    "make_target",
    "scripted",
]

DIRECT = Address("127.0.0.1", 1001)
LINK = Address("127.0.0.1", 1002)
VIEW = ServerView(address=DIRECT, port=1001, root_pids=(7,))


def a_receipt(fault: str = "latency", *, bite: Bite = Bite.BIT) -> Receipt:
    return Receipt(at=11.0, fault=fault, bite=bite, covered=0, total=0, since=10.0)


def a_healing(state: HealingState = HealingState.HEALED) -> Healing:
    return Healing(at=21.0, fault="latency", state=state, since=20.0)


@dataclass
class Remote:
    """A conductor: each method's answer is a value, an exception, or what a function of the arguments gives."""

    answers: dict[str, Any] = field(default_factory=lambda: {"inject": (1, a_receipt()), "heal": a_healing()})
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    async def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((method, *args))
        answer = self.answers.get(method)
        if callable(answer):
            answer = answer(*args)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def called(self, method: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of a method."""
        return [tuple(arguments) for name, *arguments in self.calls if name == method]


@dataclass
class Machine:
    """A server that can be stopped and started, and says how it ended."""

    runs: bool = True
    code: int | None = None
    log: list[str] = field(default_factory=list)
    log_size: int | None = None
    stopping: Callable[[], int] = lambda: 0
    done: list[str] = field(default_factory=list)
    address: Address = DIRECT

    def start(self, *, environment: Mapping[str, str] | None = None) -> None:
        self.done.append(f"start with {dict(environment)}" if environment else "start")
        self.runs = True

    def stop(
        self, *, sig: signal.Signals = signal.SIGTERM, timeout: float, sent: Callable[[], None] = lambda: None
    ) -> int:
        self.done.append(f"{sig.name} within {timeout:g}s")
        sent()
        return self.stopping()

    def kill(self) -> None:
        self.done.append("kill")
        self.runs = False

    def alive(self) -> bool:
        return self.runs

    def exit_code(self) -> int | None:
        return self.code

    def root_pids(self) -> tuple[int, ...]:
        return (7,) if self.runs else ()

    def logged(self) -> int | None:
        return self.log_size

    def log_tail(self, lines: int = 20) -> list[str]:
        return self.log[-lines:]


def make_target(*, statistics: Statistics | None = None, **promises: dict[str, Any]) -> Target:
    return Target(
        name="small",
        start=Start(command=("serve",)),
        endpoints=Endpoints(
            echo=Echo(path="/echo", subprotocol="chat", headers={"X-Token": "secret"}),
            feed=Feed(path="/feed", message="news", headers={"origin": "https://shop.example", "X-Token": "feed"}),
            data=Data(path="/data", send="get {n}", live="live", headers={"X-Token": "data"}, subprotocol="rpc"),
            gated=Gated(path="/session", greeting="welcome"),
        ),
        statistics=statistics,
        promises=Contract.model_validate(promises),
    )


@dataclass
class Scripted:
    """The experiment, and both its sides."""

    experiment: Experiment
    remote: Remote
    machine: Machine
    directory: Path


class Make(Protocol):
    """Makes an experiment; its journal is closed with the test."""

    def __call__(
        self,
        *,
        target: Target | None = None,
        link: Address | None = LINK,
        fault: Fault | None = None,
        faults_allowed: bool = True,
        read_along: bool = False,
        machine: Machine | None = None,
        remote: Remote | None = None,
    ) -> Scripted: ...


def scripted(
    journal: JournalWriter,
    *,
    target: Target | None = None,
    link: Address | None = LINK,
    fault: Fault | None = None,
    faults_allowed: bool = True,
    read_along: bool = False,
    machine: Machine | None = None,
    remote: Remote | None = None,
) -> Scripted:
    remote = remote or Remote()
    machine = machine or Machine()
    promised = target or make_target()
    experiment = Experiment(
        conductor=RemoteConductor(cast(RpcClient, remote), patience=patience(promised.promises)),
        server=machine,
        view=lambda: VIEW,
        target=promised,
        capabilities={},
        journal=journal,
        link=link,
        fault=fault,
        faults_allowed=faults_allowed,
        read_along=read_along,
    )
    return Scripted(experiment, remote, machine, journal.path.parent)
