"""A lower floor never imports a higher one, the library never imports pytest, targets never import the library."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "errors", "units", "address", "capability", "verdict", "bounds", "rpc", "unix_listener", "stats", "red_rate",
        "suggest", "mistakes", "contract", "target", "target_checks", "target_file", "target_parts",
        "toml_file", "toml_lines", "schema", "server_view", "journal", "dialects",
    ),
    ("agent", "links", "crowd", "hostile", "probes", "upstream"),
    ("faults", "runtime"),
    ("conditions", "conductor", "expectations", "experiment"),
    ("report", "doctor", "cli", "__main__"),
)  # fmt: skip
"""The modules and packages of `chaos`, from the ground up; those of one floor may import each other."""

FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def _imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions; what is only imported for types counts as well."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _part(path: Path) -> str:
    relative = path.relative_to(ROOT / "chaos")
    return relative.parts[0].removesuffix(".py")


MODULES = sorted(path for path in (ROOT / "chaos").rglob("*.py") if path != ROOT / "chaos" / "__init__.py")


def test_every_module_has_its_floor() -> None:
    assert {_part(path) for path in MODULES} == set(FLOOR)


def test_the_architecture_names_every_module_on_its_floor_once() -> None:
    table = re.findall(
        r"^\| ([0-9]) \| (`[^|]*) \|", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    named = [(name, int(floor)) for floor, names in table for name in re.findall(r"`([^`]*?)/?`", names)]
    library = Counter((name, floor) for name, floor in named if floor < len(FLOORS))
    assert library == Counter(FLOOR.items())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_a_higher_floor(path: Path) -> None:
    own = FLOOR[_part(path)]
    for name in _imports(path):
        package, _, rest = name.partition(".")
        if package == "chaos" and (part := rest.partition(".")[0]) in FLOOR:
            assert FLOOR[part] <= own, f"{path.relative_to(ROOT)} imports {name}, which stands above it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_never_imports_pytest(path: Path) -> None:
    assert not {name for name in _imports(path) if name.partition(".")[0] in ("pytest", "_pytest", "fixtures", "tests")}


def _named(path: Path) -> set[str]:
    """The texts in a file, among them the modules and files that it starts or loads by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


KITS = {"chaos.dialects.conformance"}
"""Tests that other packages inherit: here they are for tests alone as well."""


def test_no_module_is_there_for_its_tests_alone() -> None:
    used: set[str] = set()
    for path in [*MODULES, *(ROOT / "fixtures").rglob("*.py"), *(ROOT / "tests" / "scenarios").rglob("*.py")]:
        used |= _imports(path) | _named(path)
    unused = []
    for path in MODULES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        loads_all = "__path__" in (path.parent / "__init__.py").read_text(encoding="utf-8")
        if path.stem not in ("__init__", "__main__") and not loads_all and not {name, path.name} & used:
            unused.append(name)
    assert set(unused) == KITS


@pytest.mark.parametrize("path", sorted((ROOT / "targets").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_target_never_imports_its_judge(path: Path) -> None:
    assert not {name for name in _imports(path) if name.partition(".")[0] in ("chaos", "fixtures", "tests")}


@pytest.mark.parametrize("path", sorted((ROOT / "targets").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_target_needs_nothing_private_of_others_to_run(path: Path) -> None:
    """What a release may rename without a word; for its types alone, the type check tells."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in list(tree.body):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            tree.body.remove(node)
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    private = [name for name in imported if re.search(r"(^|\.)_[a-z]", name)]
    assert [name for name in private if not name.startswith("defects.")] == []  # that is what defects share
