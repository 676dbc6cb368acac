"""Quantities as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.units import (
    DURATION_UNITS,
    SIZE_UNITS,
    counted,
    format_count,
    format_duration,
    format_long,
    format_size,
    parse_duration,
    parse_size,
    quantity_pattern,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300s", 300.0),
        ("50ms", 0.05),
        ("5min", 300.0),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("20us", 20e-6),
        ("1.5 s", 1.5),
        (" 2s ", 2.0),
        ("0s", 0.0),
    ],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("5MB", 5_000_000),
        ("64KiB", 65_536),
        ("1kB", 1000),
        ("1KB", 1000),
        ("0.5MiB", 524_288),
        ("7B", 7),
        ("1GB", 10**9),
    ],
)
def test_sizes_are_bytes(text: str, count: int) -> None:
    assert parse_size(text) == count
    assert isinstance(parse_size(text), int)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (30, 'a duration is written as text with its unit, such as "30s" or "250ms"; found 30'),
        (True, 'a duration is written as text with its unit, such as "30s" or "250ms"; found True'),
        ("30", 'a duration is a number and a unit, such as "30s" or "250ms"; found \'30\''),
        ("", 'a duration is a number and a unit, such as "30s" or "250ms"; found \'\''),
        ("-1s", 'a duration is a number and a unit, such as "30s" or "250ms"; found \'-1s\''),
        ("1e3s", 'a duration is a number and a unit, such as "30s" or "250ms"; found \'1e3s\''),
        ("5sec", "a duration has one of the units us, ms, s, m, min, h, d; found 'sec' in '5sec'"),
        ("5MB", "a duration has one of the units us, ms, s, m, min, h, d; found 'MB' in '5MB'"),
        ("9" * 400 + "s", "a duration is finite; found '99999999999999999999' and so on"),
    ],
)
def test_what_is_no_duration_says_why(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_duration(value)


def test_a_size_without_end_is_refused_and_does_not_overflow() -> None:
    with pytest.raises(ValueError, match=r"^a size is finite; found '99999999999999999999' and so on$"):
        parse_size("9" * 400 + "MB")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (20e-6, "20us"),
        (0.0008, "800us"),
        (0.25, "250ms"),
        (0.9996, "1s"),
        (0.0009996, "1ms"),
        (1.5, "1.5s"),
        (90, "90s"),
        (120, "2min"),
        (150, "150s"),
        (999.7, "1000s"),
        (5400, "90min"),
        (7200, "2h"),
        (1234.5, "1234s"),
        (-0.25, "-250ms"),
    ],
)
def test_durations_are_written_as_a_person_would(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1kB"),
        (65_536, "65.5kB"),
        (999_999, "1MB"),
        (5_000_000, "5MB"),
        (-1500, "-1.5kB"),
        (2_500_000_000, "2.5GB"),
    ],
)
def test_sizes_are_written_as_a_person_would(count: float, text: str) -> None:
    assert format_size(count) == text


@given(st.floats(min_value=1e-6, max_value=1e6, allow_nan=False))
def test_a_written_duration_is_read_back_to_three_digits(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=0.01)


@given(st.floats(min_value=1, max_value=1e13, allow_nan=False))
def test_a_written_size_is_read_back_to_three_digits(count: float) -> None:
    assert parse_size(format_size(count)) == pytest.approx(count, rel=0.01, abs=0.5)


@given(st.from_regex(quantity_pattern(DURATION_UNITS)))
def test_what_the_schema_calls_a_duration_is_one(text: str) -> None:
    assert parse_duration(text) >= 0


@given(st.from_regex(quantity_pattern(SIZE_UNITS)))
def test_what_the_schema_calls_a_size_is_one(text: str) -> None:
    assert parse_size(text) >= 0


@pytest.mark.parametrize(("number", "text"), [(0, "0 hits"), (1, "1 hit"), (2, "2 hits")])
def test_a_number_with_its_noun(number: int, text: str) -> None:
    assert counted(number, "hit") == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (1005.4, "1010"), (-1.2345, "-1.23"), (0.000123, "0.000123"), (1e6, "1000000")]
)
def test_counts_have_three_digits_and_no_exponent(count: float, text: str) -> None:
    assert format_count(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250ms"), (90, "90s"), (120, "2min"), (3600, "1h"), (11_537, "3h12min"), (28_800, "8h"), (86_401, "24h")],
)
def test_what_lasts_is_told_in_hours_and_minutes(seconds: float, text: str) -> None:
    assert format_long(seconds) == text
