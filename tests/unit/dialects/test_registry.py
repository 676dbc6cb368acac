"""The dialects there are, those of other packages among them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

import chaos.dialects
from chaos.dialects import DIALECTS, dialect_named, known_dialects
from chaos.dialects.websocket import PlainWebSocket
from chaos.errors import ConfigurationError


class _Foreign(PlainWebSocket):
    name: ClassVar[str] = "stomp"


class _Impostor(PlainWebSocket):
    name: ClassVar[str] = "socket.io"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    dialect_named.cache_clear()


def _entry(name: str) -> EntryPoint:
    return EntryPoint(name=name, value=f"{__name__}:{name}", group="chaos.dialects")


def test_those_of_this_package() -> None:
    assert sorted(known_dialects()) == sorted(dialect.name for dialect in DIALECTS) == ["socket.io", "websocket"]


def test_another_packages_dialect_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos.dialects, "entry_points", lambda *, group: [_entry("_Foreign")])
    assert type(dialect_named("stomp")) is _Foreign


def test_a_name_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos.dialects, "entry_points", lambda *, group: [_entry("_Impostor")])
    with pytest.raises(ConfigurationError) as caught:
        known_dialects()
    assert str(caught.value) == f"{__name__}:_Impostor calls its dialect 'socket.io', which is the name of another one"


def test_a_dialect_that_nobody_speaks() -> None:
    with pytest.raises(ConfigurationError) as caught:
        dialect_named("klingon")
    assert str(caught.value) == "there is no dialect 'klingon'; there are 'websocket', 'socket.io'"
