from __future__ import annotations

from chaos.expectations import DatabaseSessionsGivenBack
from chaos.expectations.database_sessions import FEWEST
from chaos.journal import Statistics
from chaos.verdict import Verdict
from tests.unit.expectations.records import record

WANTED = DatabaseSessionsGivenBack(clients=10, limit=3, came=10.0, inside=11.0, ended=20.0, settled=30.0)


def _told(*values: float | str, since: float) -> list[Statistics]:
    return [
        Statistics(at=since + i * 0.1, took=0.01, values={"database_sessions": value}) for i, value in enumerate(values)
    ]


def _all(*, before: float = 0, during: float = 0, after: float = 0) -> list[Statistics]:
    times = ((before, 9.0), (during, 12.0), (after, 31.0))
    return [each for value, since in times for each in _told(*[float(value)] * FEWEST, since=since)]


def test_who_listens_and_holds_none_is_well() -> None:
    finding = WANTED.judge(record(*_all()))
    assert (finding.verdict, finding.observed) == (
        Verdict.HELD,
        "0 held before, 0 while 10 listened, 0 afterwards",
    )


def test_a_session_for_each_who_listens_is_too_many() -> None:
    finding = WANTED.judge(record(*_all(before=1, during=11, after=1)))
    assert (finding.verdict, finding.observed, finding.figure) == (
        Verdict.VIOLATED,
        "11 database sessions held all the while that 10 clients listened",
        "11 held",
    )


def test_a_session_that_is_taken_now_and_then_is_not_held() -> None:
    peaks = _told(9.0, 9.0, since=15.0)
    assert WANTED.judge(record(*_all(), *peaks)).verdict is Verdict.HELD


def test_a_session_that_stays_behind_is_kept() -> None:
    finding = WANTED.judge(record(*_all(during=2, after=2)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "2 database sessions still held when all 10 had ended, 0 before they came",
    )


def test_too_few_readings_decide_nothing() -> None:
    made = [each for each in _all(during=11) if each.at < 12.35]
    assert WANTED.judge(record(*made)).observed == f"{FEWEST - 1} readings of the sessions, {FEWEST} are needed"


def test_readings_of_another_time_do_not_count() -> None:
    """While they come and while they go, what is held is neither of the one time nor of the other."""
    between = [*_told(*[11.0] * FEWEST, since=10.1), *_told(*[0.0] * FEWEST, since=21.0)]
    finding = WANTED.judge(record(*between))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "the server's database_sessions could not be read: nobody asked",
    )
