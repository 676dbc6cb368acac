"""What every toxic is: frozen integer attributes, and a `pipe` that acts on the items of one link."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from chaos.links.embedded.items import Pipe, Place

__all__ = ["Toxic", "named", "names", "register"]


@dataclass(frozen=True, slots=True)
class Toxic(ABC):
    """Base of all toxics. The fields of a subclass, all integers with default 0, are its JSON attributes in the order
    in which Toxiproxy writes them."""

    kind: ClassVar[str]
    """Its `type` in the HTTP API."""
    go_type: ClassVar[str]
    """The name of Toxiproxy's own type: error messages carry it."""
    go_integer: ClassVar[str] = "int64"
    """The Go type of the attributes, for the same reason."""
    capacity: ClassVar[int] = 1
    """How many items wait in front of the toxic before what comes earlier must stop."""
    closes_when_removed: ClassVar[bool] = False
    """Whether its removal closes the connections it acted on, because bytes are missing from them."""

    @abstractmethod
    def pipe(self, place: Place) -> Pipe:
        """Act on one link's items, from the moment the toxic starts on it until an `End` is yielded.

        The generator may be closed between any two steps, when the toxic is changed or removed. The chunk it received
        last and has not wholly handed on is then not lost: the stub hands it to whatever comes in its place.
        """


_ToxicType = TypeVar("_ToxicType", bound=type[Toxic])

_registry: dict[str, type[Toxic]] = {}


def register(toxic: _ToxicType) -> _ToxicType:
    """Class decorator: make a toxic known by its kind."""
    _registry[toxic.kind] = toxic
    return toxic


def named(kind: str) -> type[Toxic] | None:
    """The toxic of this kind, or None; case matters, as in Toxiproxy."""
    return _registry.get(kind)


def names() -> tuple[str, ...]:
    """All kinds, sorted."""
    return tuple(sorted(_registry))
