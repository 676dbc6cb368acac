"""The seam through which the server can be broken on purpose.

A defect is one file in `defects/` beside this package, with a `DESCRIPTION` and an `install(parts)`; it replaces a
method of a component. One that breaks what comes before there are components, the settings, has a `prepare()` besides.
The server's own code knows nothing of any defect.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reference_server.parts import Parts

DIRECTORY = Path(__file__).resolve().parent.parent / "defects"


class UnknownDefect(Exception):
    """There is no defect of that name."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One loaded defect."""

    name: str
    description: str
    install: Callable[[Parts], None]
    prepare: Callable[[], None]
    """Called before the settings are read."""


def available(directory: Path = DIRECTORY) -> list[str]:
    """The names of all defects."""
    return sorted(file.stem for file in directory.glob("*.py") if not file.stem.startswith("_"))


def load(names: str, *, directory: Path = DIRECTORY) -> list[Defect]:
    """Load the defects in a comma-separated list. Raises UnknownDefect with the nearest name."""
    return [_load(name.strip(), directory) for name in names.split(",") if name.strip()]


def _load(name: str, directory: Path) -> Defect:
    known = available(directory)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
        raise UnknownDefect(f"bad setting DEFECT: no defect is called {name!r}; {hint}")
    spec = importlib.util.spec_from_file_location(f"defects.{name}", directory / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Known by its name before it runs: dataclasses, for one, look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    prepare = getattr(module, "prepare", _nothing)
    return Defect(name=name, description=module.DESCRIPTION, install=module.install, prepare=prepare)


def _nothing() -> None:
    """Most defects are of components."""
