"""What was probably meant."""

from __future__ import annotations

import pytest

from chaos.schema import node_at
from chaos.suggest import suggest_value

DURATION = ("promises", "liveness", "max_age")
SIZE = ("promises", "leak_free", "memory_per_connection")
CHOICE = ("promises", "rejection", "answer")
TRUTH = ("promises", "rejection", "retry_after")
INTEGER = ("promises", "rejection", "max_connections")
NUMBER = ("promises", "establishment", "success_ratio")
COMMAND = ("start", "command")
PATH = ("endpoints", "echo", "path")


@pytest.mark.parametrize(
    ("key", "value", "suggestion"),
    [
        (DURATION, 5, '"5s" or "5ms"'),
        (DURATION, 0.5, '"0.5s" or "0.5ms"'),
        (DURATION, True, ""),
        (DURATION, "5 Seconds", '"5s"'),
        (DURATION, "5M", '"5m"'),
        (DURATION, "5MS", '"5ms"'),
        (DURATION, "5parsec", ""),
        (DURATION, "five", ""),
        (SIZE, 5, '"5MB" or "5kB"'),
        (SIZE, "5mb", '"5MB"'),
        (SIZE, "5m", '"5MB"'),
        (SIZE, "5 k", '"5kB"'),
        (SIZE, "5sec", ""),
        (CHOICE, "503", '"http-503"'),
        (CHOICE, "close_1013", '"close-1013"'),
        (CHOICE, "teapot", ""),
        (TRUTH, "no", "false"),
        (TRUTH, "ON", "true"),
        (TRUTH, "perhaps", ""),
        (INTEGER, " 5 ", "5"),
        (INTEGER, "5.5", ""),
        (INTEGER, "many", ""),
        (NUMBER, "0.9", "0.9"),
        (COMMAND, "serve --name 'my server'", '["serve", "--name", "my server"]'),
        (COMMAND, "serve 'unfinished", ""),
        (COMMAND, "", ""),
        (PATH, "ws/echo", '"/ws/echo"'),
        (PATH, "with blank", ""),
        (PATH, 3, ""),
        (("name",), "My Server", '"my-server"'),
        (("name",), "!!!", ""),
        (("start", "attach"), "localhost:80", '"ws://localhost:80"'),
        (("start", "attach"), "https://host:443/", '"wss://host:443"'),
        (("start", "environment", "X"), 5, '"5"'),
        (("start", "environment", "X"), False, '"false"'),
        (("start", "environment", "X"), [1], ""),
    ],
)
def test_suggestions(key: tuple[str, ...], value: object, suggestion: str) -> None:
    assert suggest_value(value, node_at(key)) == suggestion
