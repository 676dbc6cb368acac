"""One upstream for each test, as a process of its own, ended with the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chaos.address import Address
from chaos.runtime.health import answers_200, wait_healthy
from chaos.runtime.host import dial
from chaos.runtime.ports import free_ports

START_WITHIN = 10.0
"""Seconds; it takes 0.15 s on two idle cores."""


@dataclass(frozen=True)
class Started:
    data: Address
    control: Address


@pytest.fixture
def upstream() -> Iterator[Started]:
    port, control = free_ports(2)
    argv = [sys.executable, "-m", "chaos.upstream", "--port", str(port), "--control", str(control)]
    process = subprocess.Popen([*argv, "--health", "/up"])
    try:
        started = Started(data=Address("127.0.0.1", port), control=Address("127.0.0.1", control))
        wait_healthy(answers_200(started.data, "/up", dial=dial), exit_code=process.poll, within=START_WITHIN)
        yield started
    finally:
        process.kill()
        process.wait()
