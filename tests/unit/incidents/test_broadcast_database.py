"""targets/incidents/broadcast: the database is the server's child, and ends with it however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chaos.runtime.ports import free_ports

ROOT = Path(__file__).resolve().parents[3]
SERVER = ROOT / "targets/incidents/broadcast/server"
PYTHON = ROOT / ".chaos/incidents/broadcast/server/bin/python"
WITHIN = 60.0
"""Seconds for a start: 2 to 4 s on two cores with a load of 20, and longer where the data directory is made first."""

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="run python targets/environments.py targets/incidents/broadcast/server"
)


@pytest.fixture(params=["postgresql", "sqlite"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    (port,) = free_ports(1)
    environment = {**os.environ, "TMPDIR": str(tmp_path), "STATUS_DATABASE": request.param}
    with subprocess.Popen(
        [PYTHON, "-m", "pipeline_status", "--port", str(port)],
        cwd=SERVER,
        env=environment,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _await_healthy(server, port)
            yield server
        finally:
            server.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_nobody_is_left_however_the_server_ends(
    running: subprocess.Popen[bytes], how: signal.Signals, tmp_path: Path
) -> None:
    children = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(how)
    code = running.wait(WITHIN)
    _, alive = psutil.wait_procs(children, timeout=WITHIN)
    assert alive == []
    if how is signal.SIGTERM:
        assert code == 0
        assert [path.name for path in tmp_path.iterdir()] == []


def test_a_setting_that_cannot_be_used_is_named() -> None:
    ended = subprocess.run(
        [PYTHON, "-m", "pipeline_status"],
        cwd=SERVER,
        env={**os.environ, "MAX_CONNECTIONS": "many"},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (
        2,
        "error: MAX_CONNECTIONS is 'many': a whole number from 1 up is needed\n",
    )


def _await_healthy(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + WITHIN
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/public/health", timeout=5).close()
        except (TimeoutError, urllib.error.URLError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"not healthy within {WITHIN:g} s; exit code {server.poll()}")
