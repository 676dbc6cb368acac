"""A gateway as a process of its own, in the environment of one of the target files, and what /proc tells of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
START_WITHIN = 60.0
"""Seconds, as `start.ready_within` of other incidents; nobody waits for one that has ended."""
SLEEPS_WITHIN = 5.0
"""Seconds for what anybody has left it to do: 0.02 s after its start, and at most 0.05 s after a client, on two cores
under a load of 27. In the first second after its start it used no more than in the next three."""
LOOK = 0.01
"""Seconds between two looks at whether it sleeps: uvicorn wakes ten times a second, and so between most of them not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One that serves."""

    pid: int
    port: int

    def statistics(self) -> dict[str, object]:
        """What it tells at `/stats`. Raises OSError."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/stats", timeout=10) as answer:
            told: dict[str, object] = json.load(answer)
        return told

    def used(self) -> tuple[float, int]:
        """Seconds of CPU, and how often it went to sleep by itself: of its one thread, to the nanosecond."""
        ran = int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0])
        return ran / 1e9, int(self.status("voluntary_ctxt_switches").split()[0])

    def status(self, name: str) -> str:
        """A line of /proc/PID/status."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(line for line in lines if line.startswith(f"{name}:")).partition(":")[2].strip()

    def wait_until_it_sleeps(self) -> None:
        """Until it has slept from one look to the next: what its start, or the last who came, left to do is done."""
        deadline = time.monotonic() + SLEEPS_WITHIN
        before = None
        while (now := self._sleep()) is None or now != before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the gateway does not go to sleep within {SLEEPS_WITHIN:g} s")
            before = now
            time.sleep(LOOK)

    def _sleep(self) -> int | None:
        """The number of the sleep that it is in, None where it is awake."""
        return self.used()[1] if self.status("State").startswith("S") else None


@contextmanager
def gateway(variant: str, upstream: str = "", changes: Mapping[str, str] | None = None) -> Iterator[Gateway]:
    """The gateway of `variant`.toml with some variables changed, until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gateway", "--port", str(port)]
    environment = {**os.environ, **environment_of("after"), **environment_of(variant), "UPSTREAM_URL": upstream}
    with subprocess.Popen(
        command, cwd=FOLDER / "server", env={**environment, **(changes or {})}, stderr=subprocess.DEVNULL
    ) as process:
        try:
            serving = Gateway(pid=process.pid, port=port)
            _wait_for(serving, process)
            yield serving
        finally:
            process.kill()  # whoever is still waiting for its session is not waited for


def environment_of(variant: str) -> dict[str, str]:
    """`start.environment` of a target file."""
    with (FOLDER / f"{variant}.toml").open("rb") as file:
        found: dict[str, str] = tomllib.load(file)["start"]["environment"]
    return found


def _wait_for(serving: Gateway, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            serving.statistics()
            return
        except OSError:
            if process.poll() is not None:
                raise ChildProcessError(f"the gateway ended with exit code {process.returncode}") from None
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK)
