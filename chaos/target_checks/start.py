"""How the server is started: its command, its variables, its directories."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from chaos.mistakes import Mistake, shown
from chaos.target_checks.document import Document, Key, value_at

__all__ = ["ENVIRONMENTS", "check"]

ENVIRONMENTS: tuple[Key, ...] = (
    ("start", "environment"),
    ("promises", "settings", "refused"),
    ("promises", "settings", "max_connections", "environment"),
    ("promises", "settings", "idle_timeout", "environment"),
    ("promises", "settings", "max_requests", "environment"),
    ("promises", "settings", "accept_breaker_off"),
)
"""Tables whose keys are environment variables."""
PLACEHOLDERS = ("{python}", "{host}", "{port}")


def check(document: Document, *, directory: Path) -> Iterator[Mistake]:
    """The mistakes of this kind, in the order in which they are told. Paths in the file are relative to `directory`."""
    yield from _placeholders_are_known(document)
    yield from _process_can_be_started(document)
    yield from _directories_exist(document, directory=directory)


def _placeholders_are_known(document: Document) -> Iterator[Mistake]:
    for word in value_at(document, ("start", "command"), list) or []:
        for braced in re.findall(r"\{[A-Za-z_]+\}", word) if isinstance(word, str) else []:
            near = get_close_matches(braced.lower(), PLACEHOLDERS, n=1, cutoff=0.75)
            # anything else in braces may be the server's own syntax
            if braced not in PLACEHOLDERS and near:
                yield Mistake(
                    key=("start", "command"),
                    problem=f"has {braced}, which is not filled in",
                    found=shown(word),
                    allowed=", ".join(PLACEHOLDERS),
                    hint=near[0],
                )


def _process_can_be_started(document: Document) -> Iterator[Mistake]:
    """The system takes no NUL in an argument or a variable, and no variable without a name or with `=` in it."""
    for number, word in enumerate(value_at(document, ("start", "command"), list) or []):
        if isinstance(word, str) and "\0" in word:
            yield Mistake(key=("start", "command", number), problem="has a NUL in it", found=shown(word))
    for table in ENVIRONMENTS:
        for name, given in (value_at(document, table, dict) or {}).items():
            values = given if isinstance(given, list) else [given]
            if not name or "=" in name or "\0" in name:
                allowed = "a name without = and NUL"
                yield Mistake(key=(*table, name), problem="is no name of a variable", allowed=allowed)
            elif any(isinstance(value, str) and "\0" in value for value in values):
                yield Mistake(key=(*table, name), problem="has a NUL in it", found=shown(given))


def _directories_exist(document: Document, *, directory: Path) -> Iterator[Mistake]:
    # os.path, not Path: of a name that is too long or not permitted to be looked at, Path.is_dir() raises OSError.
    build = value_at(document, ("start", "build"), str)
    if build is not None and not os.path.isfile(directory / build / "Dockerfile"):
        there = os.path.isdir(directory / build)
        yield Mistake(
            key=("start", "build"),
            problem="has no Dockerfile in it" if there else "is not a directory",
            found=shown(build),
            allowed="a directory with a Dockerfile, relative to the target file",
            hint='"."' if os.path.isfile(directory / "Dockerfile") else "",
        )
    workplace = value_at(document, ("start", "directory"), str)
    if workplace is not None and not os.path.isdir(directory / workplace):
        yield Mistake(
            key=("start", "directory"),
            problem="is not a directory",
            found=shown(workplace),
            allowed="a directory, relative to the target file",
        )
