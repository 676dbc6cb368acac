"""The books of numbered messages: what is missing, came twice, late, changed, or is somebody else's."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from chaos.crowd.connection import Message
from chaos.crowd.ledger import Ledger, Notation
from chaos.crowd.numbered import Numbered, Pattern, payload_of
from chaos.crowd.traffic import TrafficMeter
from chaos.errors import ConfigurationError
from chaos.journal import Anomaly, Correspondence, Event

ECHO = Numbered(send="chaos {n} {payload}", answer="^chaos {n} {payload}$")
FEED = Numbered(message="update", sequence=r"number (\d+)")
SESSION = Numbered(
    send="id {n} {payload}",
    answer="^ack {n}$",
    applied="applied {n} {payload}$",
    sequence=r"^event (\d+)",
    session=r"^session (\w+)$",
    resumed=r"^resumed (\w+)$",
    resume="/ws?session={token}&last={last}",
)


class Books:
    """The ledger of one client, and what it wrote down. Time passes only as it is told."""

    def __init__(self, numbered: Numbered, *, client: int = 0, notation: Notation | None = None) -> None:
        self.written: list[Event] = []
        self.ledger = Ledger(
            notation or Notation(numbered),
            crowd="crowd",
            client=client,
            numbers=itertools.count(1),
            meter=TrafficMeter("crowd"),
            record=self.written.append,
        )

    def send(self, count: int) -> list[str]:
        return [self.ledger.next(10.0) for _ in range(count)]

    def hear(self, *texts: str) -> None:
        for text in texts:
            message = Message(text, 10.5)
            if not self.ledger.hear(message):
                self.ledger.strange(message)

    def closed(self, *, connected: bool = True) -> Correspondence:
        return self.ledger.correspondence(12.0, waited=1.0, connected=connected)

    @property
    def anomalies(self) -> list[tuple[str, int]]:
        return [(event.what, event.number) for event in self.written if isinstance(event, Anomaly)]


def wrong(books: Correspondence) -> dict[str, int]:
    """The counts that are not 0, of what may be wrong."""
    names = ("lost", "unanswered", "duplicated", "reordered", "corrupted", "foreign", "unknown")
    return {name: count for name in names if (count := getattr(books, name))}


def test_all_is_well_with_answers_in_order() -> None:
    books = Books(ECHO)
    books.hear(*books.send(3))
    closed = books.closed()
    assert (closed.sent, closed.answered, wrong(closed), closed.first) == (3, 3, {}, {})
    assert books.ledger.settled
    assert not books.anomalies


def test_an_answer_that_is_overtaken_is_lost() -> None:
    books = Books(ECHO)
    first, _, third = books.send(3)
    books.hear(first, third)
    closed = books.closed()
    assert wrong(closed) == {"lost": 1}
    assert closed.first["lost"] == "client 0: message 3 was answered, and message 2, sent before it, was not"
    assert books.anomalies == [("missing", 2)]


def test_one_that_comes_after_all_is_late_and_not_lost() -> None:
    books = Books(ECHO)
    first, second = books.send(2)
    books.hear(second, first)
    closed = books.closed()
    assert wrong(closed) == {"reordered": 1}
    assert closed.first["reordered"] == "client 0: the answer to message 1 came after that to message 2"
    assert books.ledger.settled


def test_any_order_will_do_where_it_is_promised() -> None:
    books = Books(replace(ECHO, in_order=False))
    first, second = books.send(2)
    books.hear(second, first)
    assert wrong(books.closed()) == {}


def test_the_same_answer_twice() -> None:
    books = Books(ECHO)
    (first,) = books.send(1)
    books.hear(first, first)
    closed = books.closed()
    assert wrong(closed) == {"duplicated": 1}
    assert closed.first["duplicated"] == "client 0: the answer to message 1 came again"


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text[:-1],
        lambda text: f"{text}0",
        lambda text: text.replace("chaos 1 ", "chaos 1  "),
        lambda text: text[:40] + text[90:] + text[40:90],
    ],
)
def test_a_changed_payload_is_seen(changed: object) -> None:
    books = Books(ECHO)
    (first,) = books.send(1)
    books.hear(changed(first))  # type: ignore[operator]  # each is a function of text
    closed = books.closed()
    assert wrong(closed) == {"corrupted": 1}
    assert closed.first["corrupted"].startswith("client 0: the answer to message 1 is not what was sent: 'chaos 1 ")


def test_what_nobody_knows_stands_for_the_answer_in_whose_place_it_came() -> None:
    books = Books(ECHO)
    first, _, third = books.send(3)
    books.hear(first, f"chaos{payload_of(2, ECHO.size)[8:24]}", third)
    closed = books.closed()
    assert wrong(closed) == {"corrupted": 1}
    assert closed.first["corrupted"].startswith("client 0: in place of the answer to message 2 came 'chaos")


@pytest.mark.parametrize(("numbered", "text"), [(ECHO, "chaos 0"), (replace(ECHO, send="{n}", answer="{n}"), "ready")])
def test_what_has_nothing_of_the_answer_does_not_stand_for_it(numbered: Numbered, text: str) -> None:
    books = Books(numbered)
    first, _, third = books.send(3)
    books.hear(first, text, third)
    assert wrong(books.closed()) == {"lost": 1}


def test_what_is_outstanding_at_the_cut_is_unknown() -> None:
    books = Books(ECHO)
    first, *_ = books.send(3)
    books.hear(first)
    books.ledger.over(10.25)
    closed = books.closed(connected=False)
    assert (closed.answered, wrong(closed)) == (1, {"unknown": 2})
    assert closed.first["unknown"] == "client 0: message 2 was sent 250ms before the connection ended"


def test_what_was_overtaken_before_the_cut_is_lost() -> None:
    books = Books(ECHO)
    _, second, _ = books.send(3)
    books.hear(second)
    books.ledger.over(10.25)
    assert wrong(books.closed(connected=False)) == {"lost": 1, "unknown": 1}


def test_what_has_no_answer_though_the_connection_lasts() -> None:
    books = Books(ECHO)
    books.send(2)
    closed = books.closed()
    assert wrong(closed) == {"unanswered": 2}
    assert closed.first["unanswered"] == "client 0: message 1 has no answer after 2s"
    assert not books.ledger.settled


def test_only_the_first_of_a_kind_is_written_in_full() -> None:
    books = Books(ECHO)
    sent = books.send(3)
    books.hear(*sent, *sent)
    assert books.closed().duplicated == 3
    assert books.anomalies == [("duplicated", 1)]


@pytest.mark.parametrize(
    ("numbers", "expected", "first"),
    [
        ((7, 8, 9), {}, ""),
        ((7, 9), {"lost": 1}, "client 0: number 8 never came: after 7 came 9"),
        ((7, 9, 8), {"reordered": 1}, "client 0: number 8 came after number 9"),
        ((7, 8, 8), {"duplicated": 1}, "client 0: number 8 came again after number 8"),
        ((7, 11, 8, 10), {"lost": 1, "reordered": 2}, "client 0: number 9 never came: after 7 came 11"),
    ],
)
def test_the_numbers_of_broadcasts(numbers: tuple[int, ...], expected: dict[str, int], first: str) -> None:
    books = Books(FEED)
    books.hear(*(f"update, number {number}" for number in numbers))
    closed = books.closed()
    assert (closed.heard, wrong(closed)) == (len(numbers), expected)
    assert next(iter(closed.first[what] for what in expected), "") == first


def test_other_messages_are_no_broadcasts() -> None:
    books = Books(FEED)
    books.hear("update, number 1", "warning, number 5", "update, number 2")
    assert (books.closed().heard, wrong(books.closed())) == (2, {})


def test_each_connection_begins_anew_where_there_are_no_sessions() -> None:
    books = Books(FEED)
    books.hear("update, number 1", "update, number 2")
    books.ledger.over(10.0)
    books.hear("update, number 9")
    assert wrong(books.closed()) == {}


def test_listeners_compare_what_they_hear() -> None:
    notation = Notation(replace(FEED, identical=True))
    one, other = (Books(FEED, client=client, notation=notation) for client in (0, 1))
    one.hear("update, number 1: a", "update, number 2: b")
    other.hear("update, number 1: a", "update, number 2: c")
    assert wrong(one.closed()) == {}
    closed = other.closed()
    assert wrong(closed) == {"corrupted": 1}
    assert closed.first["corrupted"] == "client 1: number 2 is not what client 0 heard: 'update, number 2: c'"


def applied(number: int, event: int) -> str:
    return f"event {event}: applied {number} {payload_of(number, SESSION.size)}"


def in_a_session() -> Books:
    """A client that has heard event 1, and sent three messages of which the first two were answered and applied."""
    books = Books(SESSION)
    books.hear("session abc", "event 1")
    books.send(3)
    books.hear("ack 1", applied(1, 2), "ack 2", applied(2, 3))
    return books


def test_a_session_goes_on_after_a_reconnect() -> None:
    books = in_a_session()
    assert not books.ledger.to_send_again()
    books.ledger.over(10.25)
    assert books.ledger.path("/ws") == "/ws?session=abc&last=3"
    books.hear("resumed abc")
    # The last that was acknowledged as well, as one does that the acknowledgement did not reach.
    assert books.ledger.to_send_again() == [SESSION.text(2), SESSION.text(3)]
    books.hear("event 4", "ack 2", "ack 3", applied(3, 5))
    closed = books.closed()
    assert wrong(closed) == {"unknown": 1}
    assert (closed.sent, closed.answered, closed.settled, closed.resumed, closed.renewed) == (3, 3, 1, 1, 0)
    assert books.ledger.settled


@pytest.mark.parametrize(
    ("texts", "expected", "first"),
    [
        (("event 5",), {"lost": 1}, "client 0: number 4 never came: after 3 came 5"),
        (("event 3", "event 4"), {"duplicated": 1}, "client 0: number 3 came again after number 3"),
        (("event 5", "event 4"), {"reordered": 1}, "client 0: number 4 came after number 5"),
        ((applied(2, 4),), {"duplicated": 1}, "client 0: message 2 was applied twice"),
        (("ack 3",), {"lost": 1}, "client 0: message 3 was acknowledged and never applied"),
        (
            ("event 4: applied 77 0a",),
            {"foreign": 1},
            "client 0: message 77, which somebody else sent, was applied: 'event 4: applied 77 0a'",
        ),
        (
            ("event 4: applied 3 0a", "ack 3"),
            {"corrupted": 1},
            "client 0: message 3 was not applied as it was sent: 'event 4: applied 3 0a'",
        ),
    ],
)
def test_what_may_go_wrong_at_a_reconnect(texts: tuple[str, ...], expected: dict[str, int], first: str) -> None:
    books = in_a_session()
    books.ledger.over(10.25)
    books.ledger.path("/ws")
    books.hear("resumed abc", *texts)
    closed = books.closed()
    found = {what: count for what, count in wrong(closed).items() if what not in ("unknown", "unanswered")}
    assert found == expected
    assert next(iter(closed.first[what] for what in expected)) == first


def test_another_session_is_nobody_elses_loss() -> None:
    books = in_a_session()
    books.ledger.over(10.25)
    books.ledger.path("/ws")
    books.hear("session def", "event 1", "event 2")
    closed = books.closed()
    assert (closed.renewed, closed.resumed, wrong(closed)) == (1, 0, {"unknown": 1})
    assert not books.ledger.to_send_again()
    assert books.ledger.path("/ws") == "/ws?session=def&last=2"


def test_the_session_of_another_is_told_by_its_token() -> None:
    books = in_a_session()
    books.ledger.over(10.25)
    books.ledger.path("/ws")
    books.hear("resumed xyz")
    assert books.closed().first["foreign"] == "client 0: it resumed session xyz, and its own is abc"


def test_one_who_never_came_back_has_lost_nothing_that_anybody_knows_of() -> None:
    books = Books(SESSION)
    books.hear("session abc")
    books.send(1)
    books.hear("ack 1")
    books.ledger.over(10.25)
    assert wrong(books.closed(connected=False)) == {}


def test_a_pattern_finds_its_number_and_knows_the_whole() -> None:
    pattern = Pattern('"id": ?{n}, "text": "{payload}"', size=20)
    text = f'{{"seq": 9, "id": 12, "text": "{payload_of(12, 20)}"}}'
    assert pattern.number(text) == 12
    assert pattern.whole(text, 12)
    assert not pattern.whole(text, 13)
    assert pattern.number("nothing of ours") is None


def test_payloads_differ_and_have_their_size() -> None:
    assert len({payload_of(number, 33) for number in range(100)}) == 100
    assert len(payload_of(1, 33)) == 33


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"send": "a {n}"}, "send and answer go together"),
        ({}, "nothing carries a number"),
        ({"send": "a", "answer": "a"}, r"send holds \{n\}"),
        ({"send": "a {n}", "answer": "a"}, r"answer holds \{n\}"),
        ({"sequence": r"(\d+)", "resume": "/"}, "session, resumed and resume go together"),
    ],
)
def test_templates_that_make_no_sense(given: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Numbered(**given)  # type: ignore[arg-type]  # all of them are text
