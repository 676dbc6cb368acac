"""What a picture shows, taken out of a journal."""

from __future__ import annotations

from chaos.journal import (
    Attempt,
    Beat,
    Bite,
    Ended,
    Event,
    FindingMade,
    Healing,
    HealingState,
    Injected,
    Journal,
    Outcome,
    Phase,
    PhaseEntered,
    Receipt,
    Sample,
    Segment,
    ServerEvent,
    Statistics,
    VerdictGiven,
)
from chaos.report.timeline import Instant, Mark, Span, States, Timeline, build_timeline, ending, refusal


def journal(*events: Event) -> Journal:
    return Journal(events=tuple(sorted(events, key=lambda event: event.at)))


def timeline(*events: Event) -> Timeline:
    """With something at 100 and at 110, so that the cell has an extent."""
    built = build_timeline(journal(PhaseEntered(at=100.0, phase=Phase.STEADY), *events, Sample(at=110.0, took=0.001)))
    assert built is not None
    return built


def receipt(at: float, since: float, bite: Bite = Bite.BIT, fault: str = "reset") -> Receipt:
    return Receipt(at=at, fault=fault, bite=bite, covered=1, total=1, since=since)


def healing(at: float, since: float, state: HealingState = HealingState.HEALED, fault: str = "reset") -> Healing:
    return Healing(at=at, fault=fault, state=state, since=since)


def injected(at: float, fault: str = "reset") -> Injected:
    return Injected(at=at, fault=fault, description="")


def attempt(at: float, outcome: Outcome, **more: object) -> Attempt:
    return Attempt(at=at, crowd="c", client=1, outcome=outcome, phase="first_message", began=at, **more)  # type: ignore[arg-type]  # as given


def test_a_fault_acts_from_its_receipt_to_its_healing() -> None:
    built = timeline(injected(102.0), receipt(102.5, since=102.1), healing(105.0, since=104.8))
    assert [(round(w.start, 3), round(w.end, 3), w.name, w.sure) for w in built.windows] == [(2.1, 4.8, "reset", True)]


def test_a_fault_without_a_receipt_is_shown_from_its_injection_and_not_sure() -> None:
    assert timeline(injected(102.0)).windows == (Span(2.0, 10.0, "reset", False),)


def test_a_fault_that_did_not_bite_is_not_sure() -> None:
    built = timeline(injected(102.0), receipt(102.0, 102.0, Bite.DID_NOT_BITE), healing(103.0, 103.0))
    assert built.windows == (Span(2.0, 3.0, "reset", False),)


def test_a_fault_that_did_not_heal_acts_to_the_end() -> None:
    built = timeline(injected(102.0), receipt(102.0, 102.0), healing(103.0, 103.0, HealingState.FAILED))
    assert built.windows == (Span(2.0, 10.0, "reset", True),)


def test_every_round_of_a_fault_has_its_window() -> None:
    rounds = [
        event for at in (101.0, 103.0, 105.0) for event in (injected(at), receipt(at, at), healing(at + 1, at + 1))
    ]
    assert [(window.start, window.end) for window in timeline(*rounds).windows] == [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]


def test_two_faults_at_once_are_told_apart() -> None:
    built = timeline(
        injected(101.0, "latency"),
        injected(102.0, "reset"),
        receipt(102.0, 102.0, fault="reset"),
        receipt(102.5, 101.0, fault="latency"),
        healing(103.0, 103.0, fault="latency"),
        healing(104.0, 104.0, fault="reset"),
    )
    assert built.windows == (Span(1.0, 3.0, "latency"), Span(2.0, 4.0, "reset"))


def test_phases_follow_each_other() -> None:
    built = timeline(PhaseEntered(at=102.0, phase=Phase.FAULT), PhaseEntered(at=105.0, phase=Phase.RECOVERY))
    assert built.phases == (Span(0.0, 2.0, "steady"), Span(2.0, 5.0, "fault"), Span(5.0, 10.0, "recovery"))


def test_readings_become_series() -> None:
    built = timeline(
        Sample(at=101.0, took=0.001, sockets={"ESTABLISHED": 3, "CLOSE_WAIT": 1, "TIME_WAIT": 9}, rss=10, pss=7),
        Beat(at=102.0, ok=True, round_trip=0.002, lateness=0.0),
        Beat(at=103.0, ok=False, round_trip=1.0, lateness=0.0),
        Statistics(at=104.0, values={"connections": 4.0}),
    )
    connections, canary, memory = built.series
    assert connections.points == ((1.0, 4.0), (10.0, 0.0))
    assert connections.second == ((4.0, 4.0),)
    assert (canary.points, canary.gaps) == (((2.0, 0.002),), (3.0,))
    assert memory.points == ((1.0, 7.0),)


def test_clients_become_marks() -> None:
    built = timeline(
        attempt(101.0, Outcome.OPEN),
        attempt(102.0, Outcome.HTTP, status=503),
        Ended(at=103.0, crowd="c", client=1, by="server", how="close", code=1001),
        Ended(at=104.0, crowd="c", client=2, by="client", how="eof"),
    )
    assert {lane.label: lane.marks for lane in built.lanes} == {
        "clients let in": (Mark(1.0, "tick", "let in"),),
        "not let in": (Mark(2.0, "cross", "http 503"),),
        "ended by the server": (Mark(3.0, "end", "close 1001"),),
        "ended by the client": (Mark(4.0, "end", "eof"),),
    }


def test_what_the_server_says_in_words_becomes_states() -> None:
    def told(at: float, **values: float | str) -> Statistics:
        return Statistics(at=at, values=values)

    built = timeline(
        told(101.0, upstream_breaker="closed"),
        told(102.0, upstream_breaker="closed"),
        told(103.0, upstream_breaker="open"),
        told(104.0, connections=3.0),
        told(105.0, upstream_breaker="closed"),
    )
    (states,) = built.states
    assert states.label == "upstream breaker"
    assert states.spans == (Span(1.0, 3.0, "closed"), Span(3.0, 5.0, "open"), Span(5.0, 10.0, "closed"))


def test_a_state_ends_where_the_server_no_longer_tells_it() -> None:
    """Asked for in vain, or told to be none: what was so before is not known to last."""
    built = timeline(
        Statistics(at=101.0, values={"upstream_breaker": "open", "alerts": "high"}, steady=True),
        Statistics(at=102.0, values={"upstream_breaker": "open", "alerts": ""}, steady=True),
        Statistics(at=104.0, values={}, error="no answer", took=1.5, steady=True),
        Statistics(at=105.0, values={}, error="no answer", steady=True),
        Statistics(at=106.0, values={"upstream_breaker": "open", "alerts": ""}, steady=True),
    )
    assert built.states == (
        States("upstream breaker", (Span(1.0, 2.5, "open"), Span(6.0, 10.0, "open"))),
        States("alerts", (Span(1.0, 2.0, "high"),)),
    )


def test_what_the_server_alone_can_count_is_a_series_too() -> None:
    built = timeline(
        Statistics(at=101.0, values={"tasks": 7.0}, steady=True),
        Statistics(at=102.0, values={}, error="no answer", steady=True),
        Statistics(at=103.0, values={"tasks": 9.0}, steady=True),
    )
    tasks = built.series[-1]
    assert (tasks.label, tasks.points) == ("server's tasks", ())
    assert (tasks.second, tasks.second_gaps) == (((1.0, 7.0), (3.0, 9.0)), (2.0,))


def test_what_was_done_to_the_server_becomes_instants() -> None:
    assert timeline(ServerEvent(at=103.0, what="killed")).instants == (Instant(3.0, "killed"),)


def test_the_time_begins_with_the_first_event_and_judging_is_no_part_of_it() -> None:
    built = build_timeline(
        journal(
            Segment(at=90.0, version=1, role="r", pid=1, run="r", cell="c", wall=0.0),
            ServerEvent(at=100.0, what="started"),
            ServerEvent(at=104.0, what="exited"),
            FindingMade(at=120.0, expectation="e", verdict="held", observed="", promised=""),
            VerdictGiven(at=120.0, outcome="held", promise="p", scenario="s", fault="", node="n"),
        )
    )
    assert built is not None
    assert (built.length, built.instants[0].at) == (4.0, 0.0)


def test_nothing_to_draw() -> None:
    assert build_timeline(journal()) is None
    assert build_timeline(journal(ServerEvent(at=100.0, what="started"))) is None
    verdict = VerdictGiven(at=1.0, outcome="skipped", promise="p", scenario="s", fault="", node="n")
    assert build_timeline(journal(verdict)) is None


def test_outcomes_in_words() -> None:
    assert refusal(attempt(1.0, Outcome.REFUSED)) == "refused"
    assert refusal(attempt(1.0, Outcome.TIMEOUT)) == "timeout in first message"
    assert refusal(attempt(1.0, Outcome.CLOSED, code=1013)) == "closed 1013"
    assert refusal(attempt(1.0, Outcome.CLOSED)) == "closed without a code"
    assert ending(Ended(at=1.0, crowd="c", client=1, by="server", how="reset")) == "reset"
