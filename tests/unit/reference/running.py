"""A server process under test: started, asked, signalled, looked at from outside."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

REFERENCE = Path(__file__).resolve().parents[3] / "targets" / "reference"
START_TIMEOUT = 20.0
"""Seconds; a start takes half a second, this only ends a test whose server hangs."""


class RunningServer:
    """One server process on a port of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: IO[str]) -> None:
        self.process = process
        self.port = port
        self._log = log

    def url(self, path: str) -> str:
        """The WebSocket address of `path`."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def request(self, path: str) -> tuple[int, Any]:
        """GET a JSON document, whatever the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.load(response)
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """GET a JSON document."""
        status, document = self.request(path)
        assert status == 200, f"{path}: status {status}"
        return document

    def stat(self, pointer: str) -> Any:
        """One value of `/stats`, by JSON pointer."""
        value = self.get("/stats")
        for key in pointer.strip("/").split("/"):
            value = value[key]
        return value

    def log_text(self) -> str:
        """What it has logged."""
        self._log.flush()
        return Path(self._log.name).read_text()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it for certain."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()
        Path(self._log.name).unlink(missing_ok=True)

    def worked(self) -> float:
        """Seconds of a core that it has used, counted from outside."""
        user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        """File descriptors, counted from outside."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def kernel_sockets(self, *, remote_port: int | None = None) -> list[str]:
        """States of the kernel's sockets on the server's port, without the listener; of one peer if it is given.

        Orphans are included: sockets the process has closed and the kernel still keeps. TIME_WAIT is not: it holds no
        data and is the normal end of whoever closes first.
        """
        states = {}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            local, remote, state = line.split()[1:4]
            if int(local.split(":")[1], 16) != self.port or TCP_STATES[state] in ("LISTEN", "TIME_WAIT"):
                continue
            if remote_port is None or int(remote.split(":")[1], 16) == remote_port:
                states[local, remote] = TCP_STATES[state]  # a line is told again where others come and go meanwhile
        return list(states.values())


TCP_STATES = {
    "01": "ESTABLISHED",
    "02": "SYN_SENT",
    "03": "SYN_RECV",
    "04": "FIN_WAIT1",
    "05": "FIN_WAIT2",
    "06": "TIME_WAIT",
    "07": "CLOSE",
    "08": "CLOSE_WAIT",
    "09": "LAST_ACK",
    "0A": "LISTEN",
    "0B": "CLOSING",
}


def started(*, profile: str, environment: Mapping[str, str]) -> RunningServer:
    """Start a server and wait until it says that it listens."""
    log = tempfile.NamedTemporaryFile("w+", suffix=".log", delete=False)  # noqa: SIM115  # closed by kill()
    process = subprocess.Popen(
        [sys.executable, "-m", "reference_server", "--port", "0", "--profile", profile],
        cwd=REFERENCE,
        env={**clean_environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("reference_server: listening on "):
        process.kill()
        raise AssertionError(f"the server did not start: {line!r}\n{Path(log.name).read_text()}")
    return RunningServer(process, int(line.split(":")[2].split()[0]), log)


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of the server."""
    ours = ("WEBSOCKET_", "BREAKER_", "BROADCAST_", "UPSTREAM_")
    others = ("PROFILE", "DEFECT", "LISTEN_BACKLOG", "SHUTDOWN_TIMEOUT", "LOG_LEVEL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours) and name not in others}


A_LOOK = 0.1
"""Seconds that one look may count for: it takes a millisecond or two, so whoever needed longer was not running."""


def wait_until(
    condition: Callable[[], bool], *, within: float, every: float = 0.02, beside: RunningServer | None = None
) -> float:
    """Poll until `condition` holds; the seconds it took. Fails after `within` seconds of attention.

    Time in which this process did not run is nobody's failure: a look counts for `A_LOOK` at most. Give the server
    `beside` a condition that does not ask it: it is asked something as well, so that its own absence counts no more.
    """
    start = looked = time.monotonic()
    attended = 0.0
    while not condition():
        if beside is not None:
            beside.request("/health")
        attended += min(time.monotonic() - looked, every + A_LOOK)
        looked = time.monotonic()
        if attended > within:
            raise AssertionError(f"not so within {within:g} s")
        time.sleep(every)
    return time.monotonic() - start


StartServer = Callable[..., RunningServer]
"""The `start_server` fixture: settings as keyword arguments."""
