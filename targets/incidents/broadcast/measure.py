"""What the owners told, and what was measured before and after: one table.

    make measure NAME=broadcast
    .chaos/incidents/broadcast/server/bin/python targets/incidents/broadcast/measure.py

Starts the servers of before.toml and after.toml, with the owners' own durations where they are counted. Bytes are
counted on the socket, as they are (TCP's and IP's own are left out), and multiplied by how often each comes in a minute
as told: a broadcast every 5 s, a ping every 20 s, a poll every 30 s, or as often as a broadcast. Linux; it takes half a
minute, and it judges nothing.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FEED = "/ws/monitoring/pipeline-status"
POLL = "/api/v1/monitoring/pipeline-status"
START_WITHIN = 60.0
"""Seconds, as `start.ready_within` of after.toml."""
PING = 2 + 4 + 6 + 4
"""A ping of four bytes and its masked pong."""
SETTLES = 1.0
"""Seconds in which the server has done what a first client has it do: its memory is read then."""
LET_IN_WITHIN = 2.0
"""Seconds after which a listener that has no answer counts as kept out."""
LOOK_EVERY = 0.05
"""Seconds between two looks at whether the server answers yet."""
LISTENERS = 50
HEARD_WITHIN = 8.0
"""Seconds: a broadcast comes every 5."""

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Accept": "application/json, text/plain, */*",
    "Accept-Language": "en-GB,en-US;q=0.9,en;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://app.example.test/monitoring",
    "sec-ch-ua": '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
}
"""What a browser sends with each request by itself."""
TOKEN = {"Authorization": "Bearer " + "x" * 800}
"""A JWT with some claims, as applications send it."""
WHO = {"no headers": {}, "a browser's headers": BROWSER, "and a token of 800 bytes": {**BROWSER, **TOKEN}}

TOLD = {
    "BROADCAST_INTERVAL": "5",
    "CONNECTION_TIMEOUT": "60",
    "PING_INTERVAL": "20",
    "PING_TIMEOUT": "40",
    "MAX_AGE_MINUTES": "30",
}
"""The owners' own durations."""

LET_IN = f"of {LISTENERS} who come at once, let in within {LET_IN_WITHIN:g} s"
HEARD = "of those a broadcast has reached"
SESSIONS = "sessions of the database held meanwhile"
MEMORY = "kB that one of them takes (PSS of all its processes)"
TOLD_OF_THEM = {
    LET_IN: "all, at most 50",
    HEARD: "over 95 %",
    SESSIONS: "one each before, none after",
    MEMORY: "stable",
}


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs."""

    pid: int
    port: int

    def stats(self) -> dict[str, Any]:
        """What it tells."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", "/stats")
        told: dict[str, Any] = json.load(connection.getresponse())
        connection.close()
        return told

    def memory(self) -> int:
        """kB of its tree, PostgreSQL's processes too: PSS, so that what they share counts once."""
        found = [self.pid]
        for pid in found:
            found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return sum(_pss(pid) for pid in found)


def _pss(pid: int) -> int:
    line = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert line is not None
    return int(line[1])


def main() -> None:
    """Print the table."""
    with _server("before") as server:
        before = _listen(server)
    with _server("after") as server:
        broadcast = _broadcast(server.port)
        polls = {who: _poll(server.port, headers) for who, headers in WHO.items()}
        after = _listen(server)
    print(f"{'what':<60}{'told':<30}{'before':<24}after")
    for what, told in TOLD_OF_THEM.items():
        print(f"{what:<60}{told:<30}{before[what]:<24}{after[what]}")
    feed = 12 * broadcast + 3 * PING
    for who, one in polls.items():
        for every in (30, 5):
            in_a_minute = 60 // every * one
            what = f"bytes a minute, polled every {every} s, {who}"
            pushed = f"{feed}: {100 * (feed / in_a_minute - 1):+.0f} %"
            print(f"{what:<60}{'80 % less, pushed every 5 s':<30}{in_a_minute:<24}{pushed}")


def _listen(server: Server) -> dict[str, str]:
    """What becomes of many listeners who come at once."""
    with ExitStack() as stack:
        _connect(server.port, stack)  # what the first client takes of a process is nobody's
        time.sleep(SETTLES)
        empty = server.memory()
        sockets = [_connect(server.port, stack) for _ in range(LISTENERS - 1)]
        time.sleep(LET_IN_WITHIN)
        let_in = [each for each in sockets if _said(each).startswith(b"HTTP/1.1 101")]
        sessions, cost = server.stats()["database"]["in_use"], server.memory() - empty
        time.sleep(HEARD_WITHIN)
        heard = sum(b"pipeline_status_update" in _said(each) for each in let_in)
    return {
        LET_IN: f"{len(let_in) + 1}",
        HEARD: f"{heard} of {len(let_in)}",
        SESSIONS: f"{sessions}",
        MEMORY: f"{cost / max(1, len(let_in)):.0f}",
    }


def _connect(port: int, stack: ExitStack) -> socket.socket:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
    request = f"GET {FEED} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    request += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    connection.sendall(request.encode())
    return connection


def _said(connection: socket.socket) -> bytes:
    """All that has come, left where it is."""
    connection.setblocking(False)
    try:
        return connection.recv(1 << 16, socket.MSG_PEEK)
    except BlockingIOError:
        return b""


def _broadcast(port: int) -> int:
    """Bytes of one broadcast, its frame included."""
    with ExitStack() as stack, _connect(port, stack).makefile("rb") as stream:
        while stream.readline() != b"\r\n":
            pass
        while True:
            head = stream.read(2)
            size = head[1] if head[1] < 126 else int.from_bytes(stream.read(2), "big")
            stream.read(size)
            if head[0] & 15 == 1:  # a text, and no ping
                return size + (2 if size < 126 else 4)


def _poll(port: int, headers: dict[str, str]) -> int:
    """Bytes of one request and its answer on a connection that is kept."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", POLL, headers=headers)
    asked = [
        f"GET {POLL} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if "Accept-Encoding" not in headers:
        asked.append("Accept-Encoding: identity")
    answer = connection.getresponse()
    body = answer.read()
    told = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in answer.getheaders())]
    connection.close()
    return sum(len(line) + 2 for line in (*asked, "", *told, "")) + len(body)


@contextmanager
def _server(variant: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, **_environment("after"), **_environment(variant), **TOLD}
    command = [sys.executable, "-m", "pipeline_status", "--port", str(port)]
    with subprocess.Popen(command, cwd=HERE / "server", env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            server = Server(process.pid, port)
            _wait_for(server, process)
            yield server
        finally:
            process.terminate()


def _environment(variant: str) -> dict[str, str]:
    with (HERE / f"{variant}.toml").open("rb") as file:
        found: dict[str, str] = tomllib.load(file)["start"]["environment"]
    return found


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            server.stats()
            return
        except OSError:
            if process.poll() is not None:
                raise ChildProcessError(f"the server ended with exit code {process.returncode}") from None
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    main()
