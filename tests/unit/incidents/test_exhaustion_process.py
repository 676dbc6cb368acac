"""targets/incidents/exhaustion: what Plan B and the clean-up do in the server's own process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from chaos.runtime.ports import free_ports

ROOT = Path(__file__).resolve().parents[3]
SERVER = ROOT / "targets/incidents/exhaustion/server"
PYTHON = ROOT / ".chaos/incidents/exhaustion/server/bin/python"
WITHIN = 60.0
"""Seconds for a start, or for anything that has to come: 1 s on two cores with a load of 14."""
LARGE = json.dumps({"type": "echo", "id": 1, "padding": "x" * 4_000_000})

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="run python targets/environments.py targets/incidents/exhaustion/server"
)


@contextmanager
def service(**environment: str) -> Iterator[int]:
    (port,) = free_ports(1)
    with subprocess.Popen(
        [PYTHON, "-m", "exhaustion", "--port", str(port)],
        cwd=SERVER,
        env={**os.environ, **{f"WEBSOCKET_{name}": value for name, value in environment.items()}},
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            deadline = time.monotonic() + WITHIN
            while True:
                try:
                    metrics(port)
                    break
                except OSError:
                    assert server.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield port
        finally:
            server.kill()


def metrics(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


async def until(port: int, so: Callable[[dict[str, Any]], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not so(told := await asyncio.to_thread(metrics, port)):
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.05)


def in_force(told: dict[str, Any]) -> list[str]:
    forced: list[str] = told["plan_b"]["in_force"]
    return forced


async def rejected(port: int) -> bytes:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{port}/ws")
    assert refused.value.response.status_code == 503
    return bytes(refused.value.response.body or b"")


async def test_a_full_house_puts_plan_b_in_force_and_lets_it_go_again() -> None:
    with service(MAX_CONNECTIONS="2", EMERGENCY_SECONDS="0.5") as port:
        url = f"ws://127.0.0.1:{port}/ws"
        async with connect(url), connect(url):
            assert in_force(metrics(port)) == []
            assert await rejected(port) == b"too little left of: connections\n"
            assert in_force(metrics(port)) == ["too_many_connections"]
            await until(port, lambda told: in_force(told) == [])
        await until(port, lambda told: told["connections"] == 0)
        async with connect(url):
            assert metrics(port)["plan_b"]["times"] == {"too_many_connections": 1}


async def test_memory_that_was_taken_puts_plan_b_in_force_and_is_given_back() -> None:
    """Three places of 5 MB are 15 MB in all; what two clients' messages of 4 MB leave behind is more."""
    settings = {"MAX_CONNECTIONS": "3", "EMERGENCY_SECONDS": "0.5", "CLEANUP_INTERVAL_SECONDS": "60"}
    with service(**settings) as port:
        url = f"ws://127.0.0.1:{port}/ws"
        async with connect(url, compression=None) as one, connect(url, compression=None) as other:
            for _ in range(3):
                await asyncio.gather(one.send(LARGE), other.send(LARGE))
                await asyncio.gather(one.recv(), other.recv())
            await until(port, lambda told: told["memory"]["connections"] > 15e6)
            # It is relieved at once, and nobody takes the place of who leaves for a while.
            assert await rejected(port) == b"too little left of: memory\n"
            assert in_force(metrics(port)) == ["memory_pressure"]
            assert metrics(port)["memory"]["connections"] < 15e6
        await until(port, lambda told: in_force(told) == [])
        async with connect(url):
            assert metrics(port)["plan_b"]["times"] == {"memory_pressure": 1}


async def test_what_large_messages_took_is_given_back_by_the_clean_up() -> None:
    with service(CLEANUP_INTERVAL_SECONDS="0.2") as port:
        url = f"ws://127.0.0.1:{port}/ws"
        async with connect(url, compression=None) as first:
            await first.send("{}")
            await first.recv()
        await until(port, lambda told: told["connections"] == 0)
        clients = [await connect(url, compression=None) for _ in range(5)]
        await asyncio.gather(*(client.send(LARGE) for client in clients))
        await asyncio.gather(*(client.recv() for client in clients))
        took = metrics(port)["memory"]["connections"]
        for client in clients:
            client.transport.abort()
        await until(port, lambda told: told["connections"] == 0 and told["memory"]["connections"] < 0.5 * took)
