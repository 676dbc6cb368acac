"""Which scenarios there are and what they need, read from their marks without importing them: this library knows no
pytest, and a scenario is nothing without it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import chaos
from chaos.capability import Capability
from chaos.faults import Composed

__all__ = ["SCENARIOS", "Scenario", "scenarios"]

_PACKAGE = Path(chaos.__file__).resolve().parent
SCENARIOS = next(
    (path for path in (_PACKAGE.parent / "tests" / "scenarios", _PACKAGE / "scenarios") if path.is_dir()),
    _PACKAGE / "scenarios",
)
"""In the repository, or in the installed package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario: its place in the matrix and what its marks ask for."""

    promise: str
    name: str
    needs: frozenset[Capability]
    faults: tuple[str, ...]
    """Names of the classes in its `faults` mark, the parts of a composed fault instead of itself."""

    @property
    def title(self) -> str:
        return f"{self.promise.replace('_', ' ')}, {self.name}"


def scenarios(directory: Path = SCENARIOS) -> list[Scenario]:
    """Every scenario in the files of a directory; none where there is no such directory."""
    return [found for path in sorted(directory.glob("test_*.py")) for found in _in_file(path)]


def _in_file(path: Path) -> Iterator[Scenario]:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=path.name)
    shared = [mark for node in tree.body if _is_pytestmark(node) for mark in _marks(ast.walk(node))]
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        marks = [*shared, *_marks(node.decorator_list)]
        promises = [call for name, call in marks if name == "promise"]
        if not promises:
            continue
        family, title = (word.value for word in promises[-1].args[:2] if isinstance(word, ast.Constant))
        yield Scenario(
            promise=str(family),
            name=str(title),
            needs=frozenset(_capabilities(call for name, call in marks if name == "needs")),
            faults=tuple(_classes(call for name, call in marks if name == "faults")),
        )


def _is_pytestmark(node: ast.stmt) -> bool:
    """Whether it is the marks of a whole file."""
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    )


def _marks(nodes: Iterator[ast.AST] | list[ast.expr]) -> Iterator[tuple[str, ast.Call]]:
    """Name and call of each `pytest.mark.NAME(...)`."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            mark = node.func.value
            if isinstance(mark, ast.Attribute) and mark.attr == "mark":
                yield node.func.attr, node


def _capabilities(calls: Iterator[ast.Call]) -> Iterator[Capability]:
    for call in calls:
        for argument in call.args:
            if isinstance(argument, ast.Attribute) and argument.attr in Capability.__members__:
                yield Capability[argument.attr]


def _classes(calls: Iterator[ast.Call]) -> Iterator[str]:
    for call in calls:
        made = (node.func for argument in call.args for node in ast.walk(argument) if isinstance(node, ast.Call))
        names = (what.id for what in made if isinstance(what, ast.Name))
        yield from dict.fromkeys(name for name in names if name != Composed.__name__)
