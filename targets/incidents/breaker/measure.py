"""What the selector's cap costs and gains, before against after, and what the gateway claims of itself.

    .chaos/incidents/breaker/server/bin/python targets/incidents/breaker/measure.py

Starts the gateway of before.toml and that of after.toml by turns, leaves each idle, and reads in /proc what it used
meanwhile; then lets clients come one by one, each to a server that sleeps in its selector. The ratio is of medians.
What is inside the server and nobody outside can see is printed as a claim. Linux; it judges nothing.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = 3
IDLE = 10.0
"""Seconds."""
COMERS = 40
LOOK = 0.01
"""Seconds between two looks at whether it sleeps: uvicorn wakes ten times a second, and so between most of them not."""
START_WITHIN = 60.0
"""Seconds, as `start.ready_within` of other incidents; nobody waits for one that has ended."""
SLEEPS_WITHIN = 5.0
"""Seconds for what anybody has left it to do: 0.02 s after its start, and at most 0.05 s after a client, on two cores
under a load of 27. In the first second after its start it used no more than in the next three."""
TICK = 1.0 / os.sysconf("SC_CLK_TCK")


def main() -> int:
    found: dict[str, dict[str, list[float]]] = {"before": {}, "after": {}}
    claims: dict[str, object] = {}
    for _ in range(ROUNDS):
        for variant, figures in found.items():
            with _gateway(variant) as (pid, port):
                for what, value in _read(pid, port).items():
                    figures.setdefault(what, []).append(value)
                claims[variant] = _stats(port)["accept_breaker"]
    print(f"{'median of ' + str(ROUNDS):<42}{'before':>12}{'after':>12}{'after/before':>14}")
    for what in found["before"]:
        before, after = (statistics.median(found[variant][what]) for variant in ("before", "after"))
        print(f"{what:<42}{before:>12.3f}{after:>12.3f}{_ratio(before, after):>14}")
    print("\nclaims of the server (not judged): told under 1 ms an operation, under 1 MB")
    for variant, told in claims.items():
        assert isinstance(told, dict)
        print(
            f"  {variant:<8}breaker {told['overhead_us']:.2f} us, timeout manager {told['timeout_manager_bytes']} bytes"
        )
    return 0


def _ratio(before: float, after: float) -> str:
    return f"{after / before:.2f}" if before else "-"


def _read(pid: int, port: int) -> dict[str, float]:
    _wait_until_it_sleeps(pid)
    cpu, woken = _used(pid)
    time.sleep(IDLE)
    cpu_later, woken_later = _used(pid)
    times = []
    for _ in range(COMERS):
        _wait_until_it_sleeps(pid)
        began = time.perf_counter()
        _come(port)
        times.append((time.perf_counter() - began) * 1000)
    return {
        "idle: CPU, ms a second": (cpu_later - cpu) / IDLE * 1000,
        "idle: wake-ups a second": (woken_later - woken) / IDLE,
        "establishment from idle, median, ms": statistics.median(times),
        "establishment from idle, slowest, ms": max(times),
    }


def _wait_until_it_sleeps(pid: int) -> None:
    """Until it has slept from one look to the next: what its start, or the last who came, has left to do is done."""
    deadline = time.monotonic() + SLEEPS_WITHIN
    before = None
    while (now := _sleep(pid)) is None or now != before:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the gateway does not go to sleep within {SLEEPS_WITHIN:g} s")
        before = now
        time.sleep(LOOK)


def _sleep(pid: int) -> int | None:
    """The number of the sleep that it is in, None where it is awake."""
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return _used(pid)[1] if state == "S" else None


def _used(pid: int) -> tuple[float, int]:
    """Seconds of CPU, and how often it went to sleep by itself."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    slept = next(line for line in status.splitlines() if line.startswith("voluntary_ctxt_switches"))
    return (int(fields[11]) + int(fields[12])) * TICK, int(slept.split()[1])


def _come(port: int) -> None:
    """Connect, and read the 101 and the greeting."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        key = base64.b64encode(os.urandom(16)).decode()
        client.sendall(
            f"GET /session HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer user-1\r\n\r\n".encode()
        )
        got = b""
        while b"welcome" not in got:
            chunk = client.recv(4096)
            if not chunk:
                raise ConnectionError(f"the gateway ended the connection after {got[:80]!r}")
            got += chunk


@contextmanager
def _gateway(variant: str) -> Iterator[tuple[int, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gateway", "--port", str(port)]
    environment = {**os.environ, **_environment("after"), **_environment(variant)}
    with subprocess.Popen(command, cwd=HERE / "server", env=environment) as gateway:
        try:
            _wait_for(port, gateway)
            yield gateway.pid, port
        finally:
            gateway.terminate()


def _environment(variant: str) -> dict[str, str]:
    with (HERE / f"{variant}.toml").open("rb") as file:
        found: dict[str, str] = tomllib.load(file)["start"]["environment"]
    return found


def _wait_for(port: int, gateway: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            _stats(port)
            return
        except OSError:
            if gateway.poll() is not None:
                raise ChildProcessError(f"the gateway ended with exit code {gateway.returncode}") from None
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK)


def _stats(port: int) -> dict[str, object]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        f"http://127.0.0.1:{port}/stats", timeout=10
    ) as answer:
        told: dict[str, object] = json.load(answer)
    return told


if __name__ == "__main__":
    sys.exit(main())
