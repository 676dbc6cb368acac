"""What the wheel carries: every package of the library, the plugin and the scenarios, under names of its own."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def test_every_package_is_listed() -> None:
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "chaos").rglob("__init__.py")}
    assert set(SETUPTOOLS["packages"]) == found | {"chaos.fixtures", "chaos.scenarios"}


def test_an_installed_copy_claims_one_import_name() -> None:
    assert {name.partition(".")[0] for name in SETUPTOOLS["packages"]} == {"chaos"}
    assert "scripts" not in PROJECT["project"]


def test_the_plugin_s_modules_import_each_other_relatively() -> None:
    """They are `fixtures` here and `chaos.fixtures` where the wheel is installed."""
    for path in (ROOT / "fixtures").glob("*.py"):
        assert "from fixtures" not in path.read_text(encoding="utf-8"), path.name


def test_data_files_are_there() -> None:
    for package, patterns in SETUPTOOLS["package-data"].items():
        directory = ROOT / package.replace(".", "/")
        for pattern in patterns:
            assert list(directory.glob(pattern)), f"{package}: nothing fits {pattern}"
