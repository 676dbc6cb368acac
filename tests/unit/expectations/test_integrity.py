"""Numbered messages: what is a breach, what is unknown, and what nobody can say."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.expectations import Intact, IntactThroughReconnects, PlainlyOver, SessionsForgotten
from chaos.journal import Attempt, Bite, Correspondence, Ended, Event, HealingState, Outcome, Statistics
from chaos.verdict import Verdict
from tests.unit.expectations.records import bite, healed, made, record, worker_late

INTACT = Intact(crowd="crowd")
RECONNECTS = IntactThroughReconnects(crowd="crowd", within=5.0)
OVER = PlainlyOver(crowd="crowd", within=5.0)
FORGOTTEN = SessionsForgotten(crowd="crowd", gone=2, limit=6.5)


def books(client: int = 0, **counts: Any) -> Correspondence:
    given: dict[str, Any] = {"sent": 10, "answered": 10, "heard": 0, "waited": 3.0, **counts}
    return Correspondence(at=30.0, crowd="crowd", client=client, **given)


def came(at: float, *, client: int = 0, outcome: Outcome = Outcome.OPEN, status: int | None = 101) -> Attempt:
    return Attempt(
        at=at, crowd="crowd", client=client, outcome=outcome, phase="handshake", began=at - 0.01, status=status
    )


def left(at: float, *, client: int = 0) -> Ended:
    return Ended(at=at, crowd="crowd", client=client, by="client", how="reset")


@pytest.mark.parametrize(
    ("events", "verdict", "observed"),
    [
        ((books(),), Verdict.HELD, "10 answered of 10 sent, none of them wrong"),
        (
            (books(answered=8, unknown=2, first={"unknown": "client 0: message 9 was sent 1ms before the end"}),),
            Verdict.HELD,
            "8 answered of 10 sent, none of them wrong; 2 unknown at the cut "
            "(client 0: message 9 was sent 1ms before the end)",
        ),
        (
            (
                books(
                    answered=9, lost=1, duplicated=2, first={"lost": "client 0: this", "duplicated": "client 0: that"}
                ),
            ),
            Verdict.VIOLATED,
            "1 lost, 2 duplicated (9 answered of 10 sent); first: client 0: this",
        ),
        # What a client wrote later takes the place of what it wrote before.
        ((books(lost=1, first={"lost": "this"}), books()), Verdict.HELD, "10 answered of 10 sent, none of them wrong"),
        (
            (books(answered=9, unanswered=1, first={"unanswered": "client 0: message 9"}),),
            Verdict.VIOLATED,
            "1 not answered in 3s (9 answered of 10 sent); first: client 0: message 9",
        ),
        (
            (books(answered=9, unanswered=1, first={"unanswered": "client 0: message 9"}), worker_late(2.0, at=29.0)),
            Verdict.INCONCLUSIVE,
            "1 not answered in 3s (9 answered of 10 sent); first: client 0: message 9, a breach within the reading's "
            "own uncertainty of 2s: the crowd worker of 'crowd' was up to 2s late",
        ),
        ((books(sent=0, answered=0),), Verdict.INCONCLUSIVE, "not one numbered message came through"),
        ((), Verdict.INCONCLUSIVE, "no client of 'crowd' has written its books"),
    ],
)
def test_inside_a_session(events: tuple[Event, ...], verdict: Verdict, observed: str) -> None:
    finding = INTACT.judge(record(made(pid=7), came(10.0), *events))
    assert (finding.verdict, finding.observed) == (verdict, observed)


def test_figure_and_evidence_of_a_breach() -> None:
    event = books(lost=1, corrupted=3, first={"lost": "client 0: this", "corrupted": "client 0: that"})
    finding = INTACT.judge(record(came(10.0), event))
    assert finding.figure == "1 lost, 3 corrupted"
    assert finding.evidence == ("lost: client 0: this", "corrupted: client 0: that")


def test_nothing_is_said_of_those_who_never_got_in() -> None:
    finding = INTACT.judge(record(came(10.0, outcome=Outcome.HTTP, status=503), books()))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "1 of 1 clients of 'crowd' never got in",
    )


AWAY = (came(10.0), left(11.0))


@pytest.mark.parametrize(
    ("events", "verdict", "observed"),
    [
        (
            (came(12.0), books(resumed=1, unknown=1, settled=1, first={"unknown": "client 0: one"})),
            Verdict.HELD,
            "10 answered of 10 sent, none of them wrong; 1 client came back within 1s; 1 unknown at the cut, "
            "1 of them settled when sent again (client 0: one)",
        ),
        (
            (came(12.0), books(resumed=1, lost=2, first={"lost": "client 0: this"})),
            Verdict.VIOLATED,
            "2 lost (10 answered of 10 sent); first: client 0: this",
        ),
        (
            (came(12.0, outcome=Outcome.HTTP, status=410), books()),
            Verdict.VIOLATED,
            "1 of 1 client could not come back; first: client 0: HTTP 410 after 10ms, 1s after its connection ended",
        ),
        (
            (came(12.0), books(renewed=1)),
            Verdict.VIOLATED,
            "1 client came back within 1s and got another session",
        ),
        # Whoever comes back after the promised time may be refused.
        (
            (came(17.0, outcome=Outcome.HTTP, status=410), books()),
            Verdict.INCONCLUSIVE,
            "it took us 6s to come back, and sessions are kept for 5s",
        ),
        (
            (came(17.0), books(renewed=1)),
            Verdict.INCONCLUSIVE,
            "it took us 6s to come back, and sessions are kept for 5s",
        ),
        ((books(),), Verdict.INCONCLUSIVE, "no client of 'crowd' had to come back"),
        ((came(12.0), books()), Verdict.INCONCLUSIVE, "of 1 client that came back 0 said that it went on"),
        (
            (came(12.0), books(resumed=1, sent=0, answered=0)),
            Verdict.INCONCLUSIVE,
            "not one numbered message came through",
        ),
        # Its end was written down late: it may have been away for longer than the session is kept.
        (
            (came(15.5, outcome=Outcome.HTTP, status=410), books(), worker_late(1.0, at=11.0)),
            Verdict.INCONCLUSIVE,
            "1 of 1 client could not come back; first: client 0: HTTP 410 after 10ms, 4.5s after its connection ended, "
            "a breach within the reading's own uncertainty of 1s: the crowd worker of 'crowd' was up to 1s late",
        ),
        (
            (came(15.5, outcome=Outcome.HTTP, status=410), books(), worker_late(0.4, at=11.0)),
            Verdict.VIOLATED,
            "1 of 1 client could not come back; first: client 0: HTTP 410 after 10ms, 4.5s after its connection ended",
        ),
        (
            (came(15.5), books(renewed=1), worker_late(1.0, at=11.0)),
            Verdict.INCONCLUSIVE,
            "1 client came back within 4.5s and got another session, "
            "a breach within the reading's own uncertainty of 1s: the crowd worker of 'crowd' was up to 1s late",
        ),
        (
            (came(15.5), books(renewed=1), worker_late(0.4, at=11.0)),
            Verdict.VIOLATED,
            "1 client came back within 4.5s and got another session",
        ),
        # What we did not do to all, or have not taken away, is no doing of the server's.
        (
            (bite(10.9, covered=9), came(12.0), books(renewed=1)),
            Verdict.INCONCLUSIVE,
            "1 client came back within 1s and got another session; vanished did not bite as it should",
        ),
        (
            (bite(10.9), healed(11.5, state=HealingState.FAILED), came(12.0, outcome=Outcome.REFUSED), books()),
            Verdict.INCONCLUSIVE,
            "1 of 1 client could not come back; first: client 0: connection refused after 10ms, 1s after "
            "its connection ended; vanished could not be healed",
        ),
    ],
)
def test_through_a_reconnect(events: tuple[Event, ...], verdict: Verdict, observed: str) -> None:
    finding = RECONNECTS.judge(record(made(pid=7), *AWAY, *events))
    assert (finding.verdict, finding.observed) == (verdict, observed)


@pytest.mark.parametrize(
    ("events", "verdict", "observed"),
    [
        (
            (came(21.0, outcome=Outcome.HTTP, status=410), books()),
            Verdict.HELD,
            "1 refused, 10s after their connections ended",
        ),
        ((came(21.0), books(renewed=1)), Verdict.HELD, "1 given another session, 10s after their connections ended"),
        ((came(21.0), books(resumed=1)), Verdict.HELD, "1 resumed without a gap, 10s after their connections ended"),
        (
            (came(21.0), books(resumed=1, lost=3, first={"lost": "client 0: this"})),
            Verdict.VIOLATED,
            "3 lost (10 answered of 10 sent); first: client 0: this",
        ),
        (
            (came(21.0, outcome=Outcome.TIMEOUT), books()),
            Verdict.VIOLATED,
            "1 of 1 client were told nothing; first: client 0: timed out in handshake after 10ms, "
            "10s after its connection ended",
        ),
        ((books(),), Verdict.INCONCLUSIVE, "no client of 'crowd' came back"),
        # It waited for 10 ms, and whoever waited was late by more than half of them.
        (
            (came(21.0, outcome=Outcome.TIMEOUT), books(), worker_late(0.006, at=21.0)),
            Verdict.INCONCLUSIVE,
            "1 of 1 client were told nothing; first: client 0: timed out in handshake after 10ms, 10s after its "
            "connection ended, a breach within the reading's own uncertainty of 6ms: the crowd worker of 'crowd' was "
            "up to 6ms late",
        ),
        # An end is no silence: nobody's lateness made it.
        (
            (came(21.0, outcome=Outcome.EOF), books(), worker_late(0.006, at=21.0)),
            Verdict.VIOLATED,
            "1 of 1 client were told nothing; first: client 0: ended without a word in handshake after 10ms, 10s "
            "after its connection ended",
        ),
        (
            (bite(10.9, how=Bite.DID_NOT_BITE), came(21.0, outcome=Outcome.EOF), books()),
            Verdict.INCONCLUSIVE,
            "1 of 1 client were told nothing; first: client 0: ended without a word in handshake after 10ms, 10s "
            "after its connection ended; vanished did not bite as it should",
        ),
        (
            (came(21.0), books(renewed=1, sent=0, answered=0)),
            Verdict.INCONCLUSIVE,
            "not one numbered message came through",
        ),
        ((came(21.0), books()), Verdict.INCONCLUSIVE, "of 1 client that came back: nothing"),
        # Whoever knocked in time and was answered late was in time.
        (
            (came(16.003), books(resumed=1)),
            Verdict.INCONCLUSIVE,
            "1 of 1 client came back in time, the first 4.99s after its connection ended, and sessions are kept for 5s",
        ),
    ],
)
def test_a_session_that_is_over(events: tuple[Event, ...], verdict: Verdict, observed: str) -> None:
    finding = OVER.judge(record(made(pid=7), *AWAY, *events))
    assert (finding.verdict, finding.observed) == (verdict, observed)


def told(at: float, sessions: float) -> Statistics:
    return Statistics(at=at, values={"sessions": sessions}, took=0.001)


@pytest.mark.parametrize(
    ("events", "verdict", "observed"),
    [
        ((told(10.5, 2.0), told(12.0, 2.0), told(17.1, 0.0)), Verdict.HELD, "all 2 forgotten, shown 6.1s after"),
        # Between the last wrong reading and the first right one nobody asked.
        ((told(10.5, 2.0), told(12.0, 2.0), told(25.0, 0.0)), Verdict.HELD, "all 2 forgotten, shown 14s after"),
        ((told(10.5, 2.0), told(24.0, 2.0), told(25.0, 0.0)), Verdict.VIOLATED, "all 2 forgotten, shown 14s after"),
        (
            (told(10.5, 2.0), told(24.001, 2.0)),
            Verdict.VIOLATED,
            "2 sessions still kept 13s after the last of 2 clients",
        ),
        (
            (told(10.5, 2.0), told(12.001, 2.0)),
            Verdict.INCONCLUSIVE,
            "2 sessions still kept 1s after the last of 2 clients, and nobody looked longer",
        ),
        (
            (told(10.5, 1.0), told(24.0, 0.0)),
            Verdict.INCONCLUSIVE,
            "the server told of 1 sessions while 2 clients were there",
        ),
        ((), Verdict.INCONCLUSIVE, "the server's sessions could not be read: nobody asked"),
    ],
)
def test_sessions_are_forgotten(events: tuple[Event, ...], verdict: Verdict, observed: str) -> None:
    gone = (left(11.0), left(11.0, client=1))
    finding = FORGOTTEN.judge(record(*gone, *events))
    assert (finding.verdict, finding.observed) == (verdict, observed)
