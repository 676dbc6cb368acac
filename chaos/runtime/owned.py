"""Containers and networks that carry their owner in labels: made through Testcontainers, found again by the labels.

The one module that imports testcontainers. Ryuk stays off for what is made here: it needs an image of its own, and
the labels do its work where no registry is in reach, too. The settings of Testcontainers are global to a process, and
a user's own tests may be using it beside us: they are only ours while `Fleet.launching` is open.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import docker
import psutil
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.models.networks import Network as DockerNetwork
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.network import Network

from chaos.errors import EnvironmentFailure
from chaos.runtime.engine import CALL_WITHIN, Engine, translated
from chaos.runtime.owner import Owner

__all__ = ["DEPLOYMENT_LABEL", "OWNER_LABEL", "Fleet", "reap_engine"]

OWNER_LABEL = "chaos.owner"
DEPLOYMENT_LABEL = "chaos.deployment"
ROLE_LABEL = "chaos.role"

REMOVED_WITHIN = 20.0
"""Seconds for a container to be gone: 0.1 s here, and the engine itself waits 10 s for a process that will not die."""

_REMOVAL_POLL = 0.05
"""Seconds between two looks at a removal that another run has begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The containers and the network of one deployment."""

    engine: Engine
    client: docker.DockerClient
    owner: Owner
    deployment: str
    _clients: list[DockerClient] = field(default_factory=list)
    """Testcontainers opens one for each container and network."""

    @property
    def labels(self) -> dict[str, str]:
        return {OWNER_LABEL: self.owner.token, DEPLOYMENT_LABEL: self.deployment}

    @property
    def _client_options(self) -> dict[str, Any]:
        return {"version": self.engine.api_version, "timeout": CALL_WITHIN}

    @contextlib.contextmanager
    def launching(self) -> Iterator[None]:
        """While open, Testcontainers talks to our engine, without Ryuk. Not for several threads at once."""
        saved = dict(vars(testcontainers_config))
        host = os.environ.get("DOCKER_HOST")
        testcontainers_config.ryuk_disabled = True
        testcontainers_config.hub_image_name_prefix = ""
        testcontainers_config.tc_properties = {"tc.host": self.engine.host}
        try:
            yield
        finally:
            vars(testcontainers_config).update(saved)
            os.environ.pop("DOCKER_HOST", None)  # Testcontainers sets it to the engine it talks to
            if host is not None:
                os.environ["DOCKER_HOST"] = host

    def network(self) -> Network:
        """The deployment's network, created."""
        network = Network(docker_client_kw=self._client_options, docker_network_kw={"labels": self.labels})
        self._clients.append(network._docker)
        network.name = f"chaos-{self.deployment}"
        with translated("a network cannot be made (`docker network prune` removes those that nobody uses)"):
            return network.create()

    def container(
        self,
        image: str,
        *,
        role: str,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        network: Network | None = None,
        alias: str = "",
        published: Iterable[int] = (),
        volumes: Iterable[tuple[str, str, str]] = (),
        **options: Any,
    ) -> DockerContainer:
        """A container that is not started yet.

        `published` ports are reached on this machine's loopback only. `volumes` are path here, path inside, mode.
        `options` are those of the docker SDK.
        """
        container = DockerContainer(
            image,
            docker_client_kw=self._client_options,
            name=f"chaos-{self.deployment}-{role}",
            env=dict(environment or {}),
        )
        self._clients.append(container.get_docker_client())
        if command is not None:
            container.with_command(list(command))
        if network is not None:
            container.with_network(network).with_network_aliases(alias)
        for here, inside, mode in volumes:
            container.with_volume_mapping(here, inside, mode)
        ports: dict[str, Any] = container.ports  # the SDK beneath also takes (address, port) here; None: any port
        ports.update({f"{port}/tcp": ("127.0.0.1", None) for port in published})
        return container.with_kwargs(labels={**self.labels, ROLE_LABEL: role}, **options)

    def sweep(self) -> None:
        """Remove everything of the deployment, whatever state its start was left in."""
        label = {"label": f"{DEPLOYMENT_LABEL}={self.deployment}"}
        try:
            with translated("what was started cannot be removed (the next run will try again)"):
                containers = self.client.containers.list(all=True, ignore_removed=True, sparse=True, filters=label)
                _remove(containers, self.client.networks.list(filters=label))
        finally:
            for opened in self._clients:
                opened.client.close()


def reap_engine(client: docker.DockerClient, *, local: bool) -> tuple[list[str], list[str]]:
    """Remove the containers and networks of dead owners; returns their names. 12 ms with nothing to do.

    Owners of another boot or pid namespace cannot be known to be dead, with one exception: on an engine of this
    machine, what was made before the machine booted and does not run.
    """
    with translated("what dead runs have left cannot be listed"):
        containers = client.containers.list(all=True, ignore_removed=True, sparse=True, filters={"label": OWNER_LABEL})
        networks = client.networks.list(filters={"label": OWNER_LABEL})
    running = {_owner(item) for item in containers if item.attrs["State"] in ("running", "paused", "restarting")}
    booted = psutil.boot_time()

    def orphaned(item: Container | DockerNetwork) -> bool:
        token = _owner(item)
        owner = Owner.parse(token)
        if owner is None or owner.local:
            return owner is not None and not owner.alive()
        return local and token not in running and _created(item) < booted

    dead_containers = [item for item in containers if orphaned(item)]
    dead_networks = [item for item in networks if orphaned(item)]
    with translated("what dead runs have left cannot be removed"):
        _remove(dead_containers, dead_networks)
    return [_container_name(item) for item in dead_containers], [str(item.attrs["Name"]) for item in dead_networks]


def _owner(item: Container | DockerNetwork) -> str:
    return str((item.attrs.get("Labels") or {}).get(OWNER_LABEL, ""))


def _created(item: Container | DockerNetwork) -> float:
    """Seconds since the epoch; a list of containers has a number there, a list of networks text."""
    created = item.attrs["Created"]
    return float(created) if isinstance(created, int | float) else datetime.fromisoformat(created).timestamp()


def _container_name(item: Container) -> str:
    return str(item.attrs["Names"][0]).removeprefix("/")


def _remove(containers: list[Container], networks: list[DockerNetwork]) -> None:
    """Containers side by side, then the networks they were in."""
    if containers:
        with ThreadPoolExecutor(len(containers), thread_name_prefix="chaos-remove") as workers:
            list(workers.map(lambda item: _until_gone(lambda: item.remove(force=True, v=True)), containers))
    for network in networks:
        _until_gone(network.remove)


def _until_gone(remove: Callable[[], object]) -> None:
    """Remove something that another run may be removing at the same moment."""
    deadline = time.monotonic() + REMOVED_WITHIN
    while True:
        try:
            remove()
        except NotFound:
            return
        except APIError as error:
            # 409: its removal is in progress already; or, of a network, a container is just leaving it (403 up to 20).
            if error.status_code not in (403, 409):
                raise
            if time.monotonic() >= deadline:
                raise EnvironmentFailure(
                    f"the engine does not remove what a run has left: {error.explanation}"
                ) from error
            time.sleep(_REMOVAL_POLL)
        else:
            return
