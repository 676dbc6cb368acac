"""A breach that is no more than the promised end of old connections is judged by nobody; every other one is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.contract import FloodAnswer, Liveness, RejectionAnswer
from chaos.expectations import (
    ClosedByAge,
    ClosedWhenIdle,
    ClosedWith,
    CounterAgrees,
    DeliveredInSequence,
    Expectation,
    FloodAnswered,
    PingedAtPeriod,
    Provided,
    ReachedEverybody,
    ReachesEverybodyAgain,
    RejectedGracefully,
    ReleasedWithin,
    RoundTripsWithin,
    StatisticsAgree,
    Undisturbed,
    Warned,
    WarnedBeforeClose,
    WorkerRecycled,
    WorkerReplaced,
)
from chaos.experiment.ages import aged_out, explained, told
from chaos.journal import Event, Holders, Outcome, ProcessLost, Statistics, Traffic
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, beat, bite, ended, frame, made, record, sample

MADE = made("living", pid=7)
IN = attempt(crowd="living")
"""The client 0 of the crowd, inside from 1.0 s on."""
AT_AGE = ended(crowd="living", at=2.8)
"""Its end at the age of 1.8 s, by a close frame with 1001."""
AGE = {"max_age": "2s", "age_code": 1001}
STAYS = Undisturbed(crowd="living")


def promised(**keys: object) -> Liveness:
    return Liveness.model_validate(keys)


def is_explained(breach: Expectation, *events: Event, **keys: object) -> bool:
    """Whether a breach is, which has to be one."""
    seen = record(MADE, *events)
    assert breach.judge(seen).verdict is Verdict.VIOLATED, breach.judge(seen)
    return explained(breach, seen, aged_out(seen, promised(**(keys or AGE))))


def traffic(*, missing: int = 0, wrong: int = 0, at: float = 3.0) -> Traffic:
    return Traffic(
        at=at, crowd="living", began=at - 1, sent=9, received=9, pings=0, answered=8, missing=missing, wrong=wrong
    )


# -- who may have been closed for its age -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "keys"),
    [
        (ended(crowd="living", at=2.4), AGE),
        (AT_AGE, {}),
        (ended(crowd="living", at=2.8, by="client"), AGE),
        (ended(crowd="living", at=2.8, how="reset", code=None), AGE),
        (ended(crowd="living", at=2.8, how="eof", code=None), AGE),
        (ended(crowd="living", at=2.8, how="timeout"), AGE),
        (ended(crowd="living", at=2.8, code=1011), AGE),
    ],
    ids=["too young", "no age is promised", "left by itself", "reset", "no word", "TCP held", "another code"],
)
def test_who_ended_otherwise_did_not_for_its_age(end: Event, keys: dict[str, object]) -> None:
    assert aged_out(record(MADE, IN, end), promised(**keys)) == []


def test_where_no_code_is_promised_any_may_be_the_ages() -> None:
    seen = record(MADE, IN, replace(AT_AGE, code=1011))
    assert len(aged_out(seen, promised(max_age="2s"))) == 1


def test_who_came_back_is_as_old_as_its_last_session() -> None:
    again = [ended(crowd="living", at=1.5, by="client"), attempt(crowd="living", began=1.6)]
    assert aged_out(record(MADE, IN, *again, AT_AGE), promised(**AGE)) == []


def test_it_is_told_with_both_figures() -> None:
    assert told(aged_out(record(MADE, IN, AT_AGE), promised(**AGE))) == (
        "promises.liveness.max_age = 2s is shorter than this scenario needs its clients: the server closed one at the "
        "age of 1.8s, and may have done so for that"
    )


# -- what their end explains --------------------------------------------------------------------------------------


def test_clients_that_were_to_stay() -> None:
    assert is_explained(STAYS, IN, AT_AGE)
    assert is_explained(STAYS, IN, AT_AGE, traffic(missing=1))
    assert is_explained(Provided(condition=STAYS, then=STAYS), IN, AT_AGE)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([attempt(1, crowd="living", began=2.0), ended(1, crowd="living", at=2.8)], id="one was young"),
        pytest.param([attempt(1, crowd="living"), ended(1, crowd="living", at=2.8, code=1011)], id="another code"),
        pytest.param([traffic(wrong=1)], id="a wrong answer"),
        pytest.param([traffic(missing=2)], id="two answers for one who ended"),
        pytest.param([traffic(missing=1, at=2.0)], id="an answer that was missing before"),
    ],
)
def test_what_happened_to_clients_besides_is_the_server_s(more: list[Event]) -> None:
    assert not is_explained(STAYS, IN, AT_AGE, *more)


def test_another_crowd_s_age_explains_nothing() -> None:
    others = [made("others", pid=8), attempt(crowd="others", began=2.0), ended(crowd="others", at=2.8, code=1011)]
    assert not is_explained(Undisturbed(crowd="others"), IN, AT_AGE, *others)


def test_a_heartbeat_that_is_dead_is_not_excused_by_clients_that_grew_old_beside_it() -> None:
    # Staging: what keeps the dead is found out after 363 s, when the living have reached their 361 s.
    released = ReleasedWithin(dead=3, remaining=2, limit=181.5, why="interval + timeout + sweep")
    living = [attempt(crowd="living"), ended(crowd="living", at=361.0)]
    readings = [sample(float(at), 5 if at < 361 else 1) for at in range(2, 364)]
    assert not is_explained(released, bite(2.0), *living, *readings, max_age="361s", age_code=1001)


def test_an_idle_client_that_is_closed_with_the_wrong_code_is_not_excused_by_its_age() -> None:
    wrong = ClosedWith(crowd="living", codes=(1001,), why="when idle")
    closed = [IN, ended(crowd="living", at=301.0, code=4000)]
    assert not is_explained(wrong, *closed, max_age="361s", age_code=1001)
    # Where no code is promised for the age it may have been the age's.
    assert is_explained(wrong, *closed, max_age="361s")


def test_one_that_was_never_warned_may_have_been_closed_for_its_age_before() -> None:
    warned = WarnedBeforeClose(crowd="living", warning="idle", notice=0.5)
    assert is_explained(warned, IN, AT_AGE)
    young = [attempt(1, crowd="living", began=2.0), ended(1, crowd="living", at=2.8)]
    assert not is_explained(warned, IN, AT_AGE, *young)


def test_an_idle_client_that_grew_old_is_the_breach_where_it_was_to_be_closed_before() -> None:
    # It was due at 1.5 s at the latest.
    assert not is_explained(ClosedWhenIdle(crowd="living", timeout=1.0, slack=0.5), IN, AT_AGE)
    # Due at 2.0 s at the earliest, and closed at 1.8.
    assert is_explained(ClosedWhenIdle(crowd="living", timeout=2.0, slack=0.5), IN, AT_AGE)


def test_silence_after_its_end_and_none_before_it() -> None:
    asked = PingedAtPeriod(crowd="living", interval=0.5, until=4.0)
    pings = [frame(at, crowd="living", opcode="ping") for at in (1.4, 1.8, 2.2, 2.6)]
    assert is_explained(asked, IN, *pings, AT_AGE)
    assert not is_explained(asked, IN, *pings[:1], *pings[3:], AT_AGE)


def test_broadcasts_after_its_end_and_none_before_it() -> None:
    asked = DeliveredInSequence(crowd="living", gap=0.6, start=1.0, end=4.0, message="news", sequence=r"news (\d+)")
    heard = [frame(1.0 + number / 2, crowd="living", text=f"news {number}") for number in (1, 2, 3)]
    assert is_explained(asked, IN, *heard, AT_AGE)
    assert not is_explained(asked, IN, heard[0], heard[2], AT_AGE)


def test_as_many_answers_as_clients_waited_for_when_they_were_closed() -> None:
    asked = RoundTripsWithin(
        wanted=9, sent=9, answered=8, round_trips=(0.01,) * 8, p99=0.1, crowd="living", start=1.0, end=3.0
    )
    assert is_explained(asked, IN, AT_AGE)
    assert not is_explained(replace(asked, answered=7), IN, AT_AGE)
    assert not is_explained(replace(asked, end=2.5), IN, AT_AGE)
    assert not is_explained(replace(asked, round_trips=(0.2,) * 8), IN, AT_AGE)


def test_a_count_that_is_less_by_as_many_as_had_ended() -> None:
    def says(count: float, at: float = 3.0) -> Statistics:
        return Statistics(at=at, values={"connections": count}, took=0.01)

    asked = StatisticsAgree(connections=5, since=1.0, within=0.2)
    assert is_explained(asked, IN, AT_AGE, says(4.0))
    assert not is_explained(asked, IN, AT_AGE, says(6.0))
    assert not is_explained(asked, IN, AT_AGE, says(3.0))
    assert not is_explained(asked, IN, AT_AGE, says(4.0, at=2.5))


def test_the_canary_grows_as_old_and_comes_back() -> None:
    """All were gone for the 50 ms that it is away: told of nobody, and so was the canary of its age."""
    asked = StatisticsAgree(connections=2, since=1.0, within=0.2)
    nobody = Statistics(at=3.0, values={"connections": 0.0}, took=0.01)
    before, lost = beat(at=2.75), beat(at=2.8, ok=False)
    assert is_explained(asked, IN, AT_AGE, before, lost, nobody)
    assert is_explained(asked, IN, AT_AGE, before, lost, nobody, beat(at=3.05))
    assert is_explained(asked, IN, AT_AGE, before, nobody, replace(lost, at=3.02), beat(at=3.1))
    assert not is_explained(asked, IN, AT_AGE, before, lost, beat(at=2.95), nobody), "back by then"
    assert not is_explained(asked, IN, AT_AGE, before, nobody), "never away"


def test_places_that_the_old_have_left() -> None:
    asked = RejectedGracefully(
        crowd="burst", free=1, answer=RejectionAnswer.HTTP_503, within=1.0, retry_after=False, places=2, inside=1
    )

    def came(*opened: bool, began: float = 3.0) -> list[Event]:
        inside, out = replace(IN, crowd="burst", began=began, at=began + 0.01), Outcome.HTTP
        answers = [inside if got_in else replace(inside, outcome=out, status=503) for got_in in opened]
        return [replace(answer, client=number) for number, answer in enumerate(answers)]

    assert is_explained(asked, IN, AT_AGE, *came(True, True, False))
    assert not is_explained(asked, IN, AT_AGE, *came(True, True, True, False)), "one has left, and two were let in"
    assert not is_explained(asked, IN, AT_AGE, *came(True, True, False, began=2.7)), "before it was old"
    assert not is_explained(asked, IN, AT_AGE, *came(False, False, False)), "a place that nobody was given"


def test_ends_that_the_old_have_added() -> None:
    asked = CounterAgrees(
        counter="ended", counted="connections that are over", happened=5, start=1.5, end=2.5, within=0.2
    )

    def says(rise: float, *, which: str = "ended", at: float = 3.0) -> list[Statistics]:
        return [Statistics(at=1.2, values={which: 1.0}), Statistics(at=at, values={which: 1.0 + rise}, took=0.01)]

    assert is_explained(asked, IN, AT_AGE, *says(6.0))
    assert not is_explained(asked, IN, AT_AGE, *says(7.0)), "one ended, and two were counted"
    assert not is_explained(asked, IN, AT_AGE, *says(4.0)), "one that was forgotten"
    assert not is_explained(asked, IN, AT_AGE, *says(6.0, at=2.75)), "counted before it had ended"
    earlier = replace(asked, end=2.9)
    assert not is_explained(earlier, IN, AT_AGE, *says(6.0)), "its kernel had forgotten it by then, so it is among them"
    let_in = replace(asked, counter="accepted")
    assert not is_explained(let_in, IN, AT_AGE, *says(6.0, which="accepted")), "nobody comes for another's age"
    both = replace(asked, canary=True)
    assert is_explained(both, IN, AT_AGE, beat(at=2.7), beat(at=2.8, ok=False), *says(7.0)), "and the canary's"


def test_who_was_gone_before_it_was_warned() -> None:
    asked = Warned(crowd="living", pattern="full", since=2.0, what="86 of 100 places")
    assert is_explained(asked, IN, AT_AGE)
    assert not is_explained(asked, IN, AT_AGE, attempt(1, crowd="living")), "one was there all along"


def test_who_flooded_and_grew_old() -> None:
    asked = FloodAnswered(crowd="living", answer=FloodAnswer.SERVED, sent=1, answered=1)
    assert is_explained(asked, IN, AT_AGE)
    assert is_explained(replace(asked, answered=0), IN, AT_AGE)
    assert not is_explained(replace(asked, sent=3), IN, AT_AGE), "two had no answer, and one grew old"
    cut = [attempt(1, crowd="living"), ended(1, crowd="living", at=2.8, code=1011)]
    assert not is_explained(asked, IN, AT_AGE, *cut)


def said(number: int, at: float, *, to: tuple[int, ...] = (0, 1)) -> list[Event]:
    return [frame(at, client=client, crowd="living", text=f"said {number}") for client in to]


ROOM = [
    IN,
    attempt(1, crowd="living"),
    attempt(crowd="speakers"),
    Holders(at=1.1, crowd="living", serving=(7, 8), held={"0": 7, "1": 8}),
    Holders(at=1.1, crowd="speakers", serving=(7, 8), held={"0": 7}),
    beat(at=2.75),
    beat(at=5.0),
]
"""Two who listen, of whom one grows old at 2.8 s, and one who speaks."""


def test_what_the_old_could_not_hear_any_more() -> None:
    asked = ReachedEverybody(crowd="living", speakers="speakers", said=2, message="said {n}", limit=0.5, since=2.0)
    heard = said(1, 2.1)
    assert is_explained(asked, *ROOM, AT_AGE, *heard, *said(2, 2.9, to=(1,)))
    assert not is_explained(asked, *ROOM, AT_AGE, *heard, *said(2, 2.9, to=())), "the other has not heard it either"
    missed = said(2, 2.2, to=(1,))
    assert not is_explained(asked, *ROOM, AT_AGE, *heard, *missed), "it had half a second for that"


def test_what_the_old_could_not_hear_any_more_once_the_queue_was_back() -> None:
    asked = ReachesEverybodyAgain(
        crowd="living", speakers="speakers", said_at=(1.4, 2.5, 3.2), message="said {n}", limit=1.0, within=0.3
    )
    room = [*ROOM, ProcessLost(at=1.3, since=1.2, pid=9)]
    heard = said(1, 1.5)
    assert is_explained(asked, *room, AT_AGE, *heard, *said(2, 2.5), *said(3, 3.2, to=(1,)))
    never_back = [*said(1, 1.5, to=(1,)), *said(2, 2.4, to=(1,)), *said(3, 3.2, to=(1,))]
    assert not is_explained(asked, *room, AT_AGE, *never_back), "it was there, and heard nothing any more"


def test_a_worker_that_was_replaced_cost_nobody_who_grew_old() -> None:
    asked = WorkerRecycled(crowd="living", answered=1, newcomers=("new",), requests=4, limit=4.0)
    room = [IN, attempt(1, crowd="living"), attempt(2, crowd="living")]
    before = Holders(at=2.0, crowd="living", serving=(7, 8), held={"0": 8, "1": 7, "2": 8})
    newcomer = [attempt(crowd="new", began=2.5), Holders(at=2.6, crowd="new", serving=(8, 9), held={"0": 9})]
    told = ended(1, crowd="living", at=2.3, code=1001)
    after = Holders(at=3.5, crowd="living", serving=(8, 9), held={"2": 8})
    assert is_explained(asked, *room, before, *newcomer, told, AT_AGE, after)
    assert not is_explained(replace(asked, answered=0), *room, before, *newcomer, told, AT_AGE, after)
    other = ended(2, crowd="living", at=2.3, code=1011)
    assert not is_explained(asked, *room, before, *newcomer, told, AT_AGE, other, after)
    none_new = replace(after, at=9.5, serving=(8,))
    empty = [newcomer[0], replace(newcomer[1], serving=(8,), held={"0": 8})]
    assert not is_explained(asked, *room, before, *empty, told, AT_AGE, none_new)


def test_a_worker_that_died_cost_nobody_who_grew_old() -> None:
    asked = WorkerReplaced(crowd="living", sent=1, answered=1, newcomers=("new",), limit=4.0)
    room = [IN, attempt(1, crowd="living"), attempt(2, crowd="living")]
    died = ProcessLost(at=2.1, since=2.0, pid=7, crowd="living", clients=(1,), left=(8,))
    newcomer = [attempt(crowd="new", began=2.5), Holders(at=2.6, crowd="new", serving=(8, 9), held={"0": 9})]
    assert is_explained(asked, *room, died, *newcomer, AT_AGE)
    assert not is_explained(replace(asked, sent=3, answered=0), *room, died, *newcomer, AT_AGE)
    other = ended(2, crowd="living", at=2.3, code=1011)
    assert not is_explained(asked, *room, died, *newcomer, AT_AGE, other)
    none_new = replace(newcomer[1], at=6.5, serving=(8,), held={"0": 8})
    assert not is_explained(asked, *room, died, newcomer[0], none_new, AT_AGE), "nobody has come in its place"


def test_the_age_itself_is_judged() -> None:
    assert not is_explained(ClosedByAge(crowd="living", limit=1.6), IN, AT_AGE)
