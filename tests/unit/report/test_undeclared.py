"""What a target does not declare, as a skip says it and as a report reads it."""

from __future__ import annotations

import pytest

from chaos.report.undeclared import undeclared_keys, undeclared_reason, undeclared_words


def test_the_sentence_is_read_again() -> None:
    reason = undeclared_reason(["latency.p99", "breaker.waits_for"], ["feed", "data"])
    assert reason == (
        "the contract declares no promises.latency.p99, promises.breaker.waits_for; the target declares no "
        "endpoints.feed, endpoints.data"
    )
    assert undeclared_keys(reason) == (
        "promises.latency.p99",
        "promises.breaker.waits_for",
        "endpoints.feed",
        "endpoints.data",
    )
    assert undeclared_keys(undeclared_reason(["latency.p99"], []) or "") == ("promises.latency.p99",)
    assert undeclared_keys(undeclared_reason([], ["feed"]) or "") == ("endpoints.feed",)
    assert undeclared_reason([], []) is None


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "needs a server that speaks TLS: it declares no TLS",
        "the target declares no endpoints.data, so there is nobody to ask",
        "promises.rejection.max_connections = 50 leaves no place for 53 clients",
    ],
)
def test_another_reason_names_nothing(reason: str) -> None:
    assert undeclared_keys(reason) == ()


def test_a_family_of_which_nothing_is_declared_is_named_by_itself() -> None:
    keys = ["promises.b.y", "promises.a.z", "endpoints.feed", "promises.a.x", "promises.b.y"]
    assert undeclared_words(keys, declared={"a"}) == "b; of a: x, z; endpoints: feed"
    assert undeclared_words(keys, declared=None) == "of a: x, z; of b: y; endpoints: feed"
