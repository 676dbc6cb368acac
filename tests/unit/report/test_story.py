"""The words of a story: faults told once, clients told together, figures that can be counted."""

from __future__ import annotations

from xml.etree import ElementTree

from chaos.journal import (
    Anomaly,
    Attempt,
    Beat,
    Bite,
    Correspondence,
    Ended,
    Event,
    Evidence,
    Healing,
    HealingState,
    Injected,
    Journal,
    Lateness,
    Note,
    Outcome,
    Phase,
    PhaseEntered,
    Receipt,
    Round,
    Segment,
    ServerEvent,
    StartTried,
    Statistics,
    Traffic,
)
from chaos.report.log import LogLine, log_of
from chaos.report.rounds import draw_rounds
from chaos.report.story import LONGEST_LOG, tell


def journal(*events: Event) -> Journal:
    return Journal(events=tuple(sorted(events, key=lambda event: event.at)))


def one_round(at: float, *, bite: Bite = Bite.BIT) -> list[Event]:
    evidence = (Evidence(what="errno", side="client", during=f"{at:g}"),)
    return [
        Injected(at=at, fault="reset", description="Reset()"),
        Receipt(at=at, fault="reset", bite=bite, covered=5, total=5, since=at, evidence=evidence),
        Healing(at=at + 0.5, fault="reset", state=HealingState.HEALED, since=at + 0.5),
    ]


def lost(at: float, client: int, crowd: str = "victims") -> Ended:
    return Ended(at=at, crowd=crowd, client=client, by="server", how="reset")


def test_rounds_that_went_alike_are_told_once() -> None:
    events = [event for at in (1.0, 2.0, 3.0) for event in one_round(at)]
    (fault,) = tell(journal(*events)).faults
    assert (fault.times, fault.receipt, fault.healing) == (3, "bit on 5 of 5 connections", "healed")
    assert fault.evidence[0].during == "1", "the first one's"


def test_a_round_that_went_another_way_is_told_apart() -> None:
    events = [*one_round(1.0), *one_round(2.0, bite=Bite.DID_NOT_BITE), *one_round(3.0)]
    assert [(fault.times, fault.bit) for fault in tell(journal(*events)).faults] == [(2, True), (1, False)]


def test_a_fault_that_was_cut_off() -> None:
    (fault,) = tell(journal(Injected(at=1.0, fault="reset", description="d"))).faults
    assert fault.receipt == "no receipt: the run ended before the fault was proven"
    assert fault.healing == "not healed before the run ended"
    assert (fault.bit, fault.healed) == (False, False)


def test_a_fault_that_did_not_heal_is_not_healed() -> None:
    events = one_round(1.0)[:2]
    healing = Healing(at=2.0, fault="reset", state=HealingState.FAILED, since=2.0)
    (fault,) = tell(journal(*events, healing)).faults
    assert (fault.healing, fault.healed) == ("failed", False)


def test_clients_that_share_a_fate_share_a_line() -> None:
    lines = log_of(
        journal(
            Segment(at=1.0, version=1, role="r", pid=1, run="r", cell="c", wall=0.0),
            PhaseEntered(at=10.0, phase=Phase.FAULT),
            lost(10.1, 1),
            lost(10.2, 7, crowd="others"),
            lost(10.3, 2),
            ServerEvent(at=10.4, what="killed", pid=4, exit_code=-9),
            lost(10.5, 3),
        )
    )
    assert [(round(line.at, 3), line.text) for line in lines] == [
        (0.0, "phase: fault"),
        (0.1, "2 clients of victims ended by the server: reset"),
        (0.2, "client of others ended by the server: reset"),
        (0.4, "server killed (pid 4), exit code -9"),
        (0.5, "client of victims ended by the server: reset"),
    ]


def test_a_start_that_was_tried_says_what_became_of_it() -> None:
    tries = [
        StartTried(at=10.4, began=10.0, variable="LIMIT", value="many", became="ended", exit_code=2),
        StartTried(at=12.0, began=11.5, variable="LIMIT", value="0", became="healthy"),
    ]
    assert [line.text for line in log_of(journal(*tries))] == [
        "server tried with LIMIT='many': ended, exit code 2 after 400ms",
        "server tried with LIMIT='0': healthy after 500ms",
    ]


def test_clients_that_got_in_or_left_by_themselves_are_no_news() -> None:
    opened = Attempt(at=1.0, crowd="c", client=1, outcome=Outcome.OPEN, phase="handshake", began=1.0)
    left = Ended(at=2.0, crowd="c", client=1, by="client", how="close", code=1000)
    assert log_of(journal(opened, left)) == []


def test_what_the_server_says_is_told_when_it_changes() -> None:
    def told(at: float, **values: float | str) -> Statistics:
        return Statistics(at=at, values=values)

    lines = log_of(
        journal(
            told(1.0, breaker="closed", alerts=""),
            told(2.0, breaker="closed", alerts="", connections=3.0),
            told(3.0, breaker="open", alerts=""),
        )
    )
    assert [line.text for line in lines] == ["server says breaker: closed, alerts: none", "server says breaker: open"]


def test_statistics_that_cannot_be_read_are_told_once() -> None:
    def failed(at: float) -> Statistics:
        return Statistics(at=at, values={}, error="GET /stats: refused", steady=True)

    told = Statistics(at=4.0, values={"breaker": "closed"}, steady=True)
    lines = log_of(journal(failed(1.0), failed(2.0), failed(3.0), told))
    assert [(line.at, line.text) for line in lines] == [
        (0.0, "the server's statistics cannot be read: GET /stats: refused"),
        (3.0, "the server's statistics can be read again"),
        (3.0, "server says breaker: closed"),
    ]


def test_the_readings_of_the_statistics_are_counted() -> None:
    def told(at: float, took: float, error: str = "") -> Statistics:
        return Statistics(at=at, values={}, took=took, error=error, steady=True)

    asked = Statistics(at=5.0, values={}, took=9.0)
    readings = (told(1.0, 0.001), told(2.0, 0.003), told(3.0, 2.0, "no answer"), told(4.0, 0.002))
    figures = dict(tell(journal(*readings, asked)).figures)
    assert figures == {"server's statistics": "4 readings, 1 of them failed, median 2ms, worst 3ms"}


def test_a_log_without_end_is_cut_and_says_so() -> None:
    notes = [Note(at=float(number), text=f"{number}") for number in range(LONGEST_LOG + 5)]
    story = tell(journal(*notes))
    assert (len(story.log), story.log_left_out) == (LONGEST_LOG, 5)
    assert story.log[0] == LogLine(0.0, "0")


def test_figures() -> None:
    def second(at: float, sent: int, answered: int, wrong: int) -> Traffic:
        return Traffic(
            at=at, crowd="c", began=at - 1, sent=sent, received=sent, pings=0, answered=answered, wrong=wrong
        )

    refused = Attempt(at=2.0, crowd="c", client=2, outcome=Outcome.REFUSED, phase="tcp", began=1.9)
    opened = Attempt(at=1.5, crowd="c", client=1, outcome=Outcome.OPEN, phase="handshake", began=1.25)
    figures = dict(tell(journal(opened, refused, lost(3.0, 1), second(4.0, 5, 4, 1), second(5.0, 5, 5, 0))).figures)
    assert figures == {
        "clients let in": "1 of 2 attempts",
        "until let in": "median 250ms, worst 250ms",
        "not let in": "1 refused",
        "ended": "1 reset by the server",
        "exchanges": "9 answered, 1 wrong, of 10 sent",
    }


def test_numbered_messages_are_counted_and_the_first_anomaly_is_told() -> None:
    anomaly = Anomaly(at=2.0, crowd="c", client=3, what="duplicated", number=7, detail="number 7 came again")
    # Of what a client wrote the latest counts.
    first = Correspondence(at=3.0, crowd="c", client=3, sent=1, answered=0, heard=0, unknown=1)
    last = Correspondence(at=4.0, crowd="c", client=3, sent=9, answered=8, heard=20, duplicated=2, unknown=1)
    other = Correspondence(at=4.0, crowd="c", client=4, sent=9, answered=9, heard=20)
    told = tell(journal(Note(at=1.0, text="it begins"), anomaly, first, last, other))
    assert dict(told.figures)["numbered messages"] == "17 answered of 18 sent, 40 heard, 2 duplicated, 1 unknown"
    assert told.log[-1] == LogLine(1.0, "client 3 of c, duplicated: number 7 came again")


def test_both_kinds_of_our_own_lateness_are_told() -> None:
    beat = Beat(at=1.0, ok=True, round_trip=0.002, lateness=0.003)
    late = [Lateness(at=at, pid=7, began=at - 0.05, worst=worst) for at, worst in ((1.0, 0.001), (1.05, 0.25))]
    assert dict(tell(journal(beat, *late)).figures) == {
        "canary": "1 of 1 answered, median 2ms, worst 2ms",
        "harness late by at most": "3ms",
        "its clients late by at most": "250ms",
    }


def test_rounds_are_drawn_against_the_connections_that_ended() -> None:
    rounds = [Round(at=float(n), ended=n * 50, fds=20 + n % 2, memory=50_000_000 + n * 1000) for n in range(1, 9)]
    root = ElementTree.fromstring(draw_rounds(rounds))
    dots = [found for found in root.iter() if found.get("class") == "dot"]
    assert len(dots) == 16
    assert root.get("aria-label") == ("8 rounds, 400 connections ended: memory and file descriptors held after each")
    memory = [float(dot.get("cy", "")) for dot in dots[:8]]
    assert memory == sorted(memory, reverse=True), "it grows, and up is less in a picture"
    assert draw_rounds(rounds[:1]) == ""
