"""What a dialect is: how a message is put into WebSocket messages, and what those that come mean.

A `Talk` is one client's side of one connection. It is fed with whole messages and says what they mean; it knows of no
socket and no clock, so that a crowd of thousands, a canary and a hostile client can all speak it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Asked", "Broken", "Dialect", "Heard", "Over", "Ready", "Reply", "Said", "Talk"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message for whoever listens, as the target file's expressions see it."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client says at once and of itself, as the dialect has it: a text message."""

    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The server asks whether its client is there, and this text message is the answer: the dialect's own heartbeat."""

    answer: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The client is inside: from now on it may send messages."""


@dataclass(frozen=True, slots=True)
class Over:
    """The server ends the conversation, or does not let the client in. The client closes the connection."""

    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The server has said what the dialect forbids."""

    reason: str


Heard = Said | Reply | Asked | Ready | Over | Broken


class Talk(ABC):
    """One client's side of one connection."""

    asks: ClassVar[bool] = False
    """Whether the server's heartbeat is the dialect's own: then WebSocket's pings are no part of it."""

    @abstractmethod
    def begin(self) -> Sequence[Heard]:
        """What follows from the 101 alone."""

    @abstractmethod
    def hear(self, data: str | bytes) -> Sequence[Heard]:
        """What one whole message means."""

    @abstractmethod
    def say(self, text: str) -> str:
        """The text message that carries what a target file says is sent."""

    def leave(self) -> Sequence[str]:
        """The text messages that a client says before its close frame."""
        return ()


class Dialect(ABC):
    """One dialect. It has no state: two of one name are the same."""

    name: ClassVar[str]
    """In target files: lower case."""
    path: ClassVar[str | None] = None
    """Where its endpoints are unless a target file says otherwise; None: it has to."""
    sayable: ClassVar[str] = "any text"
    """What a target file may have sent, in words."""
    namespaces: ClassVar[bool] = False
    """Whether an endpoint names a part of the server that is joined once the connection stands."""

    def request_path(self, path: str) -> str:
        """The path and query of the upgrade request to an endpoint."""
        return path

    def unsayable(self, text: str) -> str:
        """Why a target file cannot have this sent, in words that follow the key; empty where it can."""
        return ""

    @abstractmethod
    def talk(self, namespace: str = "/") -> Talk:
        """A client's side of a new connection."""
