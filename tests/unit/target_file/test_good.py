"""What a good target file becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.contract import RejectionAnswer
from chaos.target import StatisticsFormat
from chaos.target_file import load_target
from tests.unit.target_file.writing import MINIMAL, write


def test_a_minimal_target(tmp_path: Path) -> None:
    target = load_target(write(tmp_path, MINIMAL))
    assert (target.name, target.start.command, target.endpoints.echo.path) == ("mine", ("server",), "/ws")
    assert target.start.ready_within == pytest.approx(20)
    assert target.endpoints.echo.expect == "{n}"
    assert target.promises.value("liveness.heartbeat_interval") is None


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    target = load_target(write(tmp_path, MINIMAL))
    assert target.file == tmp_path / "target.toml"
    assert target.resolve("server") == (tmp_path / "server").resolve()


def test_everything_that_can_be_declared(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    target = load_target(
        write(
            tmp_path,
            """
            name = "full-1_x"
            description = "all of it"
            [start]
            command = ["{python}", "-m", "server", "--host={host}", "--port={port}", "--json={}"]
            image = "server:1"
            build = "."
            attach = "ws://127.0.0.1:8765"
            port = 9000
            health = "/health?deep=1"
            ready_within = "5s"
            environment = { MODE = "fast", EMPTY = "" }
            [upstream]
            environment = "RPC_URL"
            [endpoints.echo]
            path = "/echo"
            send = '{"id": {n}}'
            expect = '"id": ?{n}\\b'
            subprotocol = "chat.v1"
            headers = { Authorization = "Bearer x" }
            [endpoints.notices]
            path = "/notices"
            send = "here {n}"
            expect = "ok {n}"
            idle_warning = "idle"
            load_warning = "busy"
            [endpoints.feed]
            path = "/feed"
            message = "update"
            sequence = '"seq": ([0-9]+)'
            [endpoints.data]
            path = "/data"
            send = "get {n}"
            live = "live"
            cached = "cached"
            unavailable = "503"
            [endpoints.gated]
            path = "/gated"
            [statistics]
            path = "/metrics"
            format = "prometheus"
            connections = 'ws_connections{endpoint="echo"}'
            [promises.establishment]
            within = "1s"
            simultaneous = 20
            ramp = [5, 10, 20]
            [promises.rejection]
            max_connections = 20
            answer = "http-503"
            within = "500ms"
            retry_after = true
            warning_threshold = 0.85
            [promises.liveness]
            heartbeat_interval = "300ms"
            heartbeat_timeout = "300ms"
            idle_timeout = "2s"
            idle_warning = "500ms"
            [promises.leak_free]
            memory_per_connection = "5kB"
            [promises.breaker]
            failure_threshold = 5
            recovery_timeout = "1s"
            call_timeout = "500ms"
            answer_within = "50ms"
            [promises.accept_breaker]
            failure_threshold = 3
            recovery_timeout = "1s"
            answer_within = "50ms"
            [promises.delivery]
            broadcast_interval = "200ms"
            """,
        )
    )
    assert target.promises.value("rejection.answer") is RejectionAnswer.HTTP_503
    assert target.promises.value("establishment.ramp") == (5, 10, 20)
    assert target.statistics is not None
    assert target.statistics.format is StatisticsFormat.PROMETHEUS
    assert target.statistics.values() == {"connections": 'ws_connections{endpoint="echo"}'}
    assert target.endpoints.echo.expect == r'"id": ?{n}\b'
