"""targets/incidents/pg2: the reader of a WebSocket gives nobody up for a time that the server itself slept through."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVER = ROOT / "targets/incidents/pg2/server"
PYTHON = ROOT / ".chaos/incidents/pg2/server/bin/python"

READING = """
import socket, sys, time
import eventlet
from eventlet.greenio import GreenSocket
from serving.standstill import Lenient

ours, theirs = map(GreenSocket, socket.socketpair())
lenient = Lenient(ours)
lenient.settimeout(0.2)
began = time.monotonic()


def stand_still():
    {disturbance}


eventlet.spawn(stand_still)
try:
    found = lenient.recv(10).decode() or "ended"
except TimeoutError:
    found = "timed out"
print(found, "late" if time.monotonic() - began > 1.0 else "in time")
"""


@pytest.mark.parametrize(
    ("disturbance", "outcome"),
    [
        ("pass", "timed out in time"),
        ("theirs.send(b'here'); time.sleep(1.3)", "here late"),
        ("theirs.send(b'here'); time.sleep(0.4)", "here in time"),
        ("time.sleep(1.3); eventlet.sleep(0.1); theirs.send(b'after')", "after late"),
        ("time.sleep(1.3)", "timed out late"),
        ("lenient.close()", "ended in time"),
    ],
    ids=["nobody", "spoke-meanwhile", "spoke-in-a-short-one", "speaks-after-it", "nobody-after-it", "closed-beside-it"],
)
def test_who_is_given_up(disturbance: str, outcome: str) -> None:
    if not PYTHON.exists():
        pytest.skip("run python targets/environments.py targets/incidents/pg2/server")
    program = READING.format(disturbance=disturbance)
    ran = subprocess.run([PYTHON, "-c", program], cwd=SERVER, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == outcome
