"""What the writer of a value probably meant, ready to be typed into the target file."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from chaos.schema import DURATION, SIZE
from chaos.units import DURATION_UNITS, SIZE_UNITS

__all__ = ["suggest_value"]

_NUMBER_AND_WORD = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*")
_SPELLINGS = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "msec": "ms",
    "msecs": "ms",
    "millis": "ms",
    "usec": "us",
    "mins": "min",
    "minute": "min",
    "minutes": "min",
    "hour": "h",
    "hours": "h",
    "hr": "h",
    "day": "d",
    "days": "d",
    "byte": "B",
    "bytes": "B",
    "k": "kB",
    "m": "MB",
    "g": "GB",
    "mib": "MiB",
    "kib": "KiB",
    "gib": "GiB",
}


def suggest_value(value: object, node: Mapping[str, Any]) -> str:
    """A valid value near the one found, as TOML; empty where there is no telling."""
    kind, form = node.get("type"), node.get("format")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if form in (DURATION, SIZE):
        first, second = ("s", "ms") if form == DURATION else ("MB", "kB")
        if is_number:
            return f'"{value}{first}" or "{value}{second}"'
        return _with_unit(value, DURATION_UNITS if form == DURATION else SIZE_UNITS)
    if "enum" in node:
        near = get_close_matches(str(value).lower().replace("_", "-"), node["enum"], n=1, cutoff=0.4)
        return json.dumps(near[0]) if near else ""
    if kind == "string" and "pattern" not in node and not isinstance(value, (str, dict, list)):
        return json.dumps(json.dumps(value) if isinstance(value, bool) else str(value))
    if isinstance(value, str):
        return _from_text(value, node)
    return ""


def _from_text(text: str, node: Mapping[str, Any]) -> str:
    kind = node.get("type")
    if kind == "string" and "pattern" in node:
        candidates = (f"/{text}", f"ws://{text}", re.sub(r"^http", "ws", text).rstrip("/"), _slug(text))
        fitting = next((candidate for candidate in candidates if re.search(node["pattern"], candidate)), None)
        return json.dumps(fitting) if fitting is not None else ""
    if kind == "integer" and re.fullmatch(r"\s*[0-9]+\s*", text):
        return text.strip()
    if kind == "number" and re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*", text):
        return text.strip()
    if kind == "boolean" and text.lower() in ("true", "yes", "on", "false", "no", "off"):
        return "true" if text.lower() in ("true", "yes", "on") else "false"
    if kind == "array" and node.get("items", {}).get("type") == "string":
        try:
            return json.dumps(shlex.split(text)) if text.strip() else ""
        except ValueError:  # a quotation that does not end: nothing to suggest
            return ""
    return ""


def _with_unit(value: object, units: Mapping[str, float]) -> str:
    """The quantity with its unit as the library spells it."""
    matched = _NUMBER_AND_WORD.fullmatch(value) if isinstance(value, str) else None
    if matched is None or matched[2] in units:
        return ""
    word = matched[2].lower()
    by_case = {unit.lower(): unit for unit in units}
    unit = by_case.get(word) or _SPELLINGS.get(word, "")
    return f'"{matched[1]}{unit}"' if unit in units else ""


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:41]
