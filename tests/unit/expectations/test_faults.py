from __future__ import annotations

import pytest

from chaos.expectations import FaultsBit, FaultsHealed, SteadyBefore
from chaos.journal import Beat, Bite, HealingState
from chaos.verdict import Verdict
from tests.unit.expectations.records import bite, healed, injected, record


def test_no_fault_is_sound() -> None:
    assert FaultsBit().judge(record()).verdict is Verdict.HELD
    assert FaultsHealed().judge(record()).verdict is Verdict.HELD


def test_a_fault_that_bit_and_healed_is_sound() -> None:
    made = record(injected(), bite(), healed())
    assert FaultsBit().judge(made).verdict is Verdict.HELD
    assert FaultsHealed().judge(made).verdict is Verdict.HELD


@pytest.mark.parametrize("how", [Bite.DID_NOT_BITE, Bite.UNKNOWN])
def test_a_fault_that_did_not_bite_decides_nothing(how: Bite) -> None:
    finding = FaultsBit().judge(record(injected(), bite(how=how, covered=0), healed()))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == (
        "the fault did not bite as it should, so nothing can be said of the server: "
        f"vanished: {how.value} on 0 of 10 connections"
    )


def test_a_fault_that_bit_some_only_decides_nothing() -> None:
    assert FaultsBit().judge(record(injected(), bite(covered=9), healed())).verdict is Verdict.INCONCLUSIVE


def test_a_fault_without_a_receipt_decides_nothing() -> None:
    finding = FaultsBit().judge(record(injected(), injected(11.0), bite()))
    assert finding.observed == "1 of 2 faults left no receipt"
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_a_fault_that_cannot_be_healed_is_never_green() -> None:
    finding = FaultsHealed().judge(record(injected(), bite(), healed(state=HealingState.FAILED)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "vanished could not be healed"


def test_a_fault_that_went_with_the_target_is_healed() -> None:
    made = record(injected(), bite(), healed(state=HealingState.GONE_WITH_THE_TARGET))
    assert FaultsHealed().judge(made).verdict is Verdict.HELD


def test_a_fault_that_was_not_seen_to_heal_is_never_green() -> None:
    assert FaultsHealed().judge(record(injected(), bite())).verdict is Verdict.INCONCLUSIVE


def _beat(at: float, *, ok: bool) -> Beat:
    return Beat(at=at, ok=ok, round_trip=0.001, lateness=0.0, detail="" if ok else "TimeoutError")


def test_a_server_that_was_not_well_before_the_fault_cannot_be_judged_by_it() -> None:
    well = record(_beat(9.0, ok=True), injected(10.0), bite(), _beat(11.0, ok=False), healed())
    assert SteadyBefore().judge(well).verdict is Verdict.HELD
    ill = SteadyBefore().judge(record(_beat(9.0, ok=False), injected(10.0), bite(), healed()))
    assert ill.verdict is Verdict.INCONCLUSIVE
    assert ill.observed == "1 of 1 exchanges failed before the first fault: TimeoutError"


def test_without_a_fault_the_promise_itself_is_judged() -> None:
    assert SteadyBefore().judge(record(_beat(9.0, ok=False))).verdict is Verdict.HELD
