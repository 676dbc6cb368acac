"""The faults there are: each complete, each by its name, those of other packages among them."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import pytest

import chaos.faults
from chaos.errors import ConfigurationError
from chaos.faults import FAULTS, Composed, Fault, Latency, UpstreamErrors, UpstreamHangs, known_faults
from chaos.report.matrix import FAMILY_ORDER


def test_every_fault_of_the_package_is_registered() -> None:
    files = Path(inspect.getfile(chaos.faults)).parent.glob("*.py")
    defined = {
        f"chaos.faults.{file.stem}"
        for file in files
        if "(Fault)" in (text := file.read_text(encoding="utf-8")) and "ClassVar[str]" in text
    }
    assert {fault.__module__ for fault in FAULTS} >= defined - {"chaos.faults.base"}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_imported_and_exported_and_named_nowhere_else(fault: type[Fault]) -> None:
    assert fault.__name__ in chaos.faults.__all__
    assert re.findall(rf".*\b{fault.__name__}\b.*", inspect.getsource(chaos.faults))[1:] == [f'    "{fault.__name__}",']


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_a_frozen_value_that_says_what_it_is(fault: type[Fault]) -> None:
    made = fault()
    assert made == pickle.loads(pickle.dumps(made))
    assert hash(made) == hash(fault())
    assert dataclasses.is_dataclass(fault)
    assert fault.__dataclass_params__.frozen  # type: ignore[attr-defined]  # a dataclass has them
    assert fault.name == fault.name.lower().replace(" ", "-")
    assert fault.family in FAMILY_ORDER
    assert fault.cannot
    assert fault.__doc__


def test_every_column_of_the_matrix_has_a_fault() -> None:
    combined = Composed(parts=(UpstreamErrors(), UpstreamHangs()))
    assert {fault.family for fault in FAULTS} | {combined.family} == set(FAMILY_ORDER) - {""}


def test_hostile_clients_stand_with_what_they_send() -> None:
    families = {name: fault.family for name, fault in known_faults().items()}
    assert (families["hostile-handshakes"], families["hostile-frames"], families["hostile-packets"]) == (
        "handshake",
        "frame",
        "application",
    )
    # Who crashes in the middle of one has said nothing wrong; many at once are a crowd.
    assert (families["crash-mid-handshake"], families["slow-loris"], families["tls-stall"]) == (
        "client",
        "crowd",
        "crowd",
    )


def test_names_are_unique() -> None:
    assert sorted(known_faults()) == sorted({fault.name for fault in FAULTS})


class _Foreign(Latency):
    name: ClassVar[str] = "foreign"


class _Impostor(Latency):
    name: ClassVar[str] = "reset"


def _entry(name: str) -> EntryPoint:
    return EntryPoint(name=name, value=f"{__name__}:{name}", group="chaos.faults")


def test_another_packages_fault_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos.faults, "entry_points", lambda *, group: [_entry("_Foreign")])
    assert known_faults()["foreign"] is _Foreign


def test_a_name_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos.faults, "entry_points", lambda *, group: [_entry("_Impostor")])
    with pytest.raises(ConfigurationError) as caught:
        known_faults()
    assert str(caught.value) == (f"{__name__}:_Impostor calls its fault 'reset', which is the name of another one")
