"""Telling the answer to one exchange from everything else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.crowd.exchange import Exchange, ExchangeResult


@pytest.mark.parametrize(
    ("expect", "text", "answered"),
    [
        ("{n}", "7", True),
        ("{n}", "chaos 7", True),
        ("{n}", "chaos 17", False),
        ("{n}", "chaos 71", False),
        ("{n}", "17 and 7 and 71", True),
        ("{n}", "nothing", False),
        ('"echo": *"hi {n}"', '{"seq": 7, "echo": "hi 7"}', True),
        ('"echo": *"hi {n}"', '{"seq": 7, "echo": "hi 8"}', False),
        ("^{n}-{n}$", "7-7", True),
        ("^{n}-{n}$", "7-8", False),
        (".*{n}", "7 of 9", True),  # a greedy part passes by the first number
        (r"(a)\1 {n}", "aa 7", True),  # groups of its own keep their numbers
        (r"{n} (a)\1", "7 aa", True),
        (r"{n} (a)\1", "7 ab", False),
        (r"{n} (a)\1", "7 a7", False),
        (r"\d{3} {n}", "777 7", True),  # other braces are the regular expression's
        ("(?i)PONG {n}", "pong 7", True),
        ("pong", "ping pong", True),  # no number: any answer that fits
        ("pong", "ping", False),
    ],
)
def test_answered_by(expect: str, text: str, answered: bool) -> None:
    assert Exchange(send="{n}", expect=expect).answered_by(text, 7) is answered


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.text(alphabet="0123456789 x-", max_size=8))
def test_the_echo_of_a_number_answers_it_and_no_other(asked: int, other: int, around: str) -> None:
    exchange = Exchange(send="chaos {n}", expect="chaos {n}")
    assert exchange.answered_by(f"{around} {exchange.message(asked)}", asked)
    assert exchange.answered_by(exchange.message(asked), other) is (asked == other)


def test_braces_of_json_stay() -> None:
    assert Exchange(send='{"id": {n}, "a": {}}', expect="{n}").message(5) == '{"id": 5, "a": {}}'


def test_results_add_up() -> None:
    first = ExchangeResult(
        sent=3,
        answered=2,
        wrong=1,
        missing=0,
        unsent=0,
        round_trips=(0.1, 0.4),
        sent_at=(2.5, 1.5),
        began=1.0,
        ended=3.0,
    )
    second = ExchangeResult(
        sent=1, answered=1, wrong=0, missing=0, unsent=2, round_trips=(0.2,), sent_at=(3.0,), began=2.0, ended=4.0
    )
    both = first + second
    assert both == ExchangeResult(
        sent=4,
        answered=3,
        wrong=1,
        missing=0,
        unsent=2,
        round_trips=(0.1, 0.2, 0.4),
        sent_at=(2.5, 3.0, 1.5),
        began=1.0,
        ended=4.0,
    )


@pytest.mark.parametrize(
    ("sent", "answered", "unsent", "complete"), [(2, 2, 0, True), (2, 1, 0, False), (2, 2, 1, False), (0, 0, 0, True)]
)
def test_complete(sent: int, answered: int, unsent: int, complete: bool) -> None:
    result = ExchangeResult(
        sent=sent,
        answered=answered,
        wrong=0,
        missing=sent - answered,
        unsent=unsent,
        round_trips=(),
        sent_at=(),
        began=1.0,
        ended=2.0,
    )
    assert result.complete is complete
