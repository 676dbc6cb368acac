"""The JSON Schema of target files: for editors, and for the words in which mistakes are explained.

It is generated from the models in `chaos.target`, so it cannot say anything else than they do.
`targets/target.schema.json` is the committed copy; `python -m chaos schema --check` fails when it is not current. An
editor with TOML support uses it by a first line `#:schema ../target.schema.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from chaos.target import Target
from chaos.units import DURATION_UNITS, SIZE_UNITS, format_duration, format_size

__all__ = ["SCHEMA_FILE", "describe", "keys_of", "node_at", "schema_text", "target_schema", "walk"]

SCHEMA_FILE = "targets/target.schema.json"
"""Where the committed copy is, relative to the repository."""

DURATION, SIZE = "duration with unit", "size with unit"
_QUANTITIES = {
    DURATION: f'a duration, text with a unit ({", ".join(DURATION_UNITS)}), such as "30s" or "250ms"',
    SIZE: f'a size, text with a unit ({", ".join(SIZE_UNITS)}), such as "5MB" or "64KiB"',
}
Node = dict[str, Any]


@cache
def target_schema() -> Node:
    """The schema of a target file as draft 2020-12."""
    schema = Target.model_json_schema()
    del schema["properties"]["file"]  # filled in by load_target, not by the writer of the file
    tidy: Node = _tidy(schema)
    # What a file that extends another leaves out is in the other.
    tidy["anyOf"] = [{"required": tidy.pop("required")}, {"required": ["extends"]}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A target: a WebSocket server under test",
        **tidy,
    }


def schema_text() -> str:
    """The schema as the committed file has it."""
    return json.dumps(target_schema(), indent=2, ensure_ascii=False) + "\n"


def node_at(key: tuple[str | int, ...]) -> Node:
    """The schema of a key, references followed; empty for a key that no table has."""
    node = _followed(target_schema())
    for name in key:
        if isinstance(name, int):
            child = node.get("items", {})
        else:
            child = node.get("properties", {}).get(name, node.get("additionalProperties") or {})
        node = _followed(child)
    return node


def keys_of(key: tuple[str | int, ...]) -> list[str]:
    """The keys that the table at `key` may have."""
    return list(node_at(key).get("properties", {}))


def walk(key: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a target file as a path, tables before what they hold."""
    for name in keys_of(key):
        yield (*key, name)
        yield from walk((*key, name))


def describe(node: Mapping[str, Any]) -> str:
    """What a value may be, in words: "an integer from 1 to 65535"."""
    if "enum" in node:
        if len(node["enum"]) == 1:
            return f"only {json.dumps(node['enum'][0])}"
        return "one of " + ", ".join(json.dumps(choice) for choice in node["enum"])
    kind = node.get("type")
    if node.get("format") in _QUANTITIES:
        return _QUANTITIES[node["format"]]
    if kind == "string":
        example = "".join(f", such as {json.dumps(example)}" for example in node.get("examples", []))
        return "text" + (f" that matches {node['pattern']}" if "pattern" in node else "") + example
    if kind == "array":
        return f"an array, each item {describe(_followed(node.get('items', {})))}"
    if kind == "object":
        if "properties" in node:
            return f"a table with the keys {', '.join(node['properties'])}"
        return f"a table, each value {describe(_followed(node.get('additionalProperties') or {}))}"
    if kind in ("integer", "number"):
        return ("an integer" if kind == "integer" else "a number") + _range(node)
    return "true or false" if kind == "boolean" else "a value"


def _range(node: Mapping[str, Any]) -> str:
    least, above = node.get("minimum"), node.get("exclusiveMinimum")
    most = node.get("maximum")
    words = ""
    if least is not None:
        words = f" from {least}" if most is not None else f", {least} or more"
    elif above is not None:
        words = f" above {above}"
    if most is not None:
        words += f" to {most}" if least is not None else f"{' and' if words else ''} up to {most}"
    return words


def _followed(node: Node) -> Node:
    """A schema with its `$ref` followed; what stands beside the reference wins."""
    reference = node.get("$ref")
    if reference is None:
        return node
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return {**target_schema()["$defs"][reference.removeprefix("#/$defs/")], **beside}


def _tidy(node: Any) -> Any:
    """Without what TOML cannot say (null) and what is no help (generated titles); defaults as people write them."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidy(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    if (options := tidy.get("anyOf")) and {"type": "null"} in options:
        del tidy["anyOf"]
        (option,) = (option for option in options if option != {"type": "null"})
        tidy = {**option, **tidy}
    if "default" in tidy:
        tidy |= _default(tidy)
        if tidy["default"] in (None, {}):
            del tidy["default"]
    return tidy


def _default(node: Node) -> Node:
    value = node["default"]
    if node.get("format") == DURATION and value is not None:
        return {"default": format_duration(value)}
    if node.get("format") == SIZE and value is not None:
        return {"default": format_size(value)}
    return {"default": None if isinstance(value, dict) else value}
