"""targets/incidents/pg2: a setting that cannot be used stops the start, and its sentence says what may be instead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from serving.settings import Settings, read_settings

from chaos.target_file import load_target

PG2 = Path(__file__).resolve().parents[3] / "targets/incidents/pg2"
VARIABLES = (
    "GUNICORN_COMMAND",
    "MESSAGE_QUEUE",
    "QUEUE_BACK_AFTER",
    "WORKER_CLASS",
    "MAX_REQUESTS",
    "MAX_REQUESTS_JITTER",
    "GRACEFUL_TIMEOUT",
    "PING_INTERVAL",
    "PING_TIMEOUT",
    "CONNECTION_RATE",
    "WORKERS_EXPECTED",
    "REDIS_URL",
)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_without_any_they_are_the_owners() -> None:
    assert read_settings() == Settings(
        command="before",
        queue="none",
        queue_back_after=1.0,
        worker_class="eventlet",
        max_requests=10000,
        max_requests_jitter=1000,
        graceful_timeout=30,
        ping_interval=25.0,
        ping_timeout=60.0,
        connection_rate=1000.0,
        workers_expected=1,
        redis_url="",
    )


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("GUNICORN_COMMAND", "afer", "one of before, control, after, unattended is needed; without it, it is before"),
        ("MESSAGE_QUEUE", "rabbit", "one of none, redis is needed; without it, it is none"),
        ("QUEUE_BACK_AFTER", "soon", "a number above 0 is needed; without it, it is 1"),
        ("WORKER_CLASS", "sync", "one of eventlet, serving.worker.Worker is needed; without it, it is eventlet"),
        ("MAX_REQUESTS", "0", "a whole number from 1 up is needed; without it, it is 10000"),
        ("MAX_REQUESTS_JITTER", "-1", "a whole number from 1 up is needed; without it, it is 1000"),
        ("GRACEFUL_TIMEOUT", "2.5", "a whole number from 1 up is needed; without it, it is 30"),
        ("PING_INTERVAL", "0.9", "a number from 1 up is needed; without it, it is 25"),
        ("PING_TIMEOUT", "nan", "a number above 0 is needed; without it, it is 60"),
        ("PING_TIMEOUT", "inf", "a number above 0 is needed; without it, it is 60"),
        ("CONNECTION_RATE", "0", "a number above 0 is needed; without it, it is 1000"),
    ],
)
def test_a_bad_one_is_named_with_its_value_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=variable) as refused:
        read_settings()
    assert str(refused.value) == f"{variable} is {value!r}: {sentence}"


def test_the_start_command_ends_with_2_before_it_has_started_anything(tmp_path: Path) -> None:
    # This Python has neither gunicorn nor Redis: whatever was started would end in another way.
    ended = subprocess.run(
        [sys.executable, "start.py"],
        cwd=PG2 / "server",
        env={**os.environ, "TMPDIR": str(tmp_path), "MESSAGE_QUEUE": "redis", "CONNECTION_RATE": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr == ("error: CONNECTION_RATE is 'many': a number above 0 is needed; without it, it is 1000\n")
    assert list(tmp_path.iterdir()) == []


def test_each_that_the_target_file_has_refused_is_refused_for_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    target = load_target(PG2 / "after.toml")
    promised = target.promises.settings
    assert promised is not None
    assert promised.refused is not None
    assert target.start is not None
    for variable, value in target.start.environment.items():
        monkeypatch.setenv(variable, value)
    read_settings()
    for variable, values in promised.refused.items():
        for value in values:
            with monkeypatch.context() as changed:
                changed.setenv(variable, value)
                with pytest.raises(ValueError, match=f"^{variable} is "):
                    read_settings()
