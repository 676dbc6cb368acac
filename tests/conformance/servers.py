"""Starts a proxy server, real or embedded, and talks to its API."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from chaos.links.embedded.parent import die_with_parent
from chaos.runtime.ports import free_ports

__all__ = [
    "DEADLINE",
    "EMBEDDED",
    "HANGS",
    "REMEDY",
    "ROOT",
    "TOXIPROXY",
    "Answer",
    "Server",
    "command_for",
    "either",
    "find_toxiproxy",
    "free_port",
    "hangs",
    "running",
]

TOXIPROXY = "toxiproxy"
EMBEDDED = "embedded"

_T = TypeVar("_T")

ROOT = Path(__file__).parents[2]
DEADLINE = 5.0
"""Seconds for anything on loopback that must happen. It takes milliseconds."""

STARTS = 60.0
"""Seconds from a server's start to its listening. The embedded one, which has Python to load, took 0.5 to 0.9 s on two
cores under a load of 27, and where each of our processes gave way to all others more than 5 s."""

HANGS = 0.7
"""Seconds after which a request counts as hanging. One that does not hang takes a millisecond."""

REMEDY = (
    "no Toxiproxy 2.12.0 server found: set CHAOS_TOXIPROXY_SERVER to its path, or put toxiproxy-server on PATH or in "
    "$CHAOS_ENGINE_HOME/bin (default /var/lib/chaos-engine/bin); it is built by "
    'CGO_ENABLED=0 go install -ldflags "-X github.com/Shopify/toxiproxy/v2.Version=2.12.0" '
    "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
)


def find_toxiproxy() -> str | None:
    """Path of the real server, or None."""
    if named := os.environ.get("CHAOS_TOXIPROXY_SERVER"):
        return named
    if found := shutil.which("toxiproxy-server"):
        return found
    installed = Path(os.environ.get("CHAOS_ENGINE_HOME", "/var/lib/chaos-engine"), "bin", "toxiproxy-server")
    return str(installed) if installed.exists() else None


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    content_type: str
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.text)

    @property
    def error(self) -> str:
        """The message of an API error, without the name Go gives to a type, which depends on its version."""
        assert list(self.json)[:2] == ["error", "status"]
        assert self.json["status"] == self.status
        return re.sub(r" into Go .*", " into Go", self.json["error"])


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    kind: str
    port: int
    process: subprocess.Popen[bytes]

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        within: float = DEADLINE,
    ) -> Answer:
        """One request on a connection of its own; bytes are sent as they are, anything else as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within)
        payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, payload, dict(headers or {}))
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, response.headers.get("Content-Type", ""), text, dict(response.headers))
        finally:
            connection.close()

    def ok(self, method: str, path: str, body: object = None) -> Any:
        """A request that must succeed; the decoded body."""
        answer = self.request(method, path, body)
        assert answer.status < 300, answer
        return answer.json if answer.text else None

    def raw(self, sent: bytes) -> str:
        """Send bytes; all that comes back until the server closes, without what is never the same twice."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as sock:
            sock.sendall(sent)
            received = bytearray()
            while data := sock.recv(65_536):
                received += data
        text = received.decode()
        text = re.sub(r"X-Toxiproxy-Request-Id: [0-9a-v]{20}", "X-Toxiproxy-Request-Id: ID", text)
        return re.sub(r"Date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "Date: D", text).replace("\r\n", "\n")


def either(server: Server, *, toxiproxy: _T, embedded: _T) -> _T:
    """What this server is expected to do."""
    return {TOXIPROXY: toxiproxy, EMBEDDED: embedded}[server.kind]


def hangs(server: Server, method: str, path: str, body: object = None) -> bool:
    """Whether a request gets no answer within a time that is more than enough."""
    try:
        server.request(method, path, body, within=either(server, toxiproxy=HANGS, embedded=DEADLINE))
    except TimeoutError:
        return True
    return False


@contextmanager
def running(kind: str, *arguments: str) -> Iterator[Server]:
    """A server of this kind on a free port; skips the test where there is none."""
    port = free_port()
    command = [*command_for(kind), "-host", "127.0.0.1", "-port", str(port), *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LOG_LEVEL": "error"},
        # Also when these tests are killed, nothing stays behind.
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
    )
    try:
        _await_port(process, port)
        yield Server(kind, port, process)
    finally:
        process.kill()
        process.wait()


def command_for(kind: str) -> list[str]:
    """What starts a server of this kind; skips the test where there is none."""
    if kind == EMBEDDED:
        return [sys.executable, "-m", "chaos.links.embedded"]
    path = find_toxiproxy()
    if path is None:
        pytest.skip(REMEDY)
    return [path]


def free_port() -> int:
    """A port nobody listens on now, nor is given for a client; Toxiproxy does not tell which it chose, where it may."""
    return free_ports(1)[0]


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + STARTS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None, f"the server ended with {process.returncode}"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.01)
        else:
            return
