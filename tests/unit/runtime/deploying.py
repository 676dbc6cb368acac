"""What the tests of several runtimes share: targets made of the stub server, and questions asked of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker

from chaos.address import Address
from chaos.runtime.base import Deployment
from chaos.runtime.health import fetch
from chaos.runtime.owned import OWNER_LABEL
from chaos.runtime.owner import Owner
from chaos.runtime.state import owned_state_directories
from chaos.target import Echo, Endpoints, Start, Target, Upstream

STUB = Path(__file__).with_name("stub_server.py")

WITHIN = 10.0
"""Seconds for anything that takes milliseconds."""


def stub_target(
    *,
    arguments: tuple[str, ...] = (),
    upstream: bool = False,
    name: str = "stub",
    **start: Any,
) -> Target:
    """The stub server as a target; `start` are fields of its [start] table."""
    command = ("{python}", str(STUB), "--host", "{host}", "--port", "{port}", *arguments)
    return Target(
        name=name,
        start=Start.model_validate({"command": command, "health": "/health", "ready_within": "10s", **start}),
        endpoints=Endpoints(echo=Echo(path="/echo")),
        upstream=Upstream(environment="UPSTREAM_URL") if upstream else None,
    )


def ask(deployment: Deployment, path: str, *, address: Address | None = None) -> str:
    """The body of a GET of the deployed server."""
    status, body = fetch(address or deployment.server.address, path, dial=deployment.dial, within=WITHIN)
    assert status == 200, (status, body)
    return body.decode()


def environment_of(deployment: Deployment) -> Mapping[str, str]:
    """The environment that the deployed server was started with."""
    about = json.loads(ask(deployment, "/about"))
    return {str(name): str(value) for name, value in about["environment"].items()}


def make_link(deployment: Deployment, name: str, listen: str, upstream: Address) -> Address:
    """A link such as a conductor makes, by the proxy's HTTP API; where it listens."""
    data = json.dumps({"name": name, "listen": listen, "upstream": str(upstream)}).encode()
    head = f"POST /proxies HTTP/1.1\r\nhost: proxy\r\ncontent-length: {len(data)}\r\nconnection: close\r\n\r\n"
    with deployment.dial(deployment.toxiproxy.api, timeout=WITHIN) as connection:
        connection.sendall(head.encode() + data)
        top, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert top.split()[1] == b"201", body
    host, _, port = json.loads(body)["listen"].rpartition(":")
    return Address(host, int(port))


PYTHON = sys.executable


def leftovers(owner: Owner) -> list[tuple[int, str]]:
    """Pids and names of the processes that carry the owner's mark, and its state directories as pid 0."""
    needle = f"CHAOS_OWNER={owner.token}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if needle in (entry / "environ").read_bytes().split(b"\0"):
                found.append((int(entry.name), (entry / "comm").read_text().strip()))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    found += [(0, str(path)) for of, path in owned_state_directories() if of == owner]
    return found


def labelled(client: docker.DockerClient, owner: Owner) -> list[str]:
    """Names of the containers and networks that carry the owner's label."""
    label = {"label": f"{OWNER_LABEL}={owner.token}"}
    containers = client.containers.list(all=True, ignore_removed=True, filters=label)
    return sorted(item.name for item in [*containers, *client.networks.list(filters=label)])
