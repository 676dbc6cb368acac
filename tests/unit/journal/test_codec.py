"""Events to lines and back: every kind, every field."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.errors import JournalError
from chaos.journal import (
    Bite,
    Evidence,
    FeedFetched,
    Healing,
    HealingState,
    MemoryHeld,
    Note,
    Receipt,
    Round,
    Sample,
)
from chaos.journal.codec import decode, encode
from chaos.journal.events import KINDS, Event
from tests.examples import examples

# what a JSON file of UTF-8 can hold; lone surrogates are tested below
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NANOSECONDS = st.integers(-(10**15), 10**15).map(lambda count: round(count / 1e9, 9))
MICROSECONDS = st.integers(0, 10**12).map(lambda count: round(count / 1e6, 6))


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field, by its type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return st.one_of([values(option) for option in inner])
    if origin is tuple:
        return st.lists(values(inner[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values(inner[0]), values(inner[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return instances(hint)
    simple = {int: st.integers(-(2**53), 2**53), float: NANOSECONDS, bool: st.booleans(), str: TEXT}
    return simple[hint] if hint is not type(None) else st.none()


def instances(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    fields = {field.name: values(hints[field.name]) for field in dataclasses.fields(kind)}
    if "at" in fields:
        fields["at"] = MICROSECONDS
    return st.builds(kind, **fields)


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=list(KINDS))
@settings(max_examples=examples(0.4))
@given(data=st.data())
def test_every_kind_of_event_comes_back_as_it_went(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(instances(kind))
    line = encode(event)
    assert "\n" not in line
    assert line.startswith(f'{{"kind":"{kind.__name__}"'), "readers that look for a kind rely on it"
    back = decode(line)
    assert back == event
    assert [type(value) for value in dataclasses.astuple(back)] == [type(value) for value in dataclasses.astuple(event)]


def test_every_event_class_is_a_kind() -> None:
    # by name: a dataclass with slots leaves its first form among the subclasses
    assert set(KINDS) == {kind.__name__ for kind in Event.__subclasses__()}


def test_fields_at_their_default_are_left_out() -> None:
    assert json.loads(encode(Sample(at=1.0, took=0.002))) == {"kind": "Sample", "at": 1.0, "took": 0.002}


def test_nested_evidence_keeps_its_types() -> None:
    receipt = Receipt(
        at=1.0,
        fault="reset",
        bite=Bite.BIT,
        covered=1,
        total=2,
        since=0.5,
        evidence=(Evidence(what="errno", side="client", during="ECONNRESET"),),
    )
    back = decode(encode(receipt))
    assert back == receipt
    assert isinstance(back, Receipt)
    assert back.bite is Bite.BIT
    assert isinstance(back.evidence[0], Evidence)


def test_text_of_any_script_stays_readable_in_the_file() -> None:
    assert "prüfen ✓" in encode(Note(at=1.0, text="prüfen ✓"))


def test_bytes_that_were_no_text_do_not_stop_the_journal() -> None:
    """A server's log or close reason, decoded with surrogateescape, may hold lone surrogates."""
    line = encode(Note(at=1.0, text="caf\udce9"))
    line.encode("utf-8")
    assert decode(line) == Note(at=1.0, text="caf\udce9")


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_infinity_survives(value: float) -> None:
    event = Receipt(at=1.0, fault="x", bite=Bite.BIT, covered=0, total=0, since=value)
    assert decode(encode(event)) == event


@pytest.mark.parametrize("line", ["", "{", "[]", "3", "null", '"Note"', "{}", '{"kind":3}', '{"kind":[]}', '{"at":1}'])
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(JournalError, match=r"^not an event of a journal: "):
        decode(line)


def test_an_unknown_kind_is_refused_with_its_line() -> None:
    with pytest.raises(JournalError) as caught:
        decode('{"kind":"Rumour","at":1.0}')
    assert str(caught.value) == """not an event of a journal: '{"kind":"Rumour","at":1.0}'"""


@pytest.mark.parametrize(
    "line",
    [
        '{"kind":"Note","at":1.0}',
        '{"kind":"Note","at":1.0,"text":"x","more":1}',
        '{"kind":"Note","at":"soon","text":"x"}',
        '{"kind":"Healing","at":1.0,"fault":"x","state":"perhaps","since":1.0}',
        '{"kind":"Receipt","at":1.0,"fault":"x","bite":"bit","covered":0,"total":0,"since":1.0,"evidence":[1]}',
        '{"kind":"Receipt","at":1.0,"fault":"x","bite":"bit","covered":0,"total":0,"since":1.0,"evidence":3}',
    ],
)
def test_fields_that_do_not_fit_are_refused(line: str) -> None:
    with pytest.raises(JournalError, match=r"^a (Note|Healing|Receipt) with unfit fields: "):
        decode(line)


def test_an_enum_is_written_as_its_value() -> None:
    healing = Healing(at=1.0, fault="down", state=HealingState.GONE_WITH_THE_TARGET, since=0.9)
    assert json.loads(encode(healing))["state"] == "gone with the target"


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('{"kind":"Held","at":1.0,"count":2,"memory":3,"wave":4}', MemoryHeld(at=1.0, count=2, memory=3, wave=4)),
        ('{"kind":"Polled","at":1.0,"began":0.5,"status":200}', FeedFetched(at=1.0, began=0.5, status=200)),
        (
            '{"kind":"Round","at":1.0,"ended":2,"fds":3,"memory":4,"sessions":5.0}',
            Round(at=1.0, ended=2, fds=3, memory=4, connections=5.0),
        ),
    ],
)
def test_a_former_name_is_read_as_the_present_one(line: str, event: Event) -> None:
    """Of version 5."""
    assert decode(line) == event
