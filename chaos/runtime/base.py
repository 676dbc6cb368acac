"""What every runtime offers: a server, its proxy, its upstream, and a place to start the conductor in.

The runtime is synchronous code in pytest's process (session fixtures). The same scenario runs on every runtime; what
one cannot give is an absent capability with the reason and the remedy.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol

from chaos.address import Address
from chaos.capability import Availability, Capability
from chaos.runtime.environment import own_environment
from chaos.runtime.health import answers_200
from chaos.runtime.logs import TOLD
from chaos.runtime.owner import Owner
from chaos.target import Target

if TYPE_CHECKING:
    from chaos.agent.client import AgentClient

__all__ = [
    "Deployment",
    "Place",
    "Runtime",
    "RuntimeOptions",
    "Server",
    "SpawnedProcess",
    "ToxiproxyEndpoint",
    "UpstreamEndpoint",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """What a user may set about a deployment. The defaults do on any machine."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the server's environment, over the target's own: `{"DEFECT": "..."}`."""
    proxy: Literal["embedded", "toxiproxy"] = "embedded"
    """processes and attached: the proxy of ours, or a `toxiproxy-server` of this machine. Containers: Toxiproxy."""
    seed: int | None = None
    """Of the embedded proxy's randomness; None: a fresh one, which its log tells."""
    hermetic: bool | None = None
    """processes: True demands a namespace, False forbids it, None takes one where it can be had."""
    allowed_hosts: frozenset[str] = frozenset()
    """attached: hosts beyond loopback that the user allows by name."""
    image: str | None = None
    """containers: the server's image, over the target's."""
    python_image: str | None = None
    """containers: the image that upstream and sandbox run in; None: CHAOS_PYTHON_IMAGE, else the published one."""
    toxiproxy_image: str | None = None
    """containers: Toxiproxy's image; None: CHAOS_TOXIPROXY_IMAGE, else the published one."""
    pull_within: float = 120.0
    """containers: seconds for one image to be pulled."""
    agent: Literal["auto", "nsenter", "sidecar", "none"] = "auto"
    """containers: how the agent gets into the target's namespaces; auto: nsenter as root, else the sidecar."""
    run_directory: Path | None = None
    """containers: where cells will be written; the sidecar's agent is given it at the same path."""
    reach: Literal["auto", "addresses", "published"] = "auto"
    """containers: by their own addresses, or through ports that the engine publishes on this machine's loopback;
    auto: by address where the engine's bridges are this machine's."""


class SpawnedProcess(Protocol):
    """A process the runtime started."""

    @property
    def pid(self) -> int:
        """Its pid as this machine's /proc shows it."""

    def wait(self, timeout: float) -> int | None:
        """The exit code (negative: the signal), or None when it still runs after `timeout` seconds."""

    def send_signal(self, sig: signal.Signals) -> None:
        """Send it a signal; a process that ended already is fine."""

    def kill(self) -> None:
        """SIGKILL it and whatever it started; returns once it is gone. A process that ended already is fine."""

    def log_tail(self, lines: int = TOLD) -> list[str]:
        """The last lines of what it wrote to stdout and stderr."""


class Server(Protocol):
    """The server under test."""

    @property
    def address(self) -> Address:
        """Where it listens: TCP-true where the deployment has that capability, else the published address."""

    @property
    def published(self) -> Address:
        """Where it is reached from this process through what the engine publishes; the same where nothing does."""

    def start(self, *, environment: Mapping[str, str] | None = None) -> None:
        """Start it (again) and wait until it is healthy; `environment` is over its own, for this one start.

        Raises StartFailed, TargetDied or PortTaken; EnvironmentFailure where it could not even be tried, and
        Unsupported where the runtime cannot start it, or not with another environment.
        """

    def stop(
        self, *, sig: signal.Signals = signal.SIGTERM, timeout: float, sent: Callable[[], None] = lambda: None
    ) -> int:
        """Send a signal to its main process and wait for the end; returns the exit code (negative: the signal).

        `sent` is called once, when the signal is on its way.

        Raises TargetFailure when it still runs after `timeout` seconds; it is left running then.
        """

    def kill(self) -> None:
        """SIGKILL all of it; returns once it is gone."""

    def alive(self) -> bool:
        """Whether its main process runs."""

    def exit_code(self) -> int | None:
        """How its main process ended (negative: the signal); None while it runs."""

    def root_pids(self) -> tuple[int, ...]:
        """Pids of its main process, as this machine's /proc shows them; empty while it is down or out of sight."""

    def logged(self) -> int | None:
        """Bytes that it has written to stdout and stderr since it was first started; None where that is not known."""

    def log_tail(self, lines: int = TOLD) -> list[str]:
        """The last lines of its output, since it was started last where that can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxiproxyEndpoint:
    """The proxy, as the conductor needs it to make links."""

    api: Address
    """Where its HTTP API answers."""
    kind: Literal["toxiproxy", "embedded"]
    version: str
    listen_host: str
    """What a link's listener binds to, in the proxy's own network."""
    reach_host: str
    """Where clients reach those listeners."""
    ports: Mapping[int, int] | None
    """Ports a link may listen on, with the port it is reached at; None where any port is reached as it is."""
    server_upstream: Address
    """The server, as the proxy sees it."""
    log_tail: Callable[[], list[str]]
    """The last lines of its output: what it says when it dies. Empty where they cannot be had any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamEndpoint:
    """The scripted upstream."""

    control: Address
    """Where `UpstreamControl` talks to it."""
    as_seen_by_proxy: Address
    """What the upstream link forwards to."""
    link_port: int
    """Where the upstream link has to listen (at the proxy's `listen_host`): the server was told this port."""


class Place(Protocol):
    """Where helper processes run and connections start: this machine, or a namespace of it."""

    def spawn(
        self, argv: Sequence[str], *, name: str, env: Mapping[str, str], log: Path, cwd: Path | None = None
    ) -> SpawnedProcess:
        """Start a process with exactly this environment and the owner's marks, its output appended to `log`.

        Raises ToolMissing when the program is not there.
        """

    def dial(self, address: Address, *, timeout: float) -> socket.socket:
        """A connected, blocking TCP socket. Raises OSError."""


@dataclass(slots=True, kw_only=True)
class Deployment:
    """A running server with what an experiment needs; a context manager that leaves nothing behind."""

    name: str
    runtime: str
    """`processes`, `containers` or `attached`."""
    target: Target
    owner: Owner
    directory: Path
    """Of mode 0700 and short enough a path for unix sockets; removed by `close`."""
    capabilities: Mapping[Capability, Availability]
    agent: AgentClient | None
    agent_socket: Path | None
    server: Server
    toxiproxy: ToxiproxyEndpoint
    upstream: UpstreamEndpoint | None
    place: Place
    resources: contextlib.ExitStack
    """Closes everything, in the order that leaves nothing behind."""
    _closing: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def spawn(self, argv: Sequence[str], *, name: str, env: Mapping[str, str]) -> SpawnedProcess:
        """Start a process of ours, such as the conductor, where it can reach everything; `name` names its log.

        It gets this process's environment with `env` over it, and can import `chaos`.
        """
        return self.place.spawn(argv, name=name, env={**own_environment(), **env}, log=self.log(name))

    def log(self, name: str) -> Path:
        """The file that the output of `name` is appended to."""
        return self.directory / f"{name}.log"

    def dial(self, address: Address, *, timeout: float) -> socket.socket:
        """A connected TCP socket from where the deployment can be reached. Raises OSError."""
        return self.place.dial(address, timeout=timeout)

    def companions_answer(self) -> bool:
        """Whether proxy and upstream do: one that was killed or hangs does not come back by itself.

        The proxy is asked for all its links, because Toxiproxy answers that only when none of them hangs. 3 ms.
        """
        proxy = answers_200(self.toxiproxy.api, "/proxies", dial=self.dial)
        if self.upstream is None:
            return proxy() is None
        return proxy() is None and answers_200(self.upstream.control, "/_hits?since=inf", dial=self.dial)() is None

    def close(self) -> None:
        """End everything that was started and remove every trace; closing twice is fine."""
        with self._closing:
            self.resources.close()

    def __enter__(self) -> Deployment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Runtime(Protocol):
    """A way to start servers."""

    @property
    def name(self) -> str: ...

    def deploy(self, target: Target, *, owner: Owner, options: RuntimeOptions) -> Deployment:
        """Start the target with everything it needs and wait until it is healthy.

        Raises EnvironmentFailure or TargetFailure; nothing is left running then, nor when it is interrupted.
        """
