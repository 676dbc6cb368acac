"""`python -m chaos faults`: every fault is in the glossary, by the name that the matrix gives it, with a sentence."""

from __future__ import annotations

import json

import pytest

from chaos.capability import Capability
from chaos.cli.faults import FAMILIES, WIDTH, sentence_of
from chaos.faults import FAULTS, Bandwidth, Fault, Latency
from chaos.report.matrix import FAMILY_ORDER

from .conftest import Invoke


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_every_fault_has_a_sentence_of_its_own(fault: type[Fault]) -> None:
    sentence = sentence_of(fault)
    assert len(sentence.split()) > 4, "what it does can be read"
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    assert "`" not in sentence
    assert fault.family in FAMILIES


def test_all_of_them_are_told_by_family_with_what_they_need(chaos: Invoke) -> None:
    result = chaos("faults")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    for fault in FAULTS:
        assert sum(line.startswith(f"  {fault.name}  ") for line in lines) == 1
    told = " ".join(result.out.split())
    for fault in FAULTS:
        assert sentence_of(fault) in told
    families = [line.partition(":")[0] for line in lines if line and not line.startswith(" ")]
    assert families == [family for family in FAMILY_ORDER if family in FAMILIES]
    assert "needs a TCP-true path; said in socket.io alone" in result.out
    assert max(map(len, lines)) <= WIDTH


def test_for_machines(chaos: Invoke) -> None:
    records = {record["name"]: record for record in map(json.loads, chaos("faults", "--json").out.splitlines())}
    assert set(records) >= {fault.name for fault in FAULTS}
    assert records["latency"] == {
        "name": "latency",
        "family": "network",
        "does": sentence_of(Latency),
        "needs": [Capability.LINK.value],
        "dialects": None,
    }


def test_parameters_are_for_whoever_writes_a_scenario() -> None:
    assert (
        sentence_of(Bandwidth) == "At most so many bytes a second pass, on each connection by itself, one way or both."
    )
