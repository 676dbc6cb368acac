"""Small servers to be tested, written into a temporary directory."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import bound_runs

SERVER = """
import asyncio, os, sys
from websockets.asyncio.server import serve

async def echo(connection):
    async for message in connection:
        await connection.send(message)

async def main(port):
    async with serve(echo, "127.0.0.1", port, ping_interval=None, compression=None):
        await asyncio.get_running_loop().create_future()

asyncio.run(main(int(sys.argv[1])))
"""

TARGET = """
name = "small"

[start]
command = {command}
ready_within = "{ready_within}"

[endpoints.echo]
path = "/"

[promises.establishment]
within = "2s"
"""

WriteTarget = Callable[..., Path]


@pytest.fixture
def write_target(tmp_path: Path) -> WriteTarget:
    """Write a server and its target file; returns the target file."""

    def write(server: str = SERVER, *, ready_within: str = "10s", more: str = "", command: str = "") -> Path:
        (tmp_path / "server.py").write_text(textwrap.dedent(server))
        file = tmp_path / "target.toml"
        file.write_text(
            TARGET.format(command=command or '["{python}", "server.py", "{port}"]', ready_within=ready_within) + more
        )
        return file

    return write


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    bound_runs(items, Path(__file__).parent)
