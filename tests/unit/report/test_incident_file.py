"""incident.toml: what is read, and every mistake in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import ConfigurationError
from chaos.report.incident_file import load_incident

ROOT = Path(__file__).resolve().parents[3]

AFTER = """\
name = "it-after"
[start]
command = ["x"]
[endpoints.echo]
path = "/"
[promises.latency]
p99 = "100ms"
"""
BEFORE = 'extends = "after.toml"\nname = "it-before"\n[start.environment]\nFIXED = "no"\n'
INCIDENT = """\
name = "it"
title = "it went wrong"
[variants.before]
target = "before.toml"
scenarios = ["test_latency.py"]
[variants.after]
target = "after.toml"
[[red]]
cell = "test_latency.py::test_round_trips[calm]"
finding = "round_trips_within"
says = "^0 of"
"""


def written(folder: Path, *, incident: str = INCIDENT, before: str = BEFORE, after: str = AFTER) -> Path:
    for name, text in (("incident", incident), ("before", before), ("after", after)):
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def mistake(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_incident(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_what_is_read(tmp_path: Path) -> None:
    read = load_incident(written(tmp_path))
    assert (read.name, list(read.targets)) == ("it", ["before", "after"])
    assert read.targets["before"].start.environment == {"FIXED": "no"}
    assert read.variants["before"].scenarios == ("test_latency.py",)
    assert (read.red[0].variant, read.red[0].not_in, read.held, read.figures) == ("before", {}, (), ())
    assert read.not_in == {}


def test_a_runtime_in_which_its_servers_cannot_be_had(tmp_path: Path) -> None:
    elsewhere = INCIDENT.replace("[variants.before]", 'not_in = { containers = "no image of it" }\n[variants.before]')
    assert load_incident(written(tmp_path, incident=elsewhere)).not_in == {"containers": "no image of it"}
    without_reason = elsewhere.replace("no image of it", "")
    assert "not_in.containers: String should have at least 1 character" in mistake(
        written(tmp_path, incident=without_reason)
    )


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in ROOT.glob("targets/incidents/*/incident.toml")), ids=lambda path: path.name
)
def test_those_that_are_there(folder: Path) -> None:
    read = load_incident(folder)
    assert read.name == folder.name
    assert (folder / "README.md").is_file()
    assert f"({folder.name}/README.md)" in (folder.parent / "README.md").read_text(encoding="utf-8")


def test_a_folder_without_one(tmp_path: Path) -> None:
    assert mistake(tmp_path) == "there is no incident.toml; an incident is a folder that has one"


@pytest.mark.parametrize(
    ("found", "instead", "said"),
    [
        ('says = "^0 of"', 'says = "("', "red[0].says: Value error, is no regular expression"),
        ("test_latency.py::test_round_trips[calm]", "latency", "red[0].cell: String should match pattern"),
        (
            "[variants.after]",
            "[variants.fixed]",
            "Input should be 'before', 'control', 'after', 'after-as-told', 'unattended' or 'mistaken'",
        ),
        ('title = "it went wrong"', 'titel = "x"', "titel: Extra inputs are not permitted; found"),
        (
            "[[red]]\n",
            '[[red]]\nvariant = "after-as-told"\n',
            "red[0].variant is after-as-told, and there is no variants.after-as-told",
        ),
        ("[[red]]\n", '[[red]]\nvariant = "after"\n', "red names no cell of before: nothing would be reproduced"),
        ('target = "before.toml"', 'target = "none.toml"', "there is no target file none.toml"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, found: str, instead: str, said: str) -> None:
    assert found in INCIDENT
    assert said in mistake(written(tmp_path, incident=INCIDENT.replace(found, instead)))


def test_a_variant_that_is_missing(tmp_path: Path) -> None:
    only = INCIDENT.replace('[variants.after]\ntarget = "after.toml"\n', "")
    assert "variants.after is missing: an incident is what its fix has changed" in mistake(
        written(tmp_path, incident=only)
    )


@pytest.mark.parametrize(
    ("more", "table"),
    [('[promises.latency]\np99 = "1s"\n', "promises"), ('[endpoints.echo]\npath = "/other"\n', "endpoints")],
)
def test_variants_of_different_contracts_are_refused(tmp_path: Path, more: str, table: str) -> None:
    said = mistake(written(tmp_path, before=BEFORE + more))
    assert f"variants.before: before.toml and after.toml differ in {table}; all variants are held to one" in said


def test_variants_of_one_name_would_be_taken_for_each_other(tmp_path: Path) -> None:
    said = mistake(written(tmp_path, before=BEFORE.replace("it-before", "it-after")))
    assert said == "incident.toml: variants.before: before.toml and after.toml are both called it-after"
