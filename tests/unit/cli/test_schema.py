"""`python -m chaos schema`."""

from __future__ import annotations

import json
from pathlib import Path

from chaos.schema import schema_text

from .conftest import Invoke


def test_it_is_printed(chaos: Invoke) -> None:
    result = chaos("schema")
    assert (result.code, result.out) == (0, schema_text())
    assert json.loads(result.out)["type"] == "object"


def test_a_current_file_passes_in_silence(chaos: Invoke, project: Path) -> None:
    (project / "targets").mkdir()
    (project / "targets" / "target.schema.json").write_text(schema_text())
    result = chaos("schema", "--check")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_an_old_file_fails_with_the_command_that_makes_it_new(chaos: Invoke, project: Path) -> None:
    (project / "mine.json").write_text(schema_text().replace("20s", "30s"))
    result = chaos("schema", "--check", "mine.json")
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: mine.json is not current; make it again: python -m chaos schema > mine.json\n"


def test_a_file_that_is_not_there(chaos: Invoke) -> None:
    result = chaos("schema", "--check")
    assert (result.code, result.err) == (
        2,
        "error: cannot read targets/target.schema.json: No such file or directory\n",
    )
