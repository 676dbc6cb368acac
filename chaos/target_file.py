"""Reading a target file: TOML in, a `Target` out, or one error that lists every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chaos.dialects import WEBSOCKET, known_dialects
from chaos.errors import ConfigurationError
from chaos.mistakes import Mistake, dates_in, explain, unknown_key
from chaos.target import Target
from chaos.target_checks import check
from chaos.target_parts import merged, read_parts, render

__all__ = ["load_target"]


def load_target(path: Path) -> Target:
    """The target that the file at `path` describes.

    Raises ConfigurationError for a file that cannot be read or is not TOML, and one for all mistakes in it together:
    each with its line, its key, what was found, what is allowed, and what was probably meant.
    """
    parts = read_parts(path)
    document = _with_paths(merged(parts))
    mistakes = [*dates_in(document), *_unwritable(document)]
    try:
        # by way of JSON, and strict: there a list may stand for a tuple, but never text for a number
        target = Target.model_validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError as error:
        mistakes += explain(error, document)
    mistakes += check(document, directory=path.parent)
    known = {mistake.key: mistake for mistake in reversed(mistakes)}
    if known:
        raise ConfigurationError(render(list(reversed(known.values())), parts))
    return _located(target.model_copy(update={"file": path}))


def _located(target: Target) -> Target:
    """The target with the path of its certificates absolute."""
    if target.tls is None or target.tls.ca is None:
        return target
    return target.model_copy(update={"tls": target.tls.model_copy(update={"ca": str(target.resolve(target.tls.ca))})})


def _with_paths(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the path that its dialect has in each endpoint that names none."""
    spoken, endpoints = document.get("dialect", WEBSOCKET), document.get("endpoints")
    dialect = known_dialects().get(spoken) if isinstance(spoken, str) else None
    if dialect is None or dialect.path is None or not isinstance(endpoints, dict):
        return document
    placed = {
        name: {"path": dialect.path, **table} if isinstance(table, dict) else table for name, table in endpoints.items()
    }
    return {**document, "endpoints": placed}


def _unwritable(document: dict[str, Any]) -> list[Mistake]:
    """`file` is a field of Target but no key of a target file: the loader fills it in."""
    return [unknown_key(("file",), document)] if "file" in document else []
