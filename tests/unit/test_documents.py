"""What the documents say can be counted, and where they point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaos.faults import FAULTS
from chaos.schema import keys_of

ROOT = Path(__file__).parents[2]
TARGETS = ROOT / "targets"
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in path.relative_to(ROOT).parts)
)
IN_WORDS = {"six": 6, "eleven": 11, "thirty": 30}


def _said(pattern: str, document: Path) -> int:
    found = re.search(pattern, " ".join(document.read_text(encoding="utf-8").split()), re.IGNORECASE)
    assert found is not None, f"{document.name} says nothing of {pattern!r}"
    word = found[1].lower()
    return int(word) if word.isdigit() else IN_WORDS[word]


@pytest.mark.parametrize("document", [ROOT / "README.md", TARGETS / "README.md"], ids=lambda path: path.parent.name)
@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        (r"(\d+) (?:such )?defects", "reference/defects/[!_]*.py"),
        (r"(\w+) (?:\[?servers as they failed|incidents\])", "incidents/*/incident.toml"),
        (r"(\w+) released servers", "strangers/*/target.toml"),
        (r"(\w+) (?:clean variations|servers without a fault)", "variations/*.toml"),
    ],
)
def test_what_is_counted_is_there(document: Path, pattern: str, files: str) -> None:
    assert _said(pattern, document) == len(list(TARGETS.glob(files)))


def test_the_faults_are_counted() -> None:
    assert _said(r"injects (\d+) faults", ROOT / "README.md") == len(FAULTS)


def test_every_promise_is_in_the_table_with_all_its_keys() -> None:
    text = (TARGETS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `promises\.(\w+)` \|[^|]*\|([^|]*)\|$", text, re.MULTILINE)
    told = {family: set(re.findall(r"`(\w+)`", keys)) for family, keys in rows}
    assert told == {family: set(keys_of(("promises", family))) for family in keys_of(("promises",))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target
