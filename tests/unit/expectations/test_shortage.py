from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import DoesNotSpin, LogsLittle, ShortageLasted
from chaos.journal import Event, Logged, Sample
from chaos.verdict import Verdict
from tests.unit.expectations.records import bite, healed, record

LASTED = ShortageLasted("cpu-quota")


def reading(at: float, *, throttled: float) -> Sample:
    """Seconds for which our limit has kept the server from running so far."""
    return Sample(at=at, took=0.001, throttled=throttled)


def limited(*throttled: float, since: float = 10.0, until: float = 12.0) -> list[Event]:
    """A limit of two seconds, with what was read every 0.1 s from its receipt on."""
    return [
        replace(bite(since), fault="cpu-quota"),
        *(reading(since + 0.05 + step / 10, throttled=value) for step, value in enumerate(throttled)),
        replace(healed(until), fault="cpu-quota"),
    ]


def test_a_server_that_is_kept_from_running_all_along_was_short() -> None:
    finding = LASTED.judge(record(*limited(*(step * 0.09 for step in range(20)))))
    assert (finding.verdict, finding.observed) == (
        Verdict.HELD,
        "in 1.99s it was not kept from running for 140ms at most",
    )
    assert finding.promised == "a server that has used up its CPU every 500ms, for as long as it is limited"


@pytest.mark.parametrize(
    ("throttled", "longest"),
    [
        ([min(step, 9) * 0.09 for step in range(20)], "1.05s"),
        ([0.3] * 20, "1.99s"),
        ([], "1.99s"),
    ],
    ids=["then it had enough", "only at first", "nobody looked"],
)
def test_a_server_that_had_cpu_to_spare_meanwhile_has_shown_nothing(throttled: list[float], longest: str) -> None:
    finding = LASTED.judge(record(*limited(*throttled)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        f"in 1.99s it was not kept from running for {longest} at most",
    )


def test_what_kept_it_from_running_before_and_after_does_not_count() -> None:
    outside = [reading(9.9, throttled=0.1), reading(12.3, throttled=9.0)]
    assert LASTED.judge(record(*outside, *limited(*[0.3] * 20))).verdict is Verdict.INCONCLUSIVE


def test_another_fault_is_not_the_limit() -> None:
    finding = LASTED.judge(record(bite(10.0), healed(12.0)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "cpu-quota was not both injected and healed",
    )


IDLES = DoesNotSpin("fd-limit", "while it can open no more files")


def using(*cpu: float, waited: float = 0.0) -> list[Event]:
    """A shortage of files, the seconds of a core used so far, read every 0.1 s, and for how long others kept it from
    using more."""
    readings = [
        Sample(
            at=10.05 + step / 10,
            took=0.001,
            cpu=value,
            waited=waited * step / len(cpu),
            busy=20.0 * step / len(cpu) if waited else 0.0,
            cores=2,
        )
        for step, value in enumerate(cpu)
    ]
    return [replace(bite(10.0), fault="fd-limit"), *readings, replace(healed(12.0), fault="fd-limit")]


def test_a_server_that_waits_until_it_has_files_again_uses_nothing() -> None:
    finding = IDLES.judge(record(*using(*(5.0 + step * 0.001 for step in range(19)))))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "0.01 cores")
    assert finding.observed == "0.01 of a core was used for 1.8s while it can open no more files"


def test_one_that_tries_again_at_once_spins() -> None:
    finding = IDLES.judge(record(*using(*(5.0 + step * 0.09 for step in range(19)))))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "0.90 cores")
    assert finding.promised == "no more than 0.5 of a core is used while it can open no more files"


def test_what_was_used_before_and_after_is_another_matter() -> None:
    busy = [
        Sample(at=at, took=0.001, cpu=cpu, cores=2) for at, cpu in ((8.9, 0.0), (9.0, 5.0), (13.0, 5.0), (13.1, 20.0))
    ]
    assert IDLES.judge(record(*busy[:2], *using(*[5.0] * 19), *busy[2:])).verdict is Verdict.HELD


def test_one_that_others_keep_from_spinning_may_have_spun() -> None:
    finding = IDLES.judge(record(*using(*(5.0 + step * 0.01 for step in range(19)), waited=1.8)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "others kept the server waiting" in finding.observed
    # Who has nothing to do leaves most of what it is given, and does not spin however long it waits for it.
    rested = IDLES.judge(record(*using(*(5.0 + step * 0.01 for step in range(19)), waited=0.95)))
    assert rested.verdict is Verdict.HELD


def test_a_worker_that_ends_takes_nothing_along_of_what_its_successor_uses() -> None:
    before, after = [35.0 + step * 0.09 for step in range(9)], [5.0 + step * 0.09 for step in range(10)]
    finding = IDLES.judge(record(*using(*before, *after)))
    assert finding.verdict is Verdict.VIOLATED


@pytest.mark.parametrize("events", [using(), using(5.0), using(5.0, 5.0)[1:]], ids=["no look", "one look", "no fault"])
def test_what_nobody_read_is_no_answer(events: list[Event]) -> None:
    assert IDLES.judge(record(*events)).verdict is Verdict.INCONCLUSIVE


LITTLE = LogsLittle("fd-limit", "while it can open no more files")


def logging(*sizes: int) -> list[Event]:
    """A shortage of two seconds, with what was logged so far, a second apart."""
    looks = [Logged(at=10.2 + number, size=size, said=("the same again",)) for number, size in enumerate(sizes)]
    return [replace(bite(10.0), fault="fd-limit"), *looks, replace(healed(12.0), fault="fd-limit")]


def test_a_line_each_second_is_little() -> None:
    finding = LITTLE.judge(record(*logging(5_000_000, 5_000_100)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "100B/s")
    assert finding.observed == "100B a second were logged for 1s while it can open no more files"


def test_a_log_that_grows_by_more_than_a_gigabyte_in_a_day_is_full_one_day() -> None:
    finding = LITTLE.judge(record(*logging(0, 1_600_000)))
    assert (finding.verdict, finding.figure, finding.evidence) == (Verdict.VIOLATED, "1.6MB/s", ("the same again",))
    assert finding.promised == "no more than 10kB a second are logged while it can open no more files"


@pytest.mark.parametrize("looks", [(), (5,)])
def test_what_was_not_read_twice_in_the_shortage_is_not_judged(looks: tuple[int, ...]) -> None:
    outside = [Logged(at=9.0, size=0), Logged(at=13.0, size=10**9)]
    finding = LITTLE.judge(record(outside[0], *logging(*looks), outside[1]))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "nobody could read how much it logged while it can open no more files",
    )


def test_another_fault_is_no_shortage_of_files() -> None:
    looks = [Logged(at=10.2, size=0), Logged(at=11.2, size=10**9)]
    assert LITTLE.judge(record(bite(10.0), *looks, healed(12.0))).verdict is Verdict.INCONCLUSIVE
