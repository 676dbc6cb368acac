"""One mistake in one key: what was found, what is allowed, what may have been meant."""

# ruff: noqa: E501 - messages stand here as they are printed

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.unit.target_file.writing import DURATION, MINIMAL, PATH, SIZE, complaint, write


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        pytest.param(
            '[promises.liveness]\nheartbeat_intervall = "300ms"',
            """\
            FILE:8: promises.liveness.heartbeat_intervall is not a key of promises.liveness; did you mean heartbeat_interval?
                found:   heartbeat_intervall = "300ms"
                allowed: heartbeat_interval, heartbeat_timeout, idle_timeout, idle_warning, idle_code, max_age, age_code""",
            id="a misspelt key",
        ),
        pytest.param(
            '[promises.cleanup]\nidle_timeout = "3s"',
            """\
            FILE:8: promises.cleanup.idle_timeout is not a key of promises.cleanup; did you mean promises.liveness.idle_timeout or promises.settings.idle_timeout?
                found:   idle_timeout = "3s"
                allowed: sweep_interval, farewell, closed_within, database_sessions""",
            id="a key of another table",
        ),
        pytest.param(
            "[promises.cleanup]\nSweep-Interval = 3",
            """\
            FILE:8: promises.cleanup.Sweep-Interval is not a key of promises.cleanup; did you mean sweep_interval?
                found:   Sweep-Interval = 3
                allowed: sweep_interval, farewell, closed_within, database_sessions""",
            id="another spelling of a key",
        ),
        pytest.param(
            '[promises.cleanup]\n"very odd" = { x = 1 }',
            """\
            FILE:8: promises.cleanup."very odd" is not a key of promises.cleanup
                found:   "very odd" = a table with x
                allowed: sweep_interval, farewell, closed_within, database_sessions""",
            id="a key like none",
        ),
        pytest.param(
            '[promise.liveness]\nmax_age = "1h"',
            """\
            FILE:7: promise is not a key of a target file; did you mean promises?
                found:   promise = a table with liveness
                allowed: name, description, extends, without, dialect, start, tls, endpoints, upstream, statistics, promises""",
            id="a misspelt table",
        ),
        pytest.param(
            "[promises.liveness]\nmax_age = 20",
            f"""\
            FILE:8: promises.liveness.max_age is a number without a unit; did you mean "20s" or "20ms"?
                found:   20
                allowed: {DURATION}""",
            id="a bare number for a duration",
        ),
        pytest.param(
            "[promises.leak_free]\nmemory_per_connection = 1.5",
            f"""\
            FILE:8: promises.leak_free.memory_per_connection is a number without a unit; did you mean "1.5MB" or "1.5kB"?
                found:   1.5
                allowed: {SIZE}""",
            id="a bare number for a size",
        ),
        pytest.param(
            '[promises.liveness]\nmax_age = "20secs"',
            f"""\
            FILE:8: promises.liveness.max_age is not a duration; did you mean "20s"?
                found:   "20secs"
                allowed: {DURATION}""",
            id="another word for a unit",
        ),
        pytest.param(
            '[promises.liveness]\nmax_age = "20S"',
            f"""\
            FILE:8: promises.liveness.max_age is not a duration; did you mean "20s"?
                found:   "20S"
                allowed: {DURATION}""",
            id="a unit in capitals",
        ),
        pytest.param(
            '[promises.leak_free]\nmemory_per_connection = "5mb"',
            f"""\
            FILE:8: promises.leak_free.memory_per_connection is not a size; did you mean "5MB"?
                found:   "5mb"
                allowed: {SIZE}""",
            id="a size in small letters",
        ),
        pytest.param(
            '[promises.liveness]\nmax_age = "soon"',
            f"""\
            FILE:8: promises.liveness.max_age is not a duration
                found:   "soon"
                allowed: {DURATION}""",
            id="no duration at all",
        ),
        pytest.param(
            '[promises.liveness]\nmax_age = "0s"',
            f"""\
            FILE:8: promises.liveness.max_age is not above zero
                found:   "0s"
                allowed: {DURATION}""",
            id="a duration of nothing",
        ),
        pytest.param(
            "[promises.liveness]\nmax_age = true",
            f"""\
            FILE:8: promises.liveness.max_age is not a duration
                found:   true
                allowed: {DURATION}""",
            id="a truth value for a duration",
        ),
        pytest.param(
            f'[promises.liveness]\nmax_age = "{"9" * 400}s"',
            f"""\
            FILE:8: promises.liveness.max_age is not a duration
                found:   "{"9" * 76}...
                allowed: {DURATION}""",
            id="a duration without end",
        ),
        pytest.param(
            '[promises.rejection]\nmax_connections = 1\nwithin = "1s"\nanswer = "HTTP_503"',
            """\
            FILE:10: promises.rejection.answer is none of the choices; did you mean "http-503"?
                found:   "HTTP_503"
                allowed: one of "http-503", "close-1013\"""",
            id="a misspelt choice",
        ),
        pytest.param(
            '[promises.rejection]\nmax_connections = "100"\nwithin = "1s"\nanswer = "close-1013"',
            """\
            FILE:8: promises.rejection.max_connections is text; did you mean 100?
                found:   "100"
                allowed: an integer above 0""",
            id="text for an integer",
        ),
        pytest.param(
            '[promises.rejection]\nmax_connections = 1.5\nwithin = "1s"\nanswer = "close-1013"',
            """\
            FILE:8: promises.rejection.max_connections is a number
                found:   1.5
                allowed: an integer above 0""",
            id="a fraction for an integer",
        ),
        pytest.param(
            '[promises.rejection]\nmax_connections = 1\nwithin = "1s"\nanswer = "http-503"\nretry_after = "yes"',
            """\
            FILE:11: promises.rejection.retry_after is text; did you mean true?
                found:   "yes"
                allowed: true or false""",
            id="text for a truth value",
        ),
        pytest.param(
            '[promises.closing]\nshutdown_code = 999\nshutdown_within = "1s"',
            """\
            FILE:8: promises.closing.shutdown_code is too small
                found:   999
                allowed: an integer from 1000 to 4999""",
            id="a figure below its range",
        ),
        pytest.param(
            '[promises.establishment]\nwithin = "1s"\nsuccess_ratio = 95',
            """\
            FILE:9: promises.establishment.success_ratio is too large
                found:   95
                allowed: a number above 0 and up to 1""",
            id="per cent for a ratio",
        ),
        pytest.param(
            '[promises.establishment]\nwithin = "1s"\nsuccess_ratio = inf',
            """\
            FILE:9: promises.establishment.success_ratio is not finite
                found:   Infinity
                allowed: a number above 0 and up to 1""",
            id="infinity",
        ),
        pytest.param(
            '[promises.establishment]\nwithin = "1s"\nramp = []',
            """\
            FILE:9: promises.establishment.ramp is empty
                found:   []
                allowed: an array, each item an integer above 0""",
            id="an empty array",
        ),
        pytest.param(
            '[promises.establishment]\nwithin = "1s"\nramp = [\n  10,\n  0,\n]',
            """\
            FILE:9: promises.establishment.ramp[1] is too small
                found:   0
                allowed: an integer above 0""",
            id="one item of an array",
        ),
        pytest.param(
            "[promises.latency]",
            f"""\
            FILE:7: promises.latency.p99 is missing: 99th percentile of the round trip when nothing is wrong.
                allowed: {DURATION}""",
            id="a missing key",
        ),
        pytest.param(
            '[promises.latency]\np9 = "50ms"',
            """\
            FILE:8: promises.latency.p9 is not a key of promises.latency; did you mean p99?
                found:   p9 = "50ms"
                allowed: p99""",
            id="a misspelt key, which is not missing as well",
        ),
        pytest.param(
            "[promises]\nlatency = 3",
            """\
            FILE:8: promises.latency is an integer
                found:   3
                allowed: a table with the keys p99""",
            id="a value for a table",
        ),
        pytest.param(
            "[promises]\nlatency = { p99 = 2020-01-01 }",
            """\
            FILE:8: promises.latency.p99 is a date or a time, which no key takes; text stands in quotes; did you mean "2020-01-01"?
                found:   2020-01-01""",
            id="a date",
        ),
        pytest.param(
            '[statistics]\nconnections = "/connections"',
            f"""\
            FILE:7: statistics.path is missing
                allowed: {PATH}""",
            id="statistics without their path",
        ),
        pytest.param(
            '[statistics]\npath = "stats"',
            f"""\
            FILE:8: statistics.path does not have the right form; did you mean "/stats"?
                found:   "stats"
                allowed: {PATH}""",
            id="a path without its slash",
        ),
        pytest.param(
            '[upstream]\nenvironment = "RPC-URL"',
            """\
            FILE:8: upstream.environment does not have the right form
                found:   "RPC-URL"
                allowed: text that matches ^[A-Za-z_][A-Za-z0-9_]*$, such as "UPSTREAM_URL\"""",
            id="no name of a variable",
        ),
    ],
)
def test_one_mistake(tmp_path: Path, addition: str, message: str) -> None:
    path = write(tmp_path, MINIMAL + addition + "\n")
    assert complaint(path) == "FILE has 1 mistake:\n" + dedent(message)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("a{99999999999999999999}", "the repetition number is too large"),
        ("(" * 2000 + ")" * 2000, "its groups are nested too deeply"),
        ("[[a]", "Possible nested set at position 1"),
    ],
)
def test_expressions_that_re_takes_offence_at(tmp_path: Path, expression: str, problem: str) -> None:
    said = complaint(write(tmp_path, MINIMAL + f"expect = '{expression}'\n"))
    assert said.splitlines()[1] == f"FILE:7: endpoints.echo.expect is no regular expression: {problem}"


def test_a_name_becomes_one_for_files(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL.replace('"mine"', '"My Server!"'))
    assert complaint(path).splitlines()[1] == 'FILE:2: name does not have the right form; did you mean "my-server"?'


def test_where_it_was_read_from_is_no_key(tmp_path: Path) -> None:
    path = write(tmp_path, 'file = "elsewhere"\n' + MINIMAL)
    assert complaint(path).splitlines()[1] == "FILE:1: file is not a key of a target file"
