"""The JSON Schema of target files: current, and saying the same as the models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chaos.schema import SCHEMA_FILE, describe, keys_of, node_at, schema_text, target_schema, walk
from chaos.target_file import load_target

ROOT = Path(__file__).parents[2]
TARGETS = sorted(path for path in (ROOT / "targets").rglob("*.toml") if path.name != "incident.toml")


def nodes(value: Any) -> list[dict[str, Any]]:
    """Every object in the schema."""
    if isinstance(value, dict):
        return [value, *(node for item in value.values() for node in nodes(item))]
    return [node for item in value for node in nodes(item)] if isinstance(value, list) else []


def test_the_committed_schema_is_current() -> None:
    committed = (ROOT / SCHEMA_FILE).read_text(encoding="utf-8")
    assert committed == schema_text(), f"make it again: python -m chaos schema > {SCHEMA_FILE}"


def test_it_is_json() -> None:
    assert json.loads(schema_text()) == target_schema()


def test_durations_and_sizes_are_text_with_a_unit() -> None:
    interval = node_at(("promises", "liveness", "heartbeat_interval"))
    assert interval["type"] == "string"
    assert re.search(interval["pattern"], "300ms")
    assert not re.search(interval["pattern"], "300")
    assert not re.search(interval["pattern"], "5MB")
    size = node_at(("promises", "leak_free", "memory_per_connection"))
    assert re.search(size["pattern"], "64KiB")


def test_defaults_are_written_as_in_a_target_file() -> None:
    assert node_at(("start", "ready_within"))["default"] == "20s"
    assert node_at(("start", "port"))["default"] == 8765
    assert node_at(("promises", "establishment", "ramp"))["default"] == [10, 50, 100]


def test_there_is_nothing_in_it_that_toml_cannot_say() -> None:
    assert not [
        node for node in nodes(target_schema()) if node.get("type") == "null" or "anyOf" in node.get("type", "")
    ]
    assert not [node for node in nodes(target_schema()) if "default" in node and node["default"] is None]


def test_every_table_refuses_unknown_keys() -> None:
    tables = [node for node in nodes(target_schema()) if "properties" in node]
    assert len(tables) > 10
    assert all(node["additionalProperties"] is False for node in tables)


def test_where_it_was_read_from_is_no_key() -> None:
    assert keys_of(()) == [
        "name", "description", "extends", "without", "dialect", "start", "tls", "endpoints", "upstream",
        "statistics", "promises",
    ]  # fmt: skip


@pytest.mark.parametrize("path", TARGETS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_committed_target_is_valid(path: Path) -> None:
    assert load_target(path).file == path


def test_one_of_the_ways_to_start_is_asked_for() -> None:
    ways = [{"required": [way]} for way in ("command", "image", "build", "attach")]
    assert node_at(("start",))["anyOf"] == ways


def test_every_key_is_found() -> None:
    keys = list(walk())
    assert ("promises", "liveness", "heartbeat_interval") in keys
    assert len(keys) == len(set(keys))
    assert all(node_at(key) for key in keys)
    assert node_at(("promises", "nonsense")) == {}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (("start", "port"), "an integer from 1 to 65535"),
        (("start", "environment"), "a table, each value text"),
        (("start", "environment", "ANY"), "text"),
        (("start", "command"), "an array, each item text"),
        (("promises", "establishment", "success_ratio"), "a number above 0 and up to 1"),
        (("promises", "rejection", "answer"), 'one of "http-503", "close-1013"'),
        (("dialect",), 'text, such as "websocket", such as "socket.io"'),
        (("promises", "rejection", "retry_after"), "true or false"),
        (("promises", "leak_free", "fds_per_connection"), "a number above 0"),
        (
            ("endpoints", "feed"),
            "a table with the keys path, namespace, subprotocol, headers, message, sequence, fetch, identical",
        ),
    ],
)
def test_what_a_value_may_be_in_words(key: tuple[str, ...], words: str) -> None:
    assert describe(node_at(key)) == words


def test_every_key_can_be_described() -> None:
    assert [key for key in walk() if describe(node_at(key)) == "a value"] == []
