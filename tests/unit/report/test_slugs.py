"""Names of cell directories."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.report.slugs import LONGEST, claim_directory, slug_of

SAFE = re.compile(r"[a-z0-9][a-z0-9_-]*")


@pytest.mark.parametrize(
    ("node", "slug"),
    [
        ("tests/scenarios/test_liveness.py::test_dead_peer[reset]", "liveness-dead_peer-reset"),
        ("tests/scenarios/test_liveness.py::test_dead_peer[client-reset]", "liveness-dead_peer-client-reset"),
        ("tests/scenarios/test_closing.py::test_graceful_shutdown", "closing-graceful_shutdown"),
        ("tests/test_a.py::TestGroup::test_b", "a-testgroup-b-"),
        ("tests/test_a.py::test_b[half open]", "a-b-half-open-"),
        ("tests/test_a.py::test_b[grün]", "a-b-gr-n-"),
        ("tests/test_a.py::test_b[../../etc/passwd]", "a-b-etc-passwd-"),
        ("a cell", "a-cell-"),
    ],
)
def test_readable_names(node: str, slug: str) -> None:
    """What was lost in cleaning is made up for by a hash, and only then."""
    if slug.endswith("-"):
        assert re.fullmatch(re.escape(slug) + "[0-9a-f]{6}", slug_of(node))
    else:
        assert slug_of(node) == slug


@given(st.text(max_size=300))
def test_every_name_is_safe_and_short(node: str) -> None:
    slug = slug_of(node)
    assert SAFE.fullmatch(slug)
    assert len(slug) <= LONGEST


@given(st.text(max_size=120), st.text(max_size=120))
def test_parameters_that_differ_have_names_that_differ(first: str, second: str) -> None:
    if first.removesuffix("]") != second.removesuffix("]"):
        assert slug_of(f"test_a.py::test_b[{first}]") != slug_of(f"test_a.py::test_b[{second}]")


def test_the_same_name_again_gets_a_number(tmp_path: Path) -> None:
    names = [claim_directory(tmp_path, "cell").name for _ in range(3)]
    assert names == ["cell", "cell-2", "cell-3"]
