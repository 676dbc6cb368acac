from __future__ import annotations

import random
from dataclasses import replace

import pytest

from chaos.expectations import (
    ConnectionsNotKept,
    Expectation,
    FdsNotKept,
    MemoryNotKept,
    SessionsNotKept,
    TasksNotKept,
    ThreadsNotKept,
)
from chaos.experiment.ages import Aged, explained
from chaos.journal import Round
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, ended, record

FDS = FdsNotKept(margin=0.01)
MEMORY = MemoryNotKept(margin=2000)


def _rounds(count: int, *, fds: float = 0.0, memory: float = 0.0, noise: float = 0.0) -> list[Round]:
    drawn = random.Random(7)
    return [
        Round(
            at=float(number),
            ended=50 * number,
            fds=round(20 + fds * 50 * number),
            memory=round(40e6 + memory * 50 * number + noise * drawn.gauss(0, 1)),
        )
        for number in range(1, count + 1)
    ]


def test_nothing_kept() -> None:
    made = record(*_rounds(12, noise=4096))
    assert FDS.judge(made).verdict is Verdict.HELD
    assert MEMORY.judge(made).verdict is Verdict.HELD


@pytest.mark.parametrize("ended", [[0] * 12, [0] * 6 + [50] * 6, [0, *range(0, 550, 50)]])
def test_rounds_in_which_nobody_got_in_decide_nothing(ended: list[int]) -> None:
    rounds = [replace(each, ended=count) for each, count in zip(_rounds(12), ended, strict=True)]
    finding = FDS.judge(record(*rounds))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        f"{ended[-1]} connections ended, in so few of 12 rounds that there are {len(set(ended))} points, "
        "and 12 are needed",
    )


def test_a_descriptor_kept_per_connection() -> None:
    finding = FDS.judge(record(*_rounds(12, fds=1.0)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed.startswith("1000 fds kept per 1,000 ended connections (1000 fds to 1000 fds, 600 endings")


def test_memory_kept_per_connection() -> None:
    finding = MEMORY.judge(record(*_rounds(12, memory=8192, noise=4096)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.figure == "8.2MB/1k"


def test_a_single_step_is_no_leak() -> None:
    """An allocator that takes another megabyte once: the median of all slopes hardly moves."""
    rounds = _rounds(16)
    stepped = [
        Round(at=each.at, ended=each.ended, fds=each.fds, memory=each.memory + (2**20 if each.at > 8 else 0))
        for each in rounds
    ]
    assert MEMORY.judge(record(*stepped)).verdict is not Verdict.VIOLATED


def test_an_interval_that_holds_the_margin_decides_nothing_and_says_how_little_it_could_see() -> None:
    finding = MEMORY.judge(record(*_rounds(12, memory=1800, noise=400_000)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "is the smallest that could be seen" in finding.observed


def test_too_few_rounds_decide_nothing() -> None:
    finding = FDS.judge(record(*_rounds(11)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "11 rounds were measured, 12 are needed",
    )


@pytest.mark.parametrize(
    ("expectation", "words"),
    [(ConnectionsNotKept(margin=0.01), "connections"), (TasksNotKept(margin=0.01), "tasks")],
)
def test_what_only_the_statistics_tell(expectation: ConnectionsNotKept | TasksNotKept, words: str) -> None:
    kept = [replace(each, **{words: 1.0 + each.ended / 10}) for each in _rounds(12)]
    finding = expectation.judge(record(*kept))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, f"100 {words}/1k")
    steady = [replace(each, **{words: 1.0}) for each in _rounds(13)]
    assert expectation.judge(record(*steady)).verdict is Verdict.HELD
    # A round after which they could not be read does not count, and twelve are left.
    assert expectation.judge(record(replace(steady[0], **{words: None}), *steady[1:])).verdict is Verdict.HELD
    finding = expectation.judge(record(*_rounds(12)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "0 rounds were measured, 12 are needed",
    )


@pytest.mark.parametrize(
    "breach",
    [ConnectionsNotKept(margin=0.01), FdsNotKept(margin=0.01), MemoryNotKept(margin=2000), TasksNotKept(margin=0.01)],
)
def test_what_is_kept_is_kept_however_old_the_connection_was(breach: Expectation) -> None:
    kept = [
        replace(each, connections=float(each.ended), tasks=float(each.ended))
        for each in _rounds(13, fds=1.0, memory=10_000.0)
    ]
    old = ended(at=2.8)
    made = record(attempt(), old, *kept)
    assert breach.judge(made).verdict is Verdict.VIOLATED
    assert not explained(breach, made, [Aged(old, age=1.8, promised=2.0)])


def test_a_thread_kept_per_connection() -> None:
    threads = ThreadsNotKept(margin=0.01)
    growing = [replace(each, threads=1 + each.ended) for each in _rounds(12)]
    finding = threads.judge(record(*growing))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "1000 threads/1k")
    # A pool that fills is no leak.
    pool = [replace(each, threads=min(6, 2 * number)) for number, each in enumerate(_rounds(16), 1)]
    assert threads.judge(record(*pool)).verdict is Verdict.HELD


def test_of_sessions_there_may_be_none_and_of_files_never() -> None:
    sessions = SessionsNotKept(margin=0.01)
    none = [replace(each, kept_sessions=0.0) for each in _rounds(12)]
    assert sessions.judge(record(*none)).verdict is Verdict.HELD
    growing = [replace(each, kept_sessions=float(each.ended)) for each in _rounds(12)]
    finding = sessions.judge(record(*growing))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "1000 sessions/1k")
    assert sessions.judge(record(*_rounds(12))).observed == "0 rounds were measured, 12 are needed"
    unread = [replace(each, fds=0) for each in _rounds(12)]
    assert FDS.judge(record(*unread)).observed == "nothing could be read of the server's processes"
