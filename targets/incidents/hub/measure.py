"""When the breaker of the fixed hub moves in its owners' five cases, and what ten clients get out of it: `make measure
NAME=hub`, or

    .chaos/incidents/hub/server/bin/python targets/incidents/hub/measure.py

Starts the hub of after.toml in front of a scripted RPC, once for the cases and once for the load. When a state was
entered is the hub's own word (`/stats`), on the clock that this process has too; what callers get and what reaches the
RPC is seen from outside. Under three minutes. Linux; it judges nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

HERE = Path(__file__).resolve().parent
with (HERE / "after.toml").open("rb") as target:
    AFTER: dict[str, Any] = tomllib.load(target)
THRESHOLD = int(AFTER["start"]["environment"]["HUB_FAILURE_THRESHOLD"])
ROUNDS = 5
CALLS_WHILE_OPEN = 50
GAP = 0.005
"""Seconds between two calls of the one who waits for a trial: what a trial can be late by on its account."""
CLIENTS = 10
LOAD = 120.0
"""Seconds; the owners had 300."""
SETTLED = 20.0
"""Seconds of load that are in no slope: the first messages fill what Python keeps."""
START_WITHIN = 60.0
"""Seconds, as `start.ready_within` of other incidents."""
LOOK = 0.02
"""Seconds between two looks at whether it serves."""


@dataclass(slots=True)
class Rpc:
    """The upstream: answers, or fails each call."""

    fails: bool = False
    hits: list[float] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on its connection."""
        await reader.readuntil(b"\r\n\r\n")
        self.hits.append(time.monotonic())
        writer.write(b"HTTP/1.1 500 No\r\n\r\n" if self.fails else b"HTTP/1.1 200 OK\r\n\r\nvalue")
        writer.close()


@dataclass(slots=True)
class Cases:
    """Milliseconds of each round by case, and what is no time."""

    times: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, list[int]] = field(default_factory=dict)

    def took(self, what: str, seconds: float) -> None:
        self.times.setdefault(what, []).append(seconds * 1000)

    def saw(self, what: str, count: int) -> None:
        self.counts.setdefault(what, []).append(count)


TOLD = {
    "1": "one RPC failure: quick recovery",
    "2": "five failures in a row open it",
    "3": "open: cached data",
    "4": "timeout reset, here after 2 s",
    "5": "the RPC is back: closes by itself",
}


async def main() -> None:
    cases = Cases()
    rpc = Rpc()
    async with _serving(rpc) as url:
        with _hub(url) as (_, port):
            async with _client(port) as client:
                for _ in range(ROUNDS):
                    await _five_cases(client, port, rpc, cases)
        _print_cases(cases)
        with _hub(url) as (pid, port):
            await _load(pid, port)


async def _five_cases(client: ClientConnection, port: int, rpc: Rpc, cases: Cases) -> None:
    known = len(await _transitions(port))
    assert await _ask(client) == "live"

    rpc.fails = True
    await _ask(client)
    rpc.fails = False
    failed = time.monotonic()
    assert await _ask(client) == "live"
    cases.took("1 live again after the failed call", time.monotonic() - failed)
    cases.saw("1 transitions", len(await _transitions(port)) - known)

    rpc.fails, rpc.hits = True, []
    first = time.monotonic()
    for _ in range(THRESHOLD):
        await _ask(client)
    cases.saw("2 calls that reached the RPC until it opened", len(rpc.hits))

    rpc.hits = []
    for _ in range(CALLS_WHILE_OPEN):
        asked = time.monotonic()
        assert await _ask(client) == "cached"
        cases.took("3 a cached answer", time.monotonic() - asked)
    cases.saw(f"3 of {CALLS_WHILE_OPEN} calls that reached the RPC", len(rpc.hits))

    await _ask_until_a_trial(client, rpc)
    rpc.fails, rpc.hits = False, []
    await _ask_until_a_trial(client, rpc)
    moved = (await _transitions(port))[known:]
    assert [state for state, _ in moved] == ["open", "half-open", "open", "half-open", "closed"], moved
    opened, tried, again, second, closed = (at for _, at in moved)
    cases.took("2 open, after the first failing call began", opened - first)
    cases.took("4 half-open, after it opened", tried - opened)
    cases.took("4 half-open, after it opened", second - again)
    cases.took("4 open again, after the trial began", again - tried)
    cases.took("5 closed, after the trial began", closed - second)


async def _ask_until_a_trial(client: ClientConnection, rpc: Rpc) -> None:
    while not rpc.hits:
        await _ask(client)
        await asyncio.sleep(GAP)


def _print_cases(cases: Cases) -> None:
    print(f"{'case':<46}{'told':<36}{'median':>12}{'longest':>12}")
    for what, times in sorted(cases.times.items()):
        median, longest = f"{statistics.median(times):.2f} ms", f"{max(times):.2f} ms"
        print(f"{what:<46}{TOLD[what[0]]:<36}{median:>12}{longest:>12}")
    for what, counts in sorted(cases.counts.items()):
        print(f"{what:<46}{TOLD[what[0]]:<36}{statistics.median(counts):>12g}{max(counts):>12}")


async def _load(pid: int, port: int) -> None:
    times: list[float] = []
    memory: list[tuple[float, float]] = []
    began = time.monotonic()
    cpu = _cpu(pid)
    clients = [asyncio.create_task(_exchange(port, began + LOAD, times)) for _ in range(CLIENTS)]
    while time.monotonic() < began + LOAD:
        memory.append((time.monotonic() - began, _resident(pid)))
        await asyncio.sleep(1)
    await asyncio.gather(*clients)
    lasted = time.monotonic() - began
    settled = [(at, size) for at, size in memory if at >= SETTLED]
    slope = statistics.linear_regression(*zip(*settled, strict=True)).slope * 60
    ordered = sorted(times)
    print(f"\n{CLIENTS} clients, each asking as soon as it is answered, {lasted:.0f} s (told: 5 minutes)")
    used = (_cpu(pid) - cpu) / lasted
    print(f"  throughput   {len(times) / lasted:.0f} exchanges a second, for which the hub took {used:.2f} cores")
    print(f"  p50, p99     {_at(ordered, 0.5):.2f} ms, {_at(ordered, 0.99):.2f} ms (told: p99 under 100 ms)")
    print(f"  longest      {ordered[-1]:.2f} ms")
    at_first, then, at_last = memory[0][1], settled[0][1], memory[-1][1]
    print(f"  memory       {at_first:.0f} kB at first, {then:.0f} after {SETTLED:g} s, {at_last:.0f} at the end")
    print(f"               {slope:+.1f} kB a minute after the first {SETTLED:g} s (told: no leak)")


async def _exchange(port: int, until: float, times: list[float]) -> None:
    async with _client(port) as client:
        number = 0
        while time.monotonic() < until:
            number += 1
            asked = time.perf_counter()
            await client.send(json.dumps({"type": "echo", "id": number}))
            answer = json.loads(await client.recv())
            times.append((time.perf_counter() - asked) * 1000)
            assert answer["id"] == number, answer


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def _ask(client: ClientConnection) -> str:
    """Where the answer came from."""
    await client.send('{"type": "get", "id": 1}')
    source: str = json.loads(await client.recv())["source"]
    return source


async def _transitions(port: int) -> list[tuple[str, float]]:
    def read() -> list[tuple[str, float]]:
        told = json.loads(_get(port, "/stats"))["breaker"]["transitions"]
        return [(state, at) for state, at in told]

    return await asyncio.to_thread(read)


@asynccontextmanager
async def _serving(rpc: Rpc) -> AsyncIterator[str]:
    async with await asyncio.start_server(rpc.answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _client(port: int) -> connect:
    headers = AFTER["endpoints"]["echo"]["headers"]
    return connect(
        f"ws://127.0.0.1:{port}/ws",
        origin=headers["Origin"],
        additional_headers={"Authorization": headers["Authorization"]},
        proxy=None,
        compression=None,
    )


@contextmanager
def _hub(upstream: str) -> Iterator[tuple[int, int]]:
    """Its process id and port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # No client is to be closed for how fast it asks: that is what is measured.
    environment = {**AFTER["start"]["environment"], "UPSTREAM_URL": upstream, "HUB_MESSAGE_RATE": "1000000"}
    command = [sys.executable, "-m", "hub", "--port", str(port)]
    with subprocess.Popen(command, cwd=HERE / "server", env={**os.environ, **environment}) as hub:
        try:
            _wait_for(port, hub)
            yield hub.pid, port
        finally:
            hub.terminate()


def _wait_for(port: int, hub: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            _get(port, "/health")
            return
        except OSError:
            if hub.poll() is not None:
                raise ChildProcessError(f"the hub ended with exit code {hub.returncode}") from None
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK)


def _get(port: int, path: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        got: bytes = answer.read()
    return got


def _resident(pid: int) -> float:
    """kB, as the kernel counts them."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return float(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


def _cpu(pid: int) -> float:
    """Seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    asyncio.run(main())
