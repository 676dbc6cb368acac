"""Tests to inherit for a dialect: plain asserts, which any runner that collects classes named Test... finds.

class TestMine(DialectConformance):
    name = "mine"
    lets_in = ("hello",)
    says = ("<a message>", "a message")
    sayable = "<ask {n}>"
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import ClassVar

from chaos.dialects import dialect_named, known_dialects
from chaos.dialects.base import Asked, Broken, Heard, Over, Ready, Said, Talk

__all__ = ["DialectConformance"]


class DialectConformance:
    """What the crowd, the canary and hostile clients rely on in every dialect."""

    name: ClassVar[str]
    lets_in: ClassVar[Sequence[str | bytes]]
    """What the server says until a client is inside, the last of it included; none where the 101 is enough."""
    says: ClassVar[tuple[str, str]]
    """A message as the server sends it, and as a client is to hear it."""
    sayable: ClassVar[str]
    """Something that a target file may have sent, with `{n}` where it has a number."""
    unsayable: ClassVar[str | None] = None
    """Something that it may not; None where it may send anything."""
    asks: ClassVar[str | None] = None
    """A ping of the dialect's own; None where it has none."""
    forbidden: ClassVar[str | None] = None
    """What the server must not say; None where it may say anything."""
    ends: ClassVar[str | None] = None
    """The server's goodbye; None where the close frame is all there is."""

    def test_it_is_known_by_its_name_and_has_no_state(self) -> None:
        dialect = dialect_named(self.name)
        assert type(dialect) is known_dialects()[self.name]
        assert type(pickle.loads(pickle.dumps(dialect))) is type(dialect)
        assert vars(dialect) == {}

    def test_a_client_is_let_in_once_and_not_before_its_time(self) -> None:
        talk = dialect_named(self.name).talk()
        told = [list(talk.begin()), *(list(talk.hear(message)) for message in self.lets_in)]
        assert [Ready() in heard for heard in told] == [False] * (len(told) - 1) + [True]

    def test_what_is_said_is_heard(self) -> None:
        wire, text = self.says
        assert list(self._inside().hear(wire)) == [Said(text)]

    def test_two_connections_know_nothing_of_each_other(self) -> None:
        self._inside()
        talk = dialect_named(self.name).talk()
        assert (Ready() in talk.begin()) is not bool(self.lets_in)

    def test_what_may_be_sent_is_text(self) -> None:
        dialect = dialect_named(self.name)
        assert dialect.unsayable(self.sayable) == ""
        assert self.sayable.replace("{n}", "7") in self._inside().say(self.sayable.replace("{n}", "7"))
        assert self.unsayable is None or dialect.unsayable(self.unsayable)

    def test_its_heartbeat_has_an_answer(self) -> None:
        talk = self._inside()
        heard: Sequence[Heard] = talk.hear(self.asks) if self.asks is not None else ()
        assert talk.asks is (self.asks is not None)
        assert all(isinstance(one, Asked) and one.answer for one in heard)
        assert len(heard) == (self.asks is not None)

    def test_what_is_forbidden_is_told_from_a_goodbye(self) -> None:
        for message, kind in ((self.forbidden, Broken), (self.ends, Over)):
            if message is not None:
                (heard,) = self._inside().hear(message)
                assert isinstance(heard, kind)
                assert heard.reason

    def test_an_upgrade_request_has_a_path(self) -> None:
        dialect = dialect_named(self.name)
        assert dialect.request_path(dialect.path or "/ws").startswith(dialect.path or "/ws")

    def _inside(self) -> Talk:
        talk = dialect_named(self.name).talk()
        talk.begin()
        for message in self.lets_in:
            talk.hear(message)
        return talk
