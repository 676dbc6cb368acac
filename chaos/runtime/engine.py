"""Finding a container engine, and the names of the images to run on it.

Looked for in this order: the environment (DOCKER_HOST), docker's current context, the usual sockets, and the `env`
file that the air-gapped set-up writes (`chaos/runtime/airgap/engine.sh`). What the environment names must answer;
nothing else is tried then.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import docker
from docker.context import ContextAPI
from docker.errors import APIError, DockerException
from docker.models.containers import Container
from requests.exceptions import RequestException

from chaos.errors import EngineUnavailable, EnvironmentFailure
from chaos.runtime.logs import TOLD

__all__ = ["ENGINE_HOME", "Engine", "connect", "find_engine", "last_lines", "open_client", "translated"]

ENGINE_HOME = "/var/lib/chaos-engine"
"""Where the air-gapped set-up keeps its state, unless CHAOS_ENGINE_HOME says otherwise."""

ANSWER_WITHIN = 3.0
"""Seconds for an engine to say its version: 5 ms locally, 0.5 s for a busy virtual machine."""

CALL_WITHIN = 60.0
"""Seconds for any other call: a container's removal took 12 s on a machine that was swapping."""

USUAL_SOCKETS = ("/var/run/docker.sock", "{XDG_RUNTIME_DIR}/docker.sock", "{HOME}/.docker/run/docker.sock")
"""The system's engine, a rootless one, Docker Desktop's."""

_PUBLISHED_PYTHON = "python:3.11-slim"
_PUBLISHED_TOXIPROXY = "ghcr.io/shopify/toxiproxy:2.12.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine that answered."""

    host: str
    """Its address, as DOCKER_HOST has it."""
    version: str
    api_version: str
    home: Path | None
    """The air-gapped set-up's directory where it is that one's engine: no registry is asked then. Else None."""
    python_image: str
    toxiproxy_image: str
    settings: Mapping[str, str] = field(default_factory=dict)
    """The air-gapped set-up's variables."""

    @property
    def local(self) -> bool:
        """Whether it is reached through a socket of this machine."""
        return self.host.startswith("unix://")

    def with_images(self, *, python: str | None, toxiproxy: str | None) -> Engine:
        """The same engine with other images, where one is named."""
        return replace(
            self, python_image=python or self.python_image, toxiproxy_image=toxiproxy or self.toxiproxy_image
        )


def find_engine(environment: Mapping[str, str] = os.environ) -> Engine:
    """The engine to use. Raises EngineUnavailable with all that was tried and what to do."""
    home = Path(environment.get("CHAOS_ENGINE_HOME", ENGINE_HOME))
    settings = _read_settings(home / "env")
    tried = []
    for host, source in _candidates(environment, settings):
        try:
            version, api_version = _ask(host)
        except (DockerException, OSError) as error:
            tried.append(f"{host} ({source}): {_sentence(error)}")
            continue
        ours = settings if settings.get("DOCKER_HOST") == host else {}
        given = {**ours, **environment}
        return Engine(
            host=host,
            version=version,
            api_version=api_version,
            home=home if ours else None,
            python_image=given.get("CHAOS_PYTHON_IMAGE", _PUBLISHED_PYTHON),
            toxiproxy_image=given.get("CHAOS_TOXIPROXY_IMAGE", _PUBLISHED_TOXIPROXY),
            settings=ours,
        )
    found = "; ".join(tried) if tried else "DOCKER_HOST is not set and there is no socket in the usual places"
    raise EngineUnavailable(
        f"no container engine answers: {found}; start Docker or set DOCKER_HOST (on Debian as root, `make engine` sets "
        "one up), or take the processes runtime (--chaos-runtime=processes)"
    )


def connect(engine: Engine, *, timeout: float = CALL_WITHIN) -> docker.DockerClient:
    """A client of its own, every call of it bounded; the caller closes it. Raises EngineUnavailable."""
    try:
        _knock(engine.host)
        return open_client(engine.host, version=engine.api_version, timeout=timeout)
    except (DockerException, OSError) as error:
        raise EngineUnavailable(f"the engine at {engine.host} no longer answers: {_sentence(error)}") from error


def open_client(host: str, *, version: str = "auto", timeout: float = CALL_WITHIN) -> docker.DockerClient:
    """A client for an address; TLS settings are the environment's. Raises DockerException.

    With `auto` the engine is asked for its version first, and where it does not answer the SDK leaves a socket open.
    """
    environment = {**os.environ, "DOCKER_HOST": host}
    ssh = host.startswith("ssh://")
    return docker.from_env(environment=environment, version=version, timeout=timeout, use_ssh_client=ssh)


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours: `what` is half a sentence, such as "the network cannot be made".

    Raises EnvironmentFailure with the engine's own words, EngineUnavailable when it no longer answers.
    """
    try:
        yield
    except APIError as error:
        raise EnvironmentFailure(f"{what}: {error.explanation}") from error
    except (DockerException, RequestException) as error:
        raise EngineUnavailable(
            f"{what}, for the engine no longer answers: {_sentence(error)}; look whether it still runs"
        ) from error


def log_size(container: Container) -> int:
    """Bytes of a container's output so far, read from its beginning. Raises the SDK's errors."""
    return sum(map(len, container.logs(stream=True, follow=False)))


def last_lines(container: Container, lines: int = TOLD) -> list[str]:
    """The last lines of a container's output. Raises the SDK's errors."""
    text: bytes = container.logs(tail=lines)
    return text.decode("utf-8", errors="replace").splitlines()


def _candidates(environment: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if named := environment.get("DOCKER_HOST"):
        yield named, "from DOCKER_HOST"
        return
    context = ContextAPI.get_current_context()
    if context is not None and context.Name != "default" and context.Host:
        yield context.Host, f"docker's context {context.Name}"
    for usual in USUAL_SOCKETS:
        # os.path, not Path: a user without a home, and a home too long to be looked into, are no reason to raise.
        path = os.path.expanduser(usual.format(**{"HOME": "~", "XDG_RUNTIME_DIR": "~", **environment}))
        if os.path.exists(path):
            yield f"unix://{path}", "a usual place"
    if "DOCKER_HOST" in settings:
        yield settings["DOCKER_HOST"], "from the air-gapped set-up; `make engine` starts it again"


def _ask(host: str) -> tuple[str, str]:
    """The versions of engine and API. Raises DockerException or OSError."""
    _knock(host)
    with contextlib.closing(
        open_client(host, version=docker.constants.MINIMUM_DOCKER_API_VERSION, timeout=ANSWER_WITHIN)
    ) as client:
        answer = client.api.version(api_version=False)
        return str(answer["Version"]), str(answer["ApiVersion"])


def _knock(host: str) -> None:
    """Raise OSError where nobody listens on a unix socket: the SDK would leave its own socket open then."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(ANSWER_WITHIN)
            probe.connect(host.removeprefix("unix://"))


def _read_settings(path: Path) -> dict[str, str]:
    """The lines KEY=value of the `env` file; none where there is no file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # not there, not ours to read, or no text: then it names no engine
        return {}
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name: value for name, separator, value in pairs if separator}


def _sentence(error: Exception) -> str:
    """The innermost reason; the engine's client wraps it four times."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    if isinstance(cause, PermissionError):
        return "Permission denied: join the group that its socket belongs to, usually docker"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause)
