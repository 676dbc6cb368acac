"""The service as a process of its own, and what /proc and /metrics say of it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER = Path(__file__).resolve().parents[1] / "server"
START_WITHIN = 60.0
"""Seconds, as `start.ready_within` of after.toml; nobody waits for one that has ended."""
MEGABYTE = 1_000_000
_OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    told: str
    measured: str


@dataclass(frozen=True, slots=True)
class Service:
    """One that runs."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def metrics(self) -> dict[str, Any]:
        """What it tells."""
        with _OPEN(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def memory(self) -> float:
        """Megabytes of its tree: PSS, what it alone takes and its part of what is shared."""
        return sum(_pss(pid) for pid in self._tree()) / MEGABYTE

    def cpu(self) -> float:
        """Seconds of CPU that its threads have used."""
        tasks = (task for pid in self._tree() for task in Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def _tree(self) -> list[int]:
        found = [self.pid]
        for pid in found:
            found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found


@contextmanager
def service(**settings: str) -> Iterator[Service]:
    """The service at its defaults, which are the owners' figures, but for these: MAX_CONNECTIONS="10"."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WEBSOCKET_")}
    with subprocess.Popen(
        [sys.executable, "-m", "exhaustion", "--port", str(port)],
        cwd=SERVER,
        env={**clean, **{f"WEBSOCKET_{name}": value for name, value in settings.items()}},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            running = Service(process.pid, port)
            _wait_for(running, process)
            yield running
        finally:
            process.kill()


def _wait_for(running: Service, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            running.metrics()
            return
        except OSError:
            if process.poll() is not None:
                raise ChildProcessError(f"the service ended with exit code {process.returncode}") from None
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _pss(pid: int) -> int:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
